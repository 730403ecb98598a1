"""How a function mentions names: what it calls or passes on may acquire, what it reads for its attributes hardly."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from leakcheck.project.nodes import FUNCTIONS, Function, below, functions, own, terminal


class Mentions(NamedTuple):
    """Of a function with what is nested in it; types do not count."""

    name: str  # qualified within its statement
    used: frozenset[str]  # called, entered, passed on, returned, assigned
    read: frozenset[str]  # followed by a dot or bracket, compared


def mentions(body: Iterable[ast.stmt], prefix: str = "") -> Iterator[Mentions]:
    """Of every function in some statements, nested ones too."""
    for name, function in functions(body, prefix):
        yield Mentions(name, *_names(function))


def _names(function: Function) -> tuple[frozenset[str], frozenset[str]]:
    local = _local(function)
    owners: set[int] = set()  # parents come before their children
    called: set[int] = set()
    used: set[str] = set()
    read: set[str] = set()
    for node in below([function]):
        kind = type(node)
        if kind is ast.Attribute or kind is ast.Subscript:
            owners.add(id(node.value))  # type: ignore[attr-defined]
        elif kind is ast.Compare:
            owners.update(map(id, (node.left, *node.comparators)))  # type: ignore[attr-defined]
        elif kind is ast.Call:
            called.add(id(node.func))  # type: ignore[attr-defined]
        name = terminal(node)
        if not name or (kind is ast.Name and name in local and id(node) not in called):
            continue
        if id(node) in owners:
            read.add(name)
        elif not isinstance(node.ctx, ast.Store):  # type: ignore[attr-defined]
            used.add(name)
    return frozenset(used), frozenset(read)


def _local(function: Function) -> set[str]:
    """Names that are a variable of the function: to read one acquires nothing."""
    names: set[str] = set()
    outer: set[str] = set()
    for node in own(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            outer.update(node.names)
        elif isinstance(node, FUNCTIONS):
            outer.add(node.name)
    return names - outer
