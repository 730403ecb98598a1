"""A rewrite in the making: changes to the lines of one file, as new text and as edits."""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass, field

from leakcheck.diagnostics import Edit, Span

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_END = re.compile(r"(?:\r\n|\r|\n)\Z")


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
    """The white space a line starts with."""
    return line[: len(line) - len(line.lstrip(" \t\f"))].rstrip("\r\n")


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


@dataclass(slots=True)
class _Line:
    """What becomes of one line. Texts put before it are whole lines."""

    text: str
    before: list[str] = field(default_factory=list)
    pieces: list[tuple[int, int, str]] = field(default_factory=list)
    shift: int = 0  # how many levels deeper
    dropped: bool = False


class Draft:
    """Lines count from 1, columns from 0, in characters. All places are those of the original text."""

    def __init__(self, source: str, strings: frozenset[int], unit: str) -> None:
        self.source, self.unit = source, unit
        self.end = line_end(source)
        self._strings = strings
        self._lines = [_Line(line) for line in lines_of(source)]
        self._last: list[str] = []  # whole lines behind the last one
        self._base = ""

    def line(self, number: int) -> str:
        return self._lines[number - 1].text

    def indent_of(self, number: int) -> str:
        return indentation(self.line(number))

    def replace(self, line: int, start: int, end: int, text: str) -> None:
        """Other text for a stretch of one line."""
        self._lines[line - 1].pieces.append((start, end, text))

    def erase(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Take a stretch away, and its lines where nothing but white space is left of them; comments stay."""
        for number in range(start[0], end[0] + 1):
            body = self.line(number).rstrip("\r\n")
            first = start[1] if number == start[0] else 0
            last = end[1] if number == end[0] else len(body)
            if not body[:first].strip() and body[last:].lstrip().startswith("#"):
                last = len(body) - len(body[last:].lstrip())
            self.replace(number, first, last, "")

    def insert(self, line: int, *texts: str) -> None:
        """Whole lines, without their ends, before a line or, one past the last, at the end of the file."""
        target = self._last if line > len(self._lines) else self._lines[line - 1].before
        target.extend(texts)

    def drop(self, first: int, last: int) -> None:
        """Whole lines go."""
        for number in range(first, last + 1):
            self._lines[number - 1].dropped = True

    def deepen(self, first: int, last: int, base: str) -> None:
        """One more level for what stands at `base` or deeper; texts of strings stay as they are."""
        for number in range(first, last + 1):
            line = self._lines[number - 1]
            if number not in self._strings and line.text.startswith(base) and line.text.strip():
                line.shift += 1
        self._base = base

    # -- the outcome -------------------------------------------------------------------------------------------------

    def text(self) -> str:
        """The new file."""
        return "".join(line for new in self._new() for line in new)

    def came_from(self) -> dict[int, int]:
        """For each line of the new text the original one; added lines are missing."""
        origins: dict[int, int] = {}
        count = 0
        for number, (line, new) in enumerate(zip(self._lines, self._new(), strict=False), 1):
            if len(new) > len(line.before):
                origins[count + len(line.before) + 1] = number
            count += len(new)
        return origins

    def edits(self, filename: str) -> tuple[Edit, ...]:
        """The changed stretches, each of whole lines."""
        found: list[Edit] = []
        new = self._new()
        number = 0
        while number < len(new):
            first = number
            while number < len(new) and "".join(new[number]) != self._old(number):
                number += 1
            if number > first:
                content = "".join(line for lines in new[first:number] for line in lines)
                found.append(self._edit(filename, first, number, content))
            number += 1
        return tuple(found)

    def _edit(self, filename: str, first: int, stop: int, content: str) -> Edit:
        count = len(self._lines)
        if stop <= count and content.endswith(self._old(stop - 1)) and stop - first == 1:  # nothing but added lines
            content, stop = content[: len(content) - len(self._old(first))], first
        if stop >= count and (count == 0 or not _END.search(self._lines[-1].text)):
            last = len(self._lines[-1].text) + 1 if count else 1
            return Edit(Span(filename, min(first + 1, count), 1, max(count, 1), last), content)
        return Edit(Span(filename, first + 1, 1, min(stop, count) + 1, 1), content)

    def _old(self, index: int) -> str:
        return self._lines[index].text if index < len(self._lines) else ""

    def _new(self) -> list[list[str]]:
        """The new lines for each old one; one entry more for what stands at the end."""
        new = [[*(text + self.end for text in line.before), *self._changed(line)] for line in self._lines]
        tail = [text + self.end for text in self._last]
        if tail and self._lines and not _END.search(self._lines[-1].text):
            new[-1][-1:] = [line + self.end for line in new[-1][-1:]]
            tail[-1] = tail[-1].removesuffix(self.end)
        return [*new, tail]

    def _changed(self, line: _Line) -> list[str]:
        if line.dropped:
            return []
        text = line.text
        for start, end, piece in sorted(line.pieces, reverse=True):
            text = text[:start] + piece + text[end:]
        if line.pieces and not text.strip():
            return []  # nothing is left of it
        if line.shift:
            text = self._base + self.unit * line.shift + text[len(self._base) :]
        return [text]


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
