"""Whole processes, timed from outside, in turn: what else the machine does falls on all of them alike."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Command:
    """What to run, in which folder; `before` is not timed."""

    words: Sequence[str]
    folder: Path
    before: Callable[[], object] = lambda: None


@dataclass(frozen=True)
class Run:
    """One process with its children: seconds by the clock, seconds of processors, bytes of the largest process."""

    wall: float
    cpu: float
    peak: float

    @staticmethod
    def median(runs: Sequence[Run]) -> Run:
        """The median of each figure."""
        return Run(*(median(getattr(run, field) for run in runs) for field in ("wall", "cpu", "peak")))


def once(command: Command) -> Run:
    """Run it. What it finds is nobody's concern here, that it could run is."""
    command.before()
    start = time.perf_counter()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command.words, cwd=command.folder, env=environment, stdout=quiet, stderr=quiet)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in range(64):  # pylint's status is a sum of kinds of messages
        raise RuntimeError(f"{' '.join(command.words[:4])} … exited {process.returncode}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def in_turn(commands: Mapping[str, Command], rounds: int) -> dict[str, Run]:
    """The medians by name, each command run once a round. One round before is not counted."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            run = once(command)
            if number:
                runs[name].append(run)
    return {name: Run.median(of) for name, of in runs.items()}
