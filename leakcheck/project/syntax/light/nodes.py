"""Makers of LibCST nodes that take the fields that carry meaning; layout is the default one, shared by all nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar

import libcst as cst

Node = TypeVar("Node", bound=cst.CSTNode)


def maker(kind: type[Node], *given: str, **fixed: object) -> Callable[..., Node]:
    """A function of the given fields, by position; the others are fixed, or have their default.

    LibCST's own initialisers take several times as long: they check, and make the default layout anew for each node.
    """
    others = {field.name: _default(field) for field in fields(kind) if field.name not in given} | fixed
    known: dict[str, Any] = {"new": kind.__new__, "kind": kind}
    known |= {f"default_{name}": value for name, value in others.items()}
    known |= {f"set_{name}": getattr(kind, name).__set__ for name in (*given, *others)}
    refuses = kind.__setattr__ is not object.__setattr__  # to be changed: not if LibCST was imported lean
    values = {name: name for name in given} | {name: f"default_{name}" for name in others}
    setting = (f"set_{name}(node, {value})" if refuses else f"node.{name} = {value}" for name, value in values.items())
    lines = (f"def make({', '.join(given)}):", "node = new(kind)", *setting, "return node")
    exec(compile("\n ".join(lines), "<maker>", "exec"), known)
    return known["make"]  # type: ignore[no-any-return]


def _default(field: Field[Any]) -> object:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return () if field.default is MISSING else field.default


_OPEN, _CLOSE = (cst.LeftParen(),), (cst.RightParen(),)


def in_parentheses(node: cst.BaseExpression) -> None:
    """The analysis does not see parentheses: they are for whoever reads the node's text."""
    kind: Any = type(node)
    kind.lpar.__set__(node, _OPEN)
    kind.rpar.__set__(node, _CLOSE)
