"""What the command line does about findings to live with: `--add-noqa`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from leakcheck.diagnostics import Report
from leakcheck.fixes.files import NotWritten, write
from leakcheck.known.noqa import silenced
from leakcheck.project.source import SourceUnreadable, read_source

if TYPE_CHECKING:
    from leakcheck.runner import Outcome

CLEAN, FAILED = 0, 2


def add_noqa(outcome: Outcome, reason: str) -> int:
    """Write a comment for every finding. The findings are those of the files on disk."""
    failures = [f"{report.filename}: {report.error}" for report in outcome.errors]
    count = files = 0
    for report in outcome.reports:
        try:
            done = _silence(report, reason)
        except (NotWritten, SourceUnreadable) as problem:
            failures.append(f"{report.filename}: {problem}")
            continue
        count, files = count + done, files + bool(done)
    for failure in failures:
        click.echo(failure, err=True)
    click.echo(f"Silenced {_counted(count, 'finding')} in {_counted(files, 'file')}.", err=True)
    return FAILED if failures else CLEAN


def _silence(report: Report, reason: str) -> int:
    if not report.diagnostics:
        return 0
    rewrite = silenced(read_source(Path(report.filename)), report.diagnostics, reason)
    if rewrite is None:
        return 0
    write(report.filename, rewrite)
    return rewrite.count


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
