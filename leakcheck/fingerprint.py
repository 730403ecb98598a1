"""What a finding is known by when the lines around it move: rule, function and text, not line numbers."""

from __future__ import annotations

import ast
import hashlib
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from leakcheck.diagnostics import Diagnostic, Span
from leakcheck.records import dataclass

Lines = Callable[[str], Sequence[str]]
Scope = tuple[int, int, str]  # first line with decorators, last line, qualified name of a function or class
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class Identity:
    """One finding of a file. `number` tells equal ones in the same function apart, in source order."""

    code: str
    function: str  # qualified name; "" at a module's top level
    text: str  # the reported code, white space folded
    number: int = 1

    def digest(self, path: str = "") -> str:
        """A short key; with a path, one that is unique in a whole report."""
        parts = (path, self.code, self.function, self.text, str(self.number))
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Scopes:
    """Which function a line stands in, for any file; each is parsed once."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self._known: dict[str, tuple[Scope, ...]] = {}

    def enclosing(self, filename: str, line: int) -> str:
        """The qualified name of the innermost function or class; "" if there is none, or no telling."""
        inside = [(start, name) for start, end, name in self._of(filename) if start <= line <= end]
        return max(inside)[1] if inside else ""

    def end(self, filename: str, line: int) -> int:
        """The last line of that function or class, or of the file."""
        inside = [(start, end) for start, end, _ in self._of(filename) if start <= line <= end]
        return max(inside)[1] if inside else len(self.lines(filename))

    def has(self, filename: str, function: str) -> bool:
        """Whether there is one of that qualified name; a module always has its top level."""
        return not function or any(name == function for _, _, name in self._of(filename))

    def _of(self, filename: str) -> tuple[Scope, ...]:
        if filename not in self._known:
            self._known[filename] = _scopes(self.lines(filename))
        return self._known[filename]


def identities(found: Iterable[Diagnostic], scopes: Scopes) -> Iterator[Identity]:
    """One for each finding of a file, in the given order; the lines are those that were checked."""
    seen: Counter[Identity] = Counter()
    for diagnostic in found:
        span = diagnostic.span
        function = scopes.enclosing(span.filename, span.line)
        known = Identity(diagnostic.code, function, text_of(span, scopes.lines(span.filename)))
        seen[known] += 1
        yield replace(known, number=seen[known])


def text_of(span: Span, lines: Sequence[str]) -> str:
    """The code of a span on one line, without needless white space."""
    taken = list(lines[span.line - 1 : span.end_line])
    if not taken:
        return ""
    if span.end_line - span.line + 1 == len(taken):
        taken[-1] = taken[-1][: span.end_column - 1]
    taken[0] = taken[0][span.column - 1 :]
    return " ".join(" ".join(taken).split())


def _scopes(lines: Sequence[str]) -> tuple[Scope, ...]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return tuple(_within(ast.parse("\n".join(lines)), ""))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()


def _within(node: ast.AST, prefix: str) -> Iterator[Scope]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _DEFINITIONS):
            first = min((decorator.lineno for decorator in child.decorator_list), default=child.lineno)
            yield first, child.end_lineno or child.lineno, prefix + child.name
            yield from _within(child, f"{prefix}{child.name}.")
        elif isinstance(child, (ast.stmt, ast.excepthandler, ast.match_case)):
            yield from _within(child, prefix)
