"""leakcheck's findings in flake8, with the settings of the checked file's project."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from leakcheck import __version__, catalogue
from leakcheck.diagnostics import split_lines
from leakcheck.project.discovery import excluded
from leakcheck.project.triage.pick import Triage
from leakcheck.project.triage.vocabulary import vocabulary
from leakcheck.settings import Settings, load

Problem = tuple[int, int, str, type]


class Plugin:
    """One file."""

    name = "leakcheck"
    version = __version__

    def __init__(self, tree: ast.AST, lines: Sequence[str], filename: str = "stdin") -> None:
        self._text, self._filename = "".join(lines), filename

    def run(self) -> Iterator[Problem]:
        """Lines from 1, columns from 0."""
        chosen = _settings(Path(self._filename).resolve().parent)
        if excluded(self._filename, chosen) or not _worth_checking(self._text, self._filename, chosen):
            return
        from leakcheck.runner import run_text  # slow, and most files need none of it

        reports = run_text(self._text, self._filename, chosen._replace(fix="off")).reports
        if chosen.baseline is not None:
            from leakcheck.known.baseline import without_known

            reports = without_known(reports, chosen, lambda _: split_lines(self._text))
        (report,) = reports
        if report.error:
            yield 1, 0, f"LK000 not checked: {report.error}", Plugin
        for found in report.diagnostics:
            yield found.span.line, found.span.column - 1, f"{found.code} {found.message}", Plugin


_settings = lru_cache(load)


def _worth_checking(text: str, filename: str, chosen: Settings) -> bool:
    """The first look that the command line takes at all files together, at one file."""
    data = text.encode("utf-8", "replace")
    known = catalogue.load(chosen.drivers, chosen.connections)
    return bool(Triage(vocabulary(known), lambda file: data, str(chosen.root)).pick([filename]))
