"""The path of each finding, drawn into the code."""

from __future__ import annotations

from leakcheck.report import Page
from leakcheck.report.summary import footer


def render(page: Page) -> str:
    """All findings, an empty line after each, then the totals."""
    lines: list[str] = []
    if diagnostics := page.diagnostics:
        from leakcheck.report.drawing import drawing  # not needed in most runs

        lines = [line for found in diagnostics for line in (*drawing(found, page), "")]
    return "".join(f"{line}\n" for line in (*lines, *footer(page)))
