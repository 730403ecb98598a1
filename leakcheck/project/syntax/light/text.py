"""A text and what the standard library's parser makes of it."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable
from typing import Any

from libcst._position import CodeRange  # its public place imports much else

from leakcheck.patterns import pattern

_HEAD = pattern(r"(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)")

Makers = dict[type[ast.AST], Callable[["Text", Any], Any]]


def parsed(text: str) -> ast.Module | None:
    """Its tree, unless it is for another version of Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the author's business
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # LibCST may be able to
        return None


class Text:
    """Lines as `ast` counts them, columns being bytes of UTF-8; and what makes LibCST's nodes of its nodes."""

    def __init__(self, text: str, makers: Makers) -> None:
        self.makers = makers
        self._ascii = text.isascii()
        self._lines: list[str] = text.split("\n")

    def of(self, node: ast.expr | ast.stmt) -> str:
        """As written, without the parentheses around it."""
        first, last = node.lineno - 1, node.end_lineno - 1  # type: ignore[operator]
        start, end = self.column(first, node.col_offset), self.column(last, node.end_col_offset or 0)
        if first == last:
            return self._lines[first][start:end]
        return "\n".join((self._lines[first][start:], *self._lines[first + 1 : last], self._lines[last][:end]))

    def place(self, node: ast.AST) -> CodeRange:
        """Where it stands, counted in characters."""
        line, last = node.lineno, node.end_lineno  # type: ignore[attr-defined]
        start, end = node.col_offset, node.end_col_offset  # type: ignore[attr-defined]
        return CodeRange((line, self.column(line - 1, start)), (last, self.column(last - 1, end)))

    def name(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> CodeRange | None:
        """Where the name of a definition stands."""
        found = _HEAD.match(self._lines[node.lineno - 1], self.column(node.lineno - 1, node.col_offset))
        return CodeRange((node.lineno, found.start(1)), (node.lineno, found.end(1))) if found else None

    def column(self, line: int, offset: int) -> int:
        """In characters."""
        if self._ascii or self._lines[line].isascii():
            return offset
        return len(self._lines[line].encode()[:offset].decode())

    def before(self, node: ast.stmt) -> str:
        """What stands before it on its line."""
        return self._lines[node.lineno - 1][: self.column(node.lineno - 1, node.col_offset)]

    def begins(self, node: ast.stmt, word: str) -> bool:
        """Whether it is written with that word first."""
        return self._lines[node.lineno - 1].startswith(word, self.column(node.lineno - 1, node.col_offset))
