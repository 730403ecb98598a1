"""A piece of source code with labelled underlines."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise

from leakcheck.diagnostics import Span
from leakcheck.records import dataclass
from leakcheck.report import Paint

_TAB = 4
_SMALLEST_GAP = 3  # lines left out; fewer are shown
_WIDEST = 120  # cells; a longer line is cut, a label that would reach further hangs below its underline
_LONG = 40  # cells; a label hangs only below an underline of such length


@dataclass(frozen=True, slots=True)
class Mark:
    """A place and what to say about it."""

    span: Span
    label: str
    grave: bool  # `^^^^`, not `----`
    colour: str


@dataclass(frozen=True, slots=True)
class _Line:
    """A line as shown: its text, and for each character the cell it starts in."""

    text: str
    cells: tuple[int, ...]

    def cell(self, column: int) -> int:
        """Where a column (from 1) is shown; beyond the end, the end."""
        return self.cells[min(column - 1, len(self.cells) - 1)]


@dataclass(frozen=True, slots=True)
class _Stroke:
    """A mark's underline on a line, in cells."""

    start: int
    end: int
    mark: Mark


@dataclass(frozen=True, slots=True)
class Frame:
    """The marks of one file, all with room for line numbers of `gutter` digits."""

    source: Sequence[str]
    marks: Sequence[Mark]
    gutter: int
    paint: Paint

    def draw(self) -> Iterator[str]:
        """The lines of the frame."""
        edge = self._blue(" " * self.gutter + " |")
        previous = 0
        for number in self._shown():
            if previous and number > previous + 1:
                yield self._blue("...")
            previous = number
            marks = [mark for mark in self.marks if mark.span.line == number]
            line = _laid_out(self.source[number - 1], min((m.span.column for m in marks), default=1))
            yield f"{self._blue(f'{number:>{self.gutter}} |')} {line.text}".rstrip()
            for row in _rows([_stroke(mark, line) for mark in marks], self.paint):
                yield f"{edge} {row}"
        for mark in self.marks:  # the file changed meanwhile, or is gone
            if mark.span.line > len(self.source):
                yield f"{self._blue(f'{mark.span.line:>{self.gutter}} |')} {mark.label}".rstrip()

    def _shown(self) -> list[int]:
        """Numbers of the lines to show: the marked ones, and gaps too small to be worth leaving out."""
        marked = sorted({mark.span.line for mark in self.marks if mark.span.line <= len(self.source)})
        gaps = (range(a + 1, b) for a, b in pairwise(marked) if b - a - 1 < _SMALLEST_GAP)
        return sorted({*marked, *(number for gap in gaps for number in gap)})

    def _blue(self, text: str) -> str:
        return self.paint(text, fg="blue", bold=True)


def _laid_out(text: str, wanted: int) -> _Line:
    """Tabs become spaces, control characters visible; a very long line is cut down to what surrounds `wanted`."""
    shown, cells, cell = [], [], 0
    for character in text:
        cells.append(cell)
        glyph = _glyph(character)
        shown.append(glyph)
        cell += _width(glyph)
    cells.append(cell)
    if cell <= _WIDEST:
        return _Line("".join(shown), tuple(cells))
    first = max(0, min(wanted - 1, len(shown) - 1) - _WIDEST // 4)
    last = first
    while last < len(shown) and cells[last + 1] - cells[first] <= _WIDEST:
        last += 1
    head, tail = "…" if first else "", "…" if last < len(shown) else ""
    end = cells[last] - cells[first] + len(head)
    moved = tuple(max(0, min(c - cells[first] + len(head), end)) for c in cells)
    return _Line(head + "".join(shown[first:last]) + tail, moved)


def _glyph(character: str) -> str:
    if character == "\t":
        return " " * _TAB
    if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp"):  # would move or hide what is around it
        return chr(0x2400 + ord(character)) if ord(character) < 0x20 else "\N{REPLACEMENT CHARACTER}"
    return character


def _width(glyph: str) -> int:
    """Cells a glyph takes on a terminal."""
    if len(glyph) > 1 or glyph.isascii():
        return len(glyph)
    if unicodedata.combining(glyph) or unicodedata.category(glyph) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(glyph) in "WF" else 1


def _stroke(mark: Mark, line: _Line) -> _Stroke:
    """A mark over several lines is underlined to the end of its first."""
    span = mark.span
    start = line.cell(span.column)
    end = line.cell(span.end_column) if span.end_line == span.line else line.cells[-1]
    return _Stroke(start, max(end, start + 1), mark)


def _rows(strokes: Sequence[_Stroke], paint: Paint) -> Iterator[str]:
    """Underlines and labels below one line of code. Of those that overlap, the shortest comes first."""
    layers: list[list[_Stroke]] = []
    for stroke in sorted(strokes, key=lambda stroke: (stroke.end - stroke.start, stroke.start)):
        free = (layer for layer in layers if all(stroke.end <= s.start or s.end <= stroke.start for s in layer))
        layer = next(free, None)
        if layer is None:
            layers.append(layer := [])
        layer.append(stroke)
    for layer in layers:
        yield from _layer(sorted(layer, key=lambda stroke: stroke.start), paint)


def _layer(strokes: Sequence[_Stroke], paint: Paint) -> Iterator[str]:
    """A row of underlines, the last one's label behind it if there is room; other labels hang below, right to left."""
    row = _Row(paint)
    for stroke in strokes:
        row.put(stroke.start, ("^" if stroke.mark.grave else "-") * (stroke.end - stroke.start), stroke.mark)
    *others, last = strokes
    beside = last.end + 1 + len(last.mark.label) <= _WIDEST or last.end - last.start < _LONG
    if beside and last.mark.label:
        row.put(last.end + 1, last.mark.label, last.mark)
    yield row.text
    hanging = [stroke for stroke in (others if beside else strokes) if stroke.mark.label]
    while hanging:
        *hanging, stroke = hanging
        row = _Row(paint)
        for other in hanging:
            row.put(other.start, "|", other.mark)
        row.put(stroke.start, stroke.mark.label, stroke.mark)
        yield row.text


class _Row:
    """A line written from left to right at given cells, whose colours take no room."""

    def __init__(self, paint: Paint) -> None:
        self.text = ""
        self._paint, self._cell = paint, 0

    def put(self, cell: int, text: str, mark: Mark) -> None:
        self.text += " " * (cell - self._cell) + self._paint(text, fg=mark.colour, bold=True)
        self._cell = cell + len(text)
