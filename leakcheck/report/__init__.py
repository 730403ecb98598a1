"""One module a format: each has `render(page) -> str`, the whole text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from leakcheck.diagnostics import Diagnostic
    from leakcheck.runner import Outcome


class Format(NamedTuple):
    """A module of this package, and whether it shows fixes: else they need not be planned."""

    module: str
    fixes: bool


FORMATS = {
    "full": Format("full", True),
    "concise": Format("concise", True),
    "grouped": Format("grouped", True),
    "html": Format("html", True),
    "json": Format("json_format", True),
    "json-lines": Format("json_lines", True),
    "sarif": Format("sarif", True),
    "rdjson": Format("rdjson", True),
    "github": Format("github", False),
    "gitlab": Format("gitlab", False),
    "azure": Format("azure", False),
    "junit": Format("junit", False),
    "pylint": Format("pylint", False),
}


class Paint(Protocol):
    """Colours text, or leaves it as it is."""

    def __call__(self, text: str, *, fg: str | None = None, bold: bool | None = None) -> str: ...


def plain(text: str, *, fg: str | None = None, bold: bool | None = None) -> str:
    """No colours."""
    return text


def coloured(text: str, *, fg: str | None = None, bold: bool | None = None) -> str:
    """ANSI colours."""
    import click

    return click.style(text, fg=fg, bold=bold) if text else text


class Page(NamedTuple):
    """What a format gets: the outcome, the lines of any file a finding speaks of, and how to write."""

    outcome: Outcome
    lines: Callable[[str], Sequence[str]]
    paint: Paint = plain
    quiet: bool = False  # findings only

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """All findings, in order."""
        return [diagnostic for report in self.outcome.reports for diagnostic in report.diagnostics]


def render(name: str, page: Page) -> str:
    """The page in a format of FORMATS."""
    text: str = import_module(f"leakcheck.report.{FORMATS[name].module}").render(page)
    return text
