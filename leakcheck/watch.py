"""`--watch`: checks again whenever a file changes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leakcheck.batches import forget
from leakcheck.project.folders import REQUIREMENTS
from leakcheck.toml import CatalogueError

if TYPE_CHECKING:
    from leakcheck.project.discovery import Found

INTERVAL = 0.5  # seconds between looks

Stamps = dict[str, tuple[int, int]]


def keep_checking(check: Callable[[], int], find: Callable[[], Found], pause: Callable[[], None] | None = None) -> int:
    """Check, and again after every change, until somebody interrupts. Files that come and go are changes too."""
    seen: Stamps | None = None
    while True:
        now = _stamps(find)
        if now != seen:
            seen = now
            click.clear()
            _once(check)
        (pause or _wait)()


def _once(check: Callable[[], int]) -> None:
    forget()
    try:
        check()
    except click.UsageError:
        raise
    except (click.ClickException, CatalogueError) as error:  # a half-written pyproject.toml is no reason to stop
        click.echo(f"leakcheck: {getattr(error, 'message', error)}", err=True)


def _wait() -> None:
    time.sleep(INTERVAL)


def _stamps(find: Callable[[], Found]) -> Stamps:
    """When each file was last changed, and its size; the settings and the requirements are files too."""
    try:
        files = find().files
    except CatalogueError:
        files = ()
    settings = (str(folder / name) for folder in (Path.cwd(), *Path.cwd().parents) for name in REQUIREMENTS)
    found: Stamps = {}
    for file in (*files, *settings):
        try:
            status = os.stat(file)
        except OSError:
            continue
        found[file] = (status.st_mtime_ns, status.st_size)
    return found
