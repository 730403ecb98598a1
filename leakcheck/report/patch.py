"""What a fix changes, line by line, to stand under its finding."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from leakcheck.diagnostics import Edit, Fix, split_lines
from leakcheck.report import Paint

MOST = 40  # lines shown of one fix

Change = tuple[int, str, str]  # line number, sign, text


def patch(changed: Sequence[Change], gutter: int, paint: Paint) -> Iterator[str]:
    """Removed lines with their old numbers, added ones with their new; `...` where something is left out."""
    for index, (number, sign, text) in enumerate(changed[:MOST]):
        if index and number > changed[index - 1][0] + 1 and sign != "+":
            yield paint("...", fg="blue", bold=True)
        edge = paint(f"{number:>{gutter}} ", fg="blue", bold=True)
        yield edge + paint(f"{sign} {text}".rstrip(), fg="green" if sign == "+" else "red")
    if len(changed) > MOST:
        yield paint(f"... and {len(changed) - MOST} more lines", fg="blue", bold=True)


def changes(fix: Fix | None, lines: Sequence[str]) -> list[Change]:
    """What a fix does to the lines of its file, edit by edit."""
    found: list[Change] = []
    grown = 0
    for edit in sorted(fix.edits if fix else (), key=lambda edit: (edit.span.line, edit.span.column)):
        first, stop = edit.span.line - 1, min(edit.span.end_line, len(lines))
        before, after = lines[first:stop], _edited(edit, lines)
        found += _compared(before, after, first, grown)
        grown += len(after) - len(before)
    return found


def _edited(edit: Edit, lines: Sequence[str]) -> list[str]:
    """The whole lines that stand for those an edit touches."""
    span = edit.span
    head = lines[span.line - 1][: span.column - 1] if span.line <= len(lines) else ""
    if span.end_line > len(lines):  # up to the end of the file
        return split_lines((head + edit.content).removesuffix("\n"))
    return split_lines(head + edit.content + lines[span.end_line - 1][span.end_column - 1 :])


def _compared(before: Sequence[str], after: Sequence[str], first: int, grown: int) -> Iterator[Change]:
    for tag, start, end, new, stop in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            yield from ((first + number + 1, "-", before[number]) for number in range(start, end))
            yield from ((first + grown + number + 1, "+", after[number]) for number in range(new, stop))
