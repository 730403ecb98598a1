"""How a function mentions names: what it calls or passes on may acquire, what it reads for its attributes hardly."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cached_property

from leakcheck.project.syntax.namespaces import Namespace, namespaces
from leakcheck.project.syntax.nodes import terminal

_READING = (ast.Attribute, ast.Subscript, ast.Compare)


class Mentions:
    """Of a function without those nested in it; types do not count."""

    def __init__(self, space: Namespace) -> None:
        self.space = space

    def uses(self, words: frozenset[str], given: frozenset[str]) -> bool:
        """Whether one of the words is used; those of what is given when it is read may also be read."""
        return not (words.isdisjoint(self.used) and given.isdisjoint(self.read))

    def names_any(self, words: frozenset[str]) -> bool:
        """Whether one of the words may be a name in the function, or in one that is nested in it."""
        names = (self.used, self.read, self.space.bound.keys())
        return self.space.has_definitions or not all(words.isdisjoint(known) for known in names)

    @property
    def used(self) -> set[str]:
        """Names that are called, entered, passed on, returned or assigned."""
        return self._used_and_read[0]

    @property
    def read(self) -> set[str]:
        """Names that are followed by a dot or bracket, or compared."""
        return self._used_and_read[1]

    @cached_property
    def _used_and_read(self) -> tuple[set[str], set[str]]:
        found: tuple[set[str], set[str]] = (set(), set())
        for node, owner in self.space.mentions:
            found[is_read(owner)].add(terminal(node))
        return found


def is_read(owner: ast.AST | None) -> bool:
    """Whether what a name is part of only reads it."""
    return type(owner) in _READING


def mentions(body: Iterable[ast.stmt], prefix: str = "") -> Iterator[Mentions]:
    """Of every function in some statements, nested ones too."""
    return map(Mentions, namespaces(body, prefix, in_class=bool(prefix)))
