"""pylint's `parseable` lines, which Jenkins and many editors read: `path:line: [code(name), function] message`."""

from __future__ import annotations

from leakcheck.report import Page
from leakcheck.report.record import records


def render(page: Page) -> str:
    """One line a finding."""
    lines = []
    for record in records(page):
        found = record.found
        lines.append(
            f"{record.path}:{found.span.line}: [{found.code}({found.name}), {record.function}] {found.message}\n"
        )
    return "".join(lines)
