"""How a function mentions names: what it calls or passes on may acquire, what it reads for its attributes hardly."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cached_property

from leakcheck.project.namespaces import Namespace, namespaces
from leakcheck.project.nodes import terminal


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

    @cached_property
    def used(self) -> frozenset[str]:
        """Names that are called, entered, passed on, returned or assigned."""
        return frozenset(terminal(node) for node, owner in self.space.mentions if not is_read(owner))

    @cached_property
    def read(self) -> frozenset[str]:
        """Names that are followed by a dot or bracket, or compared."""
        return frozenset(terminal(node) for node, owner in self.space.mentions if is_read(owner))


def is_read(owner: ast.AST | None) -> bool:
    """Whether what a name is part of only reads it."""
    return isinstance(owner, (ast.Attribute, ast.Subscript, ast.Compare))


def mentions(body: Iterable[ast.stmt], prefix: str = "") -> Iterator[Mentions]:
    """Of every function in some statements, nested ones too."""
    return map(Mentions, namespaces(body, prefix, in_class=bool(prefix)))
