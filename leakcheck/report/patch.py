"""What a fix changes, line by line, to stand under its finding."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from leakcheck.diagnostics import Edit, Fix, split_lines
from leakcheck.report import Paint

_MOST = 40  # lines shown of one fix

Change = tuple[int, str, str]  # line number, sign, text


def patch(fix: Fix, lines: Sequence[str], gutter: int, paint: Paint) -> Iterator[str]:
    """Removed lines with their old numbers, added ones with their new; `...` where something is left out."""
    changes = list(_changes(lines, fixed(fix.edits, lines)))
    for index, (number, sign, text) in enumerate(changes[:_MOST]):
        if index and number > changes[index - 1][0] + 1 and sign != "+":
            yield paint("...", fg="blue", bold=True)
        edge = paint(f"{number:>{gutter}} ", fg="blue", bold=True)
        yield edge + paint(f"{sign} {text}".rstrip(), fg="green" if sign == "+" else "red")
    if len(changes) > _MOST:
        yield paint(f"... and {len(changes) - _MOST} more lines", fg="blue", bold=True)


def fixed(edits: Sequence[Edit], lines: Sequence[str]) -> list[str]:
    """The lines after the edits, which may span lines but do not overlap."""
    text = list(lines)
    for edit in sorted(edits, key=lambda edit: (edit.span.line, edit.span.column), reverse=True):
        span = edit.span
        head = text[span.line - 1][: span.column - 1] if span.line <= len(text) else ""
        tail = text[span.end_line - 1][span.end_column - 1 :] if span.end_line <= len(text) else ""
        text[span.line - 1 : span.end_line] = split_lines(head + edit.content + tail)
    return text


def _changes(before: Sequence[str], after: Sequence[str]) -> Iterator[Change]:
    for tag, start, end, new, stop in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            yield from ((number + 1, "-", before[number]) for number in range(start, end))
            yield from ((number + 1, "+", after[number]) for number in range(new, stop))
