"""Makers of LibCST nodes that take the fields that carry meaning; layout is the default one, shared by all nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from functools import lru_cache
from types import CodeType
from typing import Any, TypeVar

import libcst as cst

Node = TypeVar("Node", bound=cst.CSTNode)


def maker(kind: type[Node], *given: str, **fixed: object) -> Callable[..., Node]:
    """A function of the given fields, by position; the others are fixed, or have their default.

    LibCST's own initialisers take several times as long: they check, and make the default layout anew for each node.
    """
    others = {field.name: _default(field) for field in fields(kind) if field.name not in given} | fixed
    known: dict[str, Any] = {"new": kind.__new__, "kind": kind}
    known |= {f"set_{i}": getattr(kind, field).__set__ for i, field in enumerate((*given, *others))}
    known |= {f"other_{i}": value for i, value in enumerate(others.values(), len(given))}
    exec(_code(len(given), len(others)), known)
    return known["make"]  # type: ignore[no-any-return]


def _default(field: Field[Any]) -> object:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return () if field.default is MISSING else field.default


@lru_cache
def _code(given: int, others: int) -> CodeType:
    """The same for all kinds with as many fields."""
    values = [f"value_{i}" for i in range(given)]
    fixed = [f"other_{i}" for i in range(given, given + others)]
    setting = [f" set_{i}(node, {value})" for i, value in enumerate((*values, *fixed))]
    lines = (f"def make({', '.join(values)}):", " node = new(kind)", *setting, " return node")
    return compile("\n".join(lines), "<maker>", "exec")


_OPEN, _CLOSE = (cst.LeftParen(),), (cst.RightParen(),)


def in_parentheses(node: cst.BaseExpression) -> None:
    """The analysis does not see parentheses: they are for whoever reads the node's text."""
    kind: Any = type(node)
    kind.lpar.__set__(node, _OPEN)
    kind.rpar.__set__(node, _CLOSE)
