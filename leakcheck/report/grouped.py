"""The findings of each file below its name."""

from __future__ import annotations

from itertools import groupby

from leakcheck.report import Page
from leakcheck.report.summary import footer


def render(page: Page) -> str:
    """A paragraph a file, then the totals."""
    lines: list[str] = []
    for filename, group in groupby(page.diagnostics, key=lambda found: found.span.filename):
        found = list(group)
        width = max(len(f"{d.span.line}:{d.span.column}") for d in found)
        lines.append(page.paint(filename, bold=True))
        for d in found:
            place = f"{d.span.line}:{d.span.column}"
            lines.append(f"  {place:<{width}}  {page.paint(d.code, fg='red', bold=True)} {d.message}")
        lines.append("")
    return "".join(f"{line}\n" for line in (*lines, *footer(page)))
