"""A library's acquire call on stage: what it takes, counted from outside, and how it is used."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leakcheck.catalogue import load
from leakcheck.models import Connection

Setup = Callable[[Path], AsyncIterator["Scene"]]


@dataclass
class Scene:
    """One acquire call. A pool has a single place and little patience."""

    acquire: Callable[[], Any]  # the call that the driver file names; a coroutine where the library gives one
    held: Callable[[], int]  # open connections or taken places, as the server, the system or the pool counts them
    pool: Any = None  # what `pool.putconn(conn)` is called on
    use: Callable[[Any], Any] = lambda conn: None  # a query; takes the connection of an object that is lazy
    reopen: Callable[[Any], Any] | None = None  # use after the release, if that is not `use`
    entered: Any = None  # the block that was opened on the call, where only that acquires
    finish: Callable[[Any], Any] = lambda conn: None  # waits until a release has had its effect
    write: Callable[[Any], Any] | None = None  # inserts a row
    written: Callable[[], int] = lambda: 0  # rows that others see
    patience: float = 0  # how long a pool made without saying waits, in seconds


@dataclass(frozen=True)
class Probe:
    """How to set up the scene of one entry of a driver file."""

    call: str
    setup: Callable[[Path], AbstractAsyncContextManager[Scene]]
    server: str  # what it needs: postgres, mariadb or nothing
    keywords: bool  # the entry that holds only with certain arguments
    needs: tuple[str, ...]  # packages besides the library itself

    @property
    def model(self) -> Connection:
        """What the driver file claims."""
        return next(m for m in load().by_acquire[self.call] if bool(m.when_keywords) == self.keywords)

    @property
    def missing(self) -> str:
        """Why it cannot run here, or nothing."""
        for package in (self.call.partition(".")[0], *self.needs):
            if importlib.util.find_spec(package) is None:
                return f"{package} is not installed"
        variable = f"LEAKCHECK_{self.server.upper()}"
        return f"no server: {variable} is not set" if self.server and variable not in os.environ else ""

    def __str__(self) -> str:
        return self.call + ("(pool_name)" if self.keywords else "")


PROBES: list[Probe] = []


def probe(
    *calls: str, server: str = "", keywords: bool = False, needs: tuple[str, ...] = ()
) -> Callable[[Setup], Setup]:
    """Register the set-up of a scene for these calls, one of each entry."""

    def register(setup: Setup) -> Setup:
        PROBES.extend(Probe(call, asynccontextmanager(setup), server, keywords, needs) for call in calls)
        return setup

    return register


def open_files(path: Path) -> int:
    """How many file descriptors of this process are open on a file."""
    return sum(_target(entry) == str(path) for entry in os.scandir("/proc/self/fd"))


def _target(entry: os.DirEntry[str]) -> str:
    try:
        return os.readlink(entry.path)
    except OSError:  # the descriptor of the listing itself
        return ""
