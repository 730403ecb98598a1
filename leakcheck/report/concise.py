"""One line a finding: `path:line:column: code message`."""

from __future__ import annotations

from leakcheck.report import Page
from leakcheck.report.summary import footer


def render(page: Page) -> str:
    """All findings, then the totals."""
    lines = []
    for found in page.diagnostics:
        place = f"{page.paint(found.span.filename, bold=True)}:{found.span.line}:{found.span.column}"
        lines.append(f"{place}: {page.paint(found.code, fg='red', bold=True)} {found.message}")
    return "".join(f"{line}\n" for line in (*lines, *footer(page)))
