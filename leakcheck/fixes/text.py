"""A rewrite in the making: changes to the lines of one file, as new text and as edits."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Sequence
from dataclasses import field

from leakcheck.diagnostics import Edit, Span
from leakcheck.patterns import pattern
from leakcheck.records import dataclass

_LINE = pattern(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_END = pattern(r"(?:\r\n|\r|\n)\Z")


class Refused(Exception):
    """A rewrite that would not be right here; the message says why, for a finding's `not fixed: …`."""


def lines_of(text: str) -> list[str]:
    """The lines with their ends, as Python counts them."""
    return _LINE.findall(text)


def line_end(text: str) -> str:
    """The first line's end stands for all that are added."""
    first = re.search(r"\r\n|\r|\n", text)
    return first[0] if first else "\n"


def indentation(line: str) -> str:
    """The white space a line starts with; a form feed starts it anew."""
    return line[: len(line) - len(line.lstrip(" \t\f"))].rpartition("\f")[2]


def inside_strings(text: str) -> frozenset[int]:
    """The lines that begin inside a string: their first characters are its text, not indentation."""
    found: set[int] = set()
    opened: list[int] = []
    starts = {getattr(tokenize, f"{kind}STRING_START", -1) for kind in "FT"} - {-1}
    ends = {getattr(tokenize, f"{kind}STRING_END", -1) for kind in "FT"} - {-1}
    for token in tokenize.generate_tokens(io.StringIO(text, newline="").readline):
        if token.type in starts:
            opened.append(token.start[0])
        elif token.type in ends:
            found.update(range(opened.pop() + 1, token.end[0] + 1))
        elif token.type == tokenize.STRING:
            found.update(range(token.start[0] + 1, token.end[0] + 1))
    return frozenset(found)


def has_comment(text: str) -> bool:
    """Whether a comment stands in an expression."""
    if "#" not in text:
        return False
    tokens = tokenize.generate_tokens(io.StringIO(f"({text}\n)", newline="").readline)
    return any(token.type == tokenize.COMMENT for token in tokens)


@dataclass(slots=True)
class _Line:
    """What becomes of one line. Texts put before it are whole lines."""

    before: list[str] = field(default_factory=list)
    pieces: list[tuple[int, int, str]] = field(default_factory=list)
    shift: int = 0  # how many levels deeper
    base: str = ""  # the indentation that the new levels stand behind


class Draft:
    """Lines count from 1, columns from 0, in characters. All places are those of the original text."""

    def __init__(self, lines: Sequence[str], strings: frozenset[int], unit: str) -> None:
        self.unit = unit
        self.end = line_end(lines[0]) if lines else "\n"
        self._strings, self._lines = strings, lines
        self._unended = bool(lines) and not _END.search(lines[-1])
        self._changes: dict[int, _Line] = {}  # by line number; one past the last is the end of the file

    @classmethod
    def together(cls, drafts: Sequence[Draft]) -> Draft:
        """All changes of drafts for the same text that touch different lines, or the same line in the same way."""
        first = drafts[0]
        whole = cls(first._lines, first._strings, first.unit)
        for draft in drafts:
            whole.include(draft)
        return whole

    def include(self, other: Draft) -> None:
        """Make the changes of another one too, which agrees."""
        self._changes.update(other._changes)

    def agrees(self, other: Draft) -> bool:
        """Whether both can be made at once: what both touch they change in the same way."""
        return all(change == other._changes.get(number, change) for number, change in self._changes.items())

    def line(self, number: int) -> str:
        return self._lines[number - 1]

    def indent_of(self, number: int) -> str:
        return indentation(self.line(number))

    def replace(self, line: int, start: int, end: int, text: str) -> None:
        """Other text for a stretch of one line."""
        self._change(line).pieces.append((start, end, text))

    def erase(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Take a stretch away, and its lines where nothing but white space is left of them; comments stay."""
        for number in range(start[0], end[0] + 1):
            body = self.line(number).rstrip("\r\n")
            first = start[1] if number == start[0] else 0
            last = end[1] if number == end[0] else len(body)
            if not body[:first].strip() and body[last:].lstrip().startswith("#"):
                last = len(body) - len(body[last:].lstrip())
                first = len(body) - len(body.lstrip())
            self.replace(number, first, last, "")
        self._close_up(start[0], end[0])

    def _close_up(self, first: int, last: int) -> None:
        """Of the blank lines above and below lines that are gone, those above go too."""
        while first > 1 and self._gone(first):
            first -= 1
        while last < len(self._lines) and self._gone(last):
            last += 1
        if first in self._strings or self.line(first).strip() or self._gone(first) or not self._gone(first + 1):
            return
        if self._gone(last) or not self.line(last).strip():  # the end of the file, or another blank line
            self.replace(first, 0, 0, "")

    def drop_blank(self, number: int) -> None:
        """Blank lines from one on go: nothing should stand between the head of a block and its body."""
        while number <= len(self._lines) and not self.line(number).strip(" \t\r\n"):
            self.replace(number, 0, 0, "")
            number += 1

    def _gone(self, number: int) -> bool:
        change = self._changes.get(number)
        return change is not None and not self._changed(number, change) and not change.before

    def insert(self, line: int, *texts: str) -> None:
        """Whole lines, without their ends, before a line or, one past the last, at the end of the file."""
        self._change(min(line, len(self._lines) + 1)).before.extend(texts)

    def deepen(self, first: int, last: int, base: str) -> None:
        """One more level for what stands at `base` or deeper; texts of strings stay as they are."""
        for number in range(first, last + 1):
            text = self.line(number)
            feeds = text[: len(text) - len(text.lstrip(" \t\f"))].rpartition("\f")
            start = "".join(feeds[:2]) + base
            if number not in self._strings and text.startswith(start) and (text.strip() or indentation(text)):
                change = self._change(number)
                change.shift, change.base = change.shift + 1, start

    def realign(self, start: tuple[int, int], end: tuple[int, int], moved: int) -> None:
        """Lines that go on right under an opening bracket of a stretch move with its first line."""
        for number in self.aligned(start, end):
            place = self._column(number)
            self.replace(number, place + min(moved, 0), place, " " * moved)

    def aligned(self, start: tuple[int, int], end: tuple[int, int]) -> list[int]:
        """The lines of a stretch behind its first one, if they stand right under a bracket opened there."""
        numbers = [n for n in range(start[0] + 1, end[0] + 1) if n not in self._strings and self.line(n).strip()]
        opened = {n + 1 for n, char in enumerate(self.line(start[0])) if char in "([{" and n >= start[1]}
        under = bool(numbers) and self._column(numbers[0]) in opened
        return numbers if under and all(self._column(n) >= min(opened) for n in numbers) else []

    def _column(self, number: int) -> int:
        return len(self.line(number)) - len(self.line(number).lstrip(" \t"))

    def _change(self, number: int) -> _Line:
        return self._changes.setdefault(number, _Line())

    # -- the outcome -------------------------------------------------------------------------------------------------

    def text(self, first: int = 1, last: int = 0) -> str:
        """The new text of some lines with what is added behind them, or of the whole file."""
        last = last or len(self._lines)
        new = [line for number in range(first, last + 1) for line in self._new(number)]
        return "".join([*new, *self._new(last + 1)[: self._count_before(last + 1)]])

    def stretch(self, first: int, last: int) -> tuple[int, int, int]:
        """The first and the last changed one of some lines, and how many lines more they become."""
        changed = [n for n in self._changes if first <= n <= last]
        added = self._count_before(last + 1)
        grown = sum(len(self._new(n)) - 1 for n in changed) + added
        return min(changed, default=last + 1), last if added else max(changed, default=0), grown

    def _count_before(self, number: int) -> int:
        change = self._changes.get(number)
        return len(change.before) if change else 0

    def came_from(self) -> dict[int, int]:
        """For each line of the new text the original one; added lines are missing."""
        origins: dict[int, int] = {}
        count = 0
        for number in range(1, len(self._lines) + 1):
            change = self._changes.get(number)
            before = len(change.before) if change else 0
            new = len(self._new(number)) if change else 1
            if new > before:
                origins[count + before + 1] = number
            count += new
        return origins

    def edits(self, filename: str) -> tuple[Edit, ...]:
        """The changed stretches, each of whole lines."""
        touched = {*self._changes, *([len(self._lines)] if self._unended and self._added else [])}
        changed = [n for n in sorted(touched) if "".join(self._new(n)) != self._old(n)]
        found: list[Edit] = []
        while changed:
            count = next((n for n, line in enumerate(changed) if line != changed[0] + n), len(changed))
            found.append(self._edit(filename, changed[0], changed[0] + count))
            changed = changed[count:]
        return tuple(found)

    @property
    def _added(self) -> list[str]:
        """Whole lines behind the last one."""
        change = self._changes.get(len(self._lines) + 1)
        return change.before if change else []

    def _edit(self, filename: str, first: int, stop: int) -> Edit:
        content = "".join(line for number in range(first, stop) for line in self._new(number))
        count = len(self._lines)
        if stop <= count + 1 and stop - first == 1 and content.endswith(self._old(first)):  # nothing but added lines
            content, stop = content.removesuffix(self._old(first)), first
        if stop > count and (count == 0 or self._unended):
            last = len(self._lines[-1]) + 1 if count else 1
            return Edit(Span(filename, min(first, count) or 1, 1, max(count, 1), last), content)
        return Edit(Span(filename, first, 1, min(stop, count + 1), 1), content)

    def _old(self, number: int) -> str:
        return self._lines[number - 1] if number <= len(self._lines) else ""

    def _new(self, number: int) -> list[str]:
        """The new lines for an old one; for the number behind the last, what is added at the end."""
        count = len(self._lines)
        if number > count:
            tail = [text + self.end for text in self._added]
            return [*tail[:-1], tail[-1].removesuffix(self.end)] if tail and self._unended else tail
        change = self._changes.get(number)
        new = [*(text + self.end for text in change.before), *self._changed(number, change)] if change else None
        new = [self._lines[number - 1]] if new is None else new
        if number == count and self._unended and self._added:
            new[-1:] = [line + self.end for line in new[-1:]]
        return new

    def _changed(self, number: int, change: _Line) -> list[str]:
        text = self._lines[number - 1]
        done = len(text)
        for start, end, piece in sorted(change.pieces, reverse=True):  # stretches that are erased may overlap
            text = text[:start] + piece + text[min(end, done) :]
            done = start
        if change.pieces and not text.strip():
            return []  # nothing is left of it
        if change.shift:
            text = change.base + self.unit * change.shift + text[len(change.base) :]
        return lines_of(text)


def apply(source: str, edits: tuple[Edit, ...]) -> str:
    """The text with edits that do not overlap."""
    starts = [0]
    for line in lines_of(source):
        starts.append(starts[-1] + len(line))
    for edit in sorted(edits, key=lambda edit: (edit.span.line, edit.span.column), reverse=True):
        start = starts[edit.span.line - 1] + edit.span.column - 1
        end = starts[edit.span.end_line - 1] + edit.span.end_column - 1
        source = source[:start] + edit.content + source[end:]
    return source
