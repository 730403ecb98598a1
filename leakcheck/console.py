"""What the command line knows of terminals, of where its output goes, and of the files behind a report."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from io import StringIO, TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from leakcheck.status import CLEAN, FAILED

if TYPE_CHECKING:
    from leakcheck.diagnostics import Report
    from leakcheck.report import Paint

_PATIENCE = 1.0  # seconds before a progress bar appears
_INTERVAL = 0.1
_WIDTH = 30


def use_colour(stream: TextIO | None) -> bool:
    """Whether to colour what goes there: https://no-color.org and https://force-color.org, else on terminals."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def write(text: str, file: Path | None = None) -> None:
    """Names of files that are no text, and what a terminal cannot show, are written as JSON would: `caf\\udce9`."""
    if file is None:
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        click.echo(text, nl=False, color=True)  # colours were decided before
        return
    try:
        file.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise click.ClickException(f"{file}: cannot be written: {error.strerror}") from None


def tell_errors(reports: Sequence[Report]) -> int:
    """Name the files that could not be checked, and give the exit status for that."""
    for report in reports:
        click.echo(f"{report.filename}: {report.error}", err=True)
    return FAILED if reports else CLEAN


def tell_hint(reports: Sequence[Report], paint: Paint) -> None:
    """The first piece of advice: the others say the same of other names."""
    hints = (hint for report in reports for hint in report.hints)
    for hint in islice(hints, 1):
        click.echo(f"{paint('hint', fg='cyan', bold=True)}: {hint}", err=True, color=True)


class Progress:
    """A bar on a terminal, for runs that take longer than a moment; gone when they end."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream or StringIO()  # a process may be started without one
        self._next = time.monotonic() + _PATIENCE if self._stream.isatty() else float("inf")
        self._shown = False

    def update(self, done: int, total: int) -> None:
        """Show how far it got."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next, self._shown = now + _INTERVAL, True
        full = _WIDTH * done // max(total, 1)
        self._stream.write(f"\r[{'#' * full}{'.' * (_WIDTH - full)}] {done} of {total} files with database code ")
        self._stream.flush()

    def clear(self) -> None:
        """Take the bar away."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


class SourceLines:
    """The lines of any file, read when first asked for; of standard input those given."""

    def __init__(self, given: Mapping[str, bytes] | None = None) -> None:
        self._given = given or {}
        self._read = lru_cache(maxsize=64)(self._lines)

    def __call__(self, filename: str) -> Sequence[str]:
        """None, if the file is gone."""
        return self._read(filename)

    def _lines(self, filename: str) -> Sequence[str]:
        from leakcheck.diagnostics import split_lines
        from leakcheck.project.source import SourceUnreadable, decode

        try:
            if filename in self._given:
                return split_lines(decode(self._given[filename]))
            with open(filename, "rb") as file:
                return split_lines(decode(file.read()))
        except (OSError, SourceUnreadable):
            return ()
