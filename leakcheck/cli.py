"""The command line: what was asked for, and who does it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from leakcheck import __version__
from leakcheck.console import Progress, SourceLines, tell_errors, tell_hint, use_colour, write
from leakcheck.options import Options
from leakcheck.report import FORMATS, Page, coloured, plain, render
from leakcheck.status import CLEAN, FAILED, FINDINGS, OneLineErrors

if TYPE_CHECKING:
    from leakcheck.project.discovery import Found
    from leakcheck.runner import Outcome
    from leakcheck.settings import Settings


def _split(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    return tuple(word.strip() for value in values for word in value.split(",") if word.strip())


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from leakcheck.settings import rules

    before, comma, last = incomplete.rpartition(",")
    return [before + comma + code for code in (*rules(), "ALL") if code.startswith(last.upper())]


_CODES: dict[str, Any] = {"metavar": "CODES", "multiple": True, "callback": _split, "shell_complete": _complete}
_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path, resolve_path=True)


@click.command(cls=OneLineErrors, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("paths", nargs=-1, metavar="[PATHS]...", type=click.Path())
@click.option("--select", **_CODES, help="Check these rules only: codes, prefixes (LK1) or ALL, separated by commas.")
@click.option("--ignore", **_CODES, help="Do not check these rules.")
@click.option("--extend-select", **_CODES, help="Check these rules too.")
@click.option("--config", type=_FILE, help="Read [tool.leakcheck] of this file, not of the nearest pyproject.toml.")
@click.option("--exclude", metavar="PATTERNS", multiple=True, callback=_split, help="Skip these, as in a .gitignore.")
@click.option("--force-exclude", is_flag=True, help="Skip excluded files even if they are given by name.")
@click.option("--stdin-filename", metavar="PATH", help="The name of what is read from standard input (PATH '-').")
@click.option("--output-format", type=click.Choice(list(FORMATS)), default="full", show_default=True)
@click.option("--output-file", metavar="FILE", type=_NEW_FILE)
@click.option("--statistics", is_flag=True, help="Count findings by rule instead of showing them.")
@click.option("--health", is_flag=True, help="Show how healthy the whole service is, and which files to mend first.")
@click.option("--exit-zero", is_flag=True, help="Exit 0 even if something was found.")
@click.option("--fix", is_flag=True, help="Rewrite what can be rewritten safely, and report what is left.")
@click.option("--unsafe-fixes", is_flag=True, help="Fixes that may change more than the release, too.")
@click.option("--diff", is_flag=True, help="Print the fixes as a diff, write nothing; exit 1 if there are any.")
@click.option("--fix-only", is_flag=True, help="Fix, and report nothing of what is left.")
@click.option("--add-noqa", is_flag=True, help="Write a '# noqa' comment on the line of every finding.")
@click.option("--reason", metavar="TEXT", default="", help="What those comments say behind the codes.")
@click.option("--write-baseline", metavar="FILE", type=_NEW_FILE, help="List all findings in FILE: they are known.")
@click.option("--prune-baseline", is_flag=True, help="Drop what is not found any more from the settings' baseline.")
@click.option("--diff-base", metavar="REV", help="Report only what lines changed since a git revision bring.")
@click.option("--watch", is_flag=True, help="Check again whenever a file changes.")
@click.option("--explain", metavar="CODE", shell_complete=_complete, help="Print the document of a rule.")
@click.option("--list-rules", is_flag=True, help="List all rules.")
@click.option("--show-files", is_flag=True, help="List the files that would be checked.")
@click.option("--lsp", is_flag=True, help="Serve an editor: the language server protocol on standard input and output.")
@click.option("--show-settings", metavar="FILE", type=_FILE, help="Tell what applies to a file, and how it is known.")
@click.option("--demo", is_flag=True, help="Check the small legacy service that comes with leakcheck.")
@click.option("-j", "--jobs", type=click.IntRange(min=0), default=0, help="Processes to use; 0: one a processor.")
@click.option("--no-cache", is_flag=True, help="Know nothing of former runs, and keep nothing for the next.")
@click.option("--cache-dir", metavar="FOLDER", type=_FOLDER, help="Keep what was found here, not in the project.")
@click.option("-q", "--quiet", is_flag=True, help="Print findings only.")
@click.option("-v", "--verbose", is_flag=True, help="Say on standard error what is done.")
@click.version_option(__version__, prog_name="leakcheck", message="%(prog)s %(version)s")
def main(**values: Any) -> int:
    """Find database connections that are never given back, and show the path that leaks them.

    PATHS are files, folders, or - for standard input; the current folder if none is given.
    Exit status: 0 nothing found, 1 findings, 2 something could not be checked as asked.
    """
    options = Options(**values)
    if options.explain is not None or options.list_rules:
        from leakcheck.manual import document, index

        paint = coloured if use_colour(sys.stdout) else plain
        write(index() if options.explain is None else document(options.explain, paint))
        return CLEAN
    if options.lsp:
        return _serve()
    if options.watch:
        return _watch(options)
    if options.show_settings is not None:
        return _show_settings(options, options.show_settings)
    return _demo(options) if options.demo else _check(options)


def _serve() -> int:
    from leakcheck.lsp import start

    try:
        start()
    except ImportError:
        raise click.ClickException("--lsp needs more packages: pip install 'leakcheck-db[lsp]'") from None
    return CLEAN


def _show_settings(options: Options, file: Path) -> int:
    from leakcheck.inference import show

    write(show(file, _settings(options._replace(paths=(str(file),)))), options.output_file)
    return CLEAN


def _watch(options: Options) -> int:
    from leakcheck.watch import keep_checking

    return keep_checking(lambda: _check(options), lambda: _find(options.paths or (".",), _settings(options), options))


def _demo(options: Options) -> int:
    from leakcheck.runner import run
    from leakcheck.settings import Settings

    folder, here = Path(__file__).parent, Path.cwd()
    settings = Settings(folder / "demo").override(options.select, options.ignore, options.extend_select)
    os.chdir(folder)  # so that its files have short names
    try:
        settings = _prepared(settings, options)
        outcome = run(_find(("demo",), settings, options).files, settings)
        if options.shows_health:
            from leakcheck.health.command import report

            return report(outcome, settings, options)
        return _conclude(outcome, options, SourceLines())
    finally:
        os.chdir(here)
        if not options.quiet:
            click.echo(f"The service is in {folder / 'demo'}.", err=True)


def _prepared(settings: Settings, options: Options) -> Settings:
    if not options.examines:
        return settings
    from leakcheck.health.checkup import prepared

    return prepared(settings)


def _check(options: Options) -> int:
    settings = _prepared(_settings(options), options)
    if "-" in options.paths:
        return _check_stdin(settings, options)
    found = _find(options.paths or (".",), settings, options)
    if options.show_files:
        write("".join(f"{file}\n" for file in found.files))
        return tell_errors(found.problems)
    if not found.files and not found.problems:
        click.echo(f"leakcheck: no Python files in {', '.join(options.paths) or 'the current folder'}", err=True)
    from leakcheck.project.cache.kept import folder_of
    from leakcheck.runner import run

    progress = Progress(sys.stderr)
    try:
        outcome = run(
            found.files,
            settings,
            problems=found.problems,
            jobs=options.jobs,
            progress=progress.update,
            cache=None if options.no_cache else folder_of(settings, options.cache_dir),
        )
    finally:
        progress.clear()
    if options.shows_health:
        from leakcheck.health.command import report

        return report(outcome, settings, options)
    if options.decides:
        from leakcheck.known.command import carry_out

        return carry_out(outcome, found.files, options, settings)
    conclude = _concluding(settings, options, found.files)
    if settings.applies_fixes:
        from leakcheck.fixes.command import fixed_files

        return fixed_files(outcome, options, conclude)
    return conclude(outcome, options, SourceLines())


def _concluding(settings: Settings, options: Options, files: Sequence[str] = ()) -> Callable[..., int]:
    if settings.baseline is None and options.diff_base is None:
        return _conclude
    from leakcheck.known.command import narrowed

    return narrowed(_conclude, files, options, settings)


def _check_stdin(settings: Settings, options: Options) -> int:
    from leakcheck.project.discovery import excluded
    from leakcheck.runner import Outcome, run_text

    if len(options.paths) > 1:
        raise click.UsageError("'-' cannot be given together with other paths")
    if options.decides or options.watch:
        raise click.UsageError("'-' is no file to watch or to write about")
    name = options.stdin_filename or "-"
    skip = options.force_exclude and options.stdin_filename is not None and excluded(name, settings)
    if options.show_files:
        write("" if skip else f"{name}\n")
        return CLEAN
    if sys.stdin is None:  # the process was started without one
        raise click.ClickException("-: standard input is closed")
    data = sys.stdin.buffer.read()
    outcome = Outcome(()) if skip else run_text(data, name, settings)
    conclude = _concluding(settings, options)
    if settings.applies_fixes:
        from leakcheck.fixes.command import fixed_stdin

        return fixed_stdin(outcome, data, name, options, conclude)
    return conclude(outcome, options, SourceLines({name: data}))


def _settings(options: Options) -> Settings:
    from leakcheck.settings import load

    first = next((path for path in options.paths if path != "-"), options.stdin_filename or ".")
    settings = load(Path(first), options.config)
    settings = settings.override(options.select, options.ignore, options.extend_select, options.exclude)
    if options.fixes and (options.decides or options.diff_base is not None):
        raise click.UsageError("fixes concern whole files: not with --diff-base, --add-noqa or baselines")
    if options.fixes:
        settings = settings._replace(fix="unsafe" if options.unsafe_fixes else "safe")
    elif options.statistics or options.decides or not FORMATS[options.output_format].fixes:
        settings = settings._replace(fix="off")
    if options.verbose:
        click.echo(f"leakcheck: settings of {settings.root}", err=True)
    return settings


def _find(paths: Sequence[str], settings: Settings, options: Options) -> Found:
    from leakcheck.project.discovery import find

    found = find(paths, settings, options.force_exclude)
    if options.verbose:
        click.echo(f"leakcheck: {len(found.files)} files to look at", err=True)
    return found


def _conclude(outcome: Outcome, options: Options, lines: SourceLines, to_stderr: bool = False) -> int:
    """Write the report, then the errors, and give the exit status."""
    colour = options.output_file is None and use_colour(sys.stdout)
    page = Page(outcome, lines, coloured if colour else plain, options.quiet)
    if options.statistics:
        from leakcheck.report.summary import statistics

        text = statistics(page, as_json=options.output_format == "json")
    else:
        text = render(options.output_format, page)
    if to_stderr and options.output_file is None:
        click.echo(text, nl=False, err=True)
    else:
        write(text, options.output_file)
    if options.output_format == "full" and not (options.quiet or options.statistics):
        tell_hint(outcome.reports, coloured if use_colour(sys.stderr) else plain)
    if tell_errors(outcome.errors) == FAILED:
        return FAILED
    return FINDINGS if outcome.findings and not options.exit_zero else CLEAN
