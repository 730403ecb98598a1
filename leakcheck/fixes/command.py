"""What the command line does with rewrites: writes files, or prints diffs, and then reports what is left."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from leakcheck.console import SourceLines, use_colour
from leakcheck.diagnostics import Report
from leakcheck.fixes.diff import unified
from leakcheck.fixes.files import NotWritten, encoded, write
from leakcheck.report import coloured, plain
from leakcheck.status import CLEAN, FAILED, FINDINGS

if TYPE_CHECKING:
    from leakcheck.options import Options
    from leakcheck.runner import Outcome

Conclude = Callable[..., int]


def fixed_files(outcome: Outcome, options: Options, conclude: Conclude) -> int:
    """For files on disk."""
    if options.diff:
        return _show(outcome, options)
    reports = tuple(_written(report) for report in outcome.reports)
    outcome = outcome._replace(reports=reports)
    if options.fix_only:
        return _errors(outcome)
    return conclude(outcome, options, SourceLines())


def fixed_stdin(outcome: Outcome, data: bytes, name: str, options: Options, conclude: Conclude) -> int:
    """For text from standard input: the new text goes to standard output, the report to standard error."""
    if options.diff:
        return _show(outcome, options)
    new = data
    for report in outcome.reports:
        if report.rewrite is not None:
            try:
                new = encoded(data, report.rewrite)
            except NotWritten as problem:
                click.echo(f"{name}: {problem}", err=True)
                return FAILED
    sys.stdout.flush()
    sys.stdout.buffer.write(new)
    sys.stdout.buffer.flush()
    return (
        _errors(outcome) if options.fix_only else conclude(outcome, options, SourceLines({name: new}), to_stderr=True)
    )


def _written(report: Report) -> Report:
    """The report, its file written. Where that fails, the file is as it was, and the report says so."""
    if report.rewrite is None:
        return report
    try:
        write(report.filename, report.rewrite)
    except NotWritten as problem:
        return replace(report, error=f"not fixed: {problem}", rewrite=None, diagnostics=())
    return report


def _show(outcome: Outcome, options: Options) -> int:
    paint = coloured if use_colour(sys.stdout) else plain
    changed = [report for report in outcome.reports if report.rewrite is not None]
    for report in changed:
        assert report.rewrite is not None
        click.echo(unified(report.filename, report.rewrite, paint), nl=False, color=True)
    if not options.quiet:
        count = sum(report.rewrite.count for report in changed if report.rewrite)
        click.echo(f"Would fix {count} finding{'' if count == 1 else 's'}.", err=True)
    return _errors(outcome) or (FINDINGS if changed and not options.exit_zero else CLEAN)


def _errors(outcome: Outcome) -> int:
    for report in outcome.errors:
        click.echo(f"{report.filename}: {report.error}", err=True)
    return FAILED if outcome.errors else CLEAN
