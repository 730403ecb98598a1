"""Releases of fields whose names are not spelled out: `for name in names: getattr(self, name).close()`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

import libcst as cst

from leakcheck.project.syntax.module import FunctionInfo
from leakcheck.project.syntax.walk import children, dotted, string_value, terminal, walk

BY_NAME = frozenset({"getattr", "vars", "__dict__"})  # ways to a field or a method that need not name it
_OWN = ("self", "cls")


def may_release_by_name(
    methods: Iterable[FunctionInfo], field: str, ways: Collection[str], helps: Callable[[str], bool]
) -> bool:
    """Whether one of an object's methods takes some fields by names that it computes, and releases what it has."""
    reaching = (method for method in methods if method.mentions(BY_NAME) and _reaches(method, field))
    return any(_releases_something(method, ways, helps) for method in reaching)


def _reaches(method: FunctionInfo, field: str) -> bool:
    """Whether a method may come to a field without its name: by `getattr`, `vars(self)` or `self.__dict__`."""
    for node in walk(method.node.body):
        if isinstance(node, cst.Attribute) and node.attr.value == "__dict__" and dotted(node.value) in _OWN:
            return True
        if not isinstance(node, cst.Call) or not node.args or dotted(node.args[0].value) not in _OWN:
            continue
        called = terminal(node.func)
        if called == "vars" or (
            called == "getattr" and len(node.args) > 1 and _fits(node.args[1].value, method, field)
        ):
            return True
    return False


def _fits(name: cst.BaseExpression, method: FunctionInfo, field: str) -> bool:
    """Whether the name of a field may be this one: a loop over written names gives no other."""
    if (literal := string_value(name)) is not None:
        return literal == field
    loops = (node for node in walk(method.node.body) if isinstance(node, (cst.For, cst.CompFor)))
    over = [loop.iter for loop in loops if isinstance(name, cst.Name) and dotted(loop.target) == name.value]
    if not over or not all(isinstance(each, (cst.Tuple, cst.List, cst.Set)) for each in over):
        return True
    named = [string_value(item.value) for each in over for item in children(each) if isinstance(item, cst.BaseElement)]
    return field in named or None in named


def _releases_something(method: FunctionInfo, ways: Collection[str], helps: Callable[[str], bool]) -> bool:
    """Whether a method calls anything that releases, going by names."""
    for node in walk(method.node.body):
        if isinstance(node, cst.Attribute) and node.attr.value in ways:
            return True
        if isinstance(node, cst.Call) and node.args:
            if helps(terminal(node.func)) or is_named_way(node, ways):
                return True
    return False


def is_named_way(node: cst.Call, ways: Collection[str]) -> bool:
    """`getattr(conn, "close", None)`."""
    return terminal(node.func) == "getattr" and len(node.args) > 1 and string_value(node.args[1].value) in ways
