"""Places in a text as editors count them: lines and columns from 0, columns in the units that were agreed on."""

from __future__ import annotations

from collections.abc import Sequence

from lsprotocol import types as lsp

from leakcheck.diagnostics import Span

_BYTES = {
    lsp.PositionEncodingKind.Utf8.value: ("utf-8", 1),
    lsp.PositionEncodingKind.Utf16.value: ("utf-16-le", 2),
    lsp.PositionEncodingKind.Utf32.value: ("utf-32-le", 4),
}


class Positions:
    """For the lines of one file."""

    def __init__(self, lines: Sequence[str], encoding: str) -> None:
        self.lines = lines
        self._encoding, self._width = _BYTES[encoding]

    def range(self, span: Span) -> lsp.Range:
        """Where a span stands."""
        return lsp.Range(self.position(span.line, span.column), self.position(span.end_line, span.end_column))

    def position(self, line: int, column: int) -> lsp.Position:
        """From line and column counted from 1, in characters."""
        if line > len(self.lines):
            return lsp.Position(line - 1, 0)
        return lsp.Position(line - 1, self._units(self.lines[line - 1][: column - 1]))

    def place(self, position: lsp.Position) -> tuple[int, int]:
        """Line and column from 1, in characters."""
        if position.line >= len(self.lines):
            return position.line + 1, 1
        text = self.lines[position.line].encode(self._encoding, "surrogatepass")[: position.character * self._width]
        return position.line + 1, len(text.decode(self._encoding, "ignore")) + 1

    def _units(self, text: str) -> int:
        return len(text) if text.isascii() else len(text.encode(self._encoding, "surrogatepass")) // self._width
