"""What the command line does about findings to live with: `--add-noqa`, and the commands about a baseline."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leakcheck.console import SourceLines
from leakcheck.diagnostics import Report
from leakcheck.fingerprint import Scopes
from leakcheck.fixes.files import NotWritten, write
from leakcheck.fixes.text import Refused
from leakcheck.known import baseline
from leakcheck.known.noqa import silenced
from leakcheck.project.source import SourceUnreadable, read_source
from leakcheck.status import CLEAN, FAILED, FINDINGS

if TYPE_CHECKING:
    from leakcheck.options import Options
    from leakcheck.runner import Outcome
    from leakcheck.settings import Settings

Conclude = Callable[..., int]


def carry_out(outcome: Outcome, files: Sequence[str], options: Options, settings: Settings) -> int:
    """The one of these commands that was given."""
    if options.write_baseline is not None:
        return write_baseline(outcome, options.write_baseline, settings)
    if options.prune_baseline:
        return prune_baseline(outcome, files, options, settings)
    return add_noqa(baseline.without_known(outcome.reports, settings, SourceLines()), options.reason)


def add_noqa(reports: Sequence[Report], reason: str) -> int:
    """Write a comment for every finding."""
    failures = {report.filename: report.error for report in reports if report.error}
    count = files = 0
    for report in reports:
        try:
            done = _silence(report, reason)
        except (NotWritten, Refused, SourceUnreadable) as problem:
            failures[report.filename] = str(problem)
            continue
        count, files = count + done, files + bool(done)
    click.echo(f"Silenced {_counted(count, 'finding')} in {_counted(files, 'file')}.", err=True)
    return _told(failures)


def _silence(report: Report, reason: str) -> int:
    if not report.diagnostics:
        return 0
    rewrite = silenced(read_source(Path(report.filename)), report.diagnostics, reason)
    if rewrite is None:
        return 0
    write(report.filename, rewrite)
    return rewrite.count


def _counted(count: int, one: str, more: str = "") -> str:
    return f"{count} {one if count == 1 else more or one + 's'}"


def write_baseline(outcome: Outcome, file: Path, settings: Settings) -> int:
    """List every finding in a new file."""
    scopes = Scopes(SourceLines())
    entries = Counter(entry for report in outcome.reports for entry in baseline.entries_of(report, file.parent, scopes))
    try:
        with open(file, "x", encoding="utf-8") as stream:
            stream.write(baseline.text(entries))
    except FileExistsError:
        what = "exists, and a baseline only gets shorter: --prune-baseline, or delete it to start anew"
        raise click.ClickException(f"{file}: {what}") from None
    except OSError as error:
        raise click.ClickException(f"{file}: cannot be written: {error.strerror}") from None
    status = _told({report.filename: report.error for report in outcome.errors})
    click.echo(f"Listed {_counted(entries.total(), 'finding')} in {os.path.relpath(file)}.", err=True)
    if settings.baseline is None or settings.baseline.resolve() != file.resolve():
        name = Path(os.path.relpath(file, settings.root)).as_posix()
        click.echo(f'Name it under [tool.leakcheck] in pyproject.toml: baseline = "{name}"', err=True)
    return status


def prune_baseline(outcome: Outcome, files: Sequence[str], options: Options, settings: Settings) -> int:
    """Drop the entries that nothing was found for, and write where the others are now."""
    if settings.baseline is None:
        raise click.UsageError("--prune-baseline needs a baseline under [tool.leakcheck] in pyproject.toml")
    ledger = baseline.Ledger(settings.baseline, settings, SourceLines())
    for report in outcome.reports:
        ledger.new(report)
    stale = ledger.stale(_checked(files, outcome), _everything(options))
    new = baseline.text(ledger.pruned(stale))
    if settings.baseline.read_text("utf-8") != new:
        settings.baseline.write_text(new, "utf-8")
    left = ledger.pruned(stale).total()
    click.echo(f"Dropped {_counted(stale.total(), 'entry', 'entries')}, {left} left.", err=True)
    return _told({report.filename: report.error for report in outcome.errors})


def narrowed(conclude: Conclude, files: Sequence[str], options: Options, settings: Settings) -> Conclude:
    """Report only what is new: by the changes since a revision, by the settings' baseline."""
    if options.diff_base is not None:
        conclude = _changed(conclude, options.diff_base, options, settings)
    return conclude if settings.baseline is None else _ratcheted(conclude, files, settings, settings.baseline)


def _changed(conclude: Conclude, revision: str, options: Options, settings: Settings) -> Conclude:
    from leakcheck import catalogue
    from leakcheck.project.changes import Changes, NoChanges

    first = options.paths[0] if options.paths and options.paths[0] != "-" else options.stdin_filename or "."
    try:
        releases = catalogue.load(settings.drivers, settings.connections).release_words
        folder = first if os.path.isdir(first) else os.path.dirname(first) or "."
        changes = Changes(revision, releases, folder)
    except NoChanges as problem:
        raise click.ClickException(f"--diff-base: {problem}") from None

    def report(outcome: Outcome, options: Options, lines: SourceLines, to_stderr: bool = False) -> int:
        scopes = Scopes(lines)
        reports = (
            replace(r, diagnostics=tuple(d for d in r.diagnostics if changes.concern(d, scopes)))
            for r in outcome.reports
        )
        return conclude(outcome._replace(reports=tuple(reports)), options, lines, to_stderr)

    return report


def _ratcheted(conclude: Conclude, files: Sequence[str], settings: Settings, file: Path) -> Conclude:
    """In CI, fail for entries of the baseline that are not needed any more."""

    def report(outcome: Outcome, options: Options, lines: SourceLines, to_stderr: bool = False) -> int:
        ledger = baseline.Ledger(file, settings, lines)
        new = outcome._replace(reports=tuple(map(ledger.new, outcome.reports)))
        status = conclude(new, options, lines, to_stderr)
        stale = ledger.stale(_checked(files, outcome), _everything(options))
        if not options.quiet and (known := outcome.findings - new.findings):
            click.echo(f"leakcheck: {_counted(known, 'finding')} listed in {file.name} not shown", err=True)
        if stale:
            command = " ".join(("leakcheck --prune-baseline", *options.paths))
            what = f"{_counted(stale.total(), 'entry', 'entries')} of {file.name} not found any more"
            click.echo(f"leakcheck: {what}: {command}", err=True)
        return max(status, FINDINGS) if stale and _in_ci() and not options.exit_zero else status

    return report


def _checked(files: Sequence[str], outcome: Outcome) -> list[str]:
    failed = {report.filename for report in outcome.errors}
    return [file for file in files if file not in failed]


def _everything(options: Options) -> bool:
    """Whether folders were checked, not only some files: what was moved would have been met."""
    return any(os.path.isdir(path) for path in options.paths or (".",))


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def _told(failures: Mapping[str, str | None]) -> int:
    for filename, problem in failures.items():
        click.echo(f"{filename}: {problem}", err=True)
    return FAILED if failures else CLEAN
