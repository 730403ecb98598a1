"""The type parameters of functions, classes and type aliases, since Python 3.12."""

from __future__ import annotations

import ast

import libcst as cst

from leakcheck.project.syntax.light.expressions import expression, name, optional
from leakcheck.project.syntax.light.nodes import maker
from leakcheck.project.syntax.light.text import Text

_parameters = maker(cst.TypeParameters, "params")
_parameter = maker(cst.TypeParam, "param", "default", "star")
_type = maker(cst.TypeVar, "name", "bound")
_types = maker(cst.TypeVarTuple, "name")
_signature = maker(cst.ParamSpec, "name")
_alias = maker(cst.TypeAlias, "name", "value", "type_parameters")


def type_alias(of: Text, node: ast.TypeAlias) -> cst.TypeAlias:  # type: ignore[name-defined, unused-ignore]
    return _alias(name(node.name.id), expression(of, node.value), type_parameters(of, node))


def type_parameters(of: Text, node: ast.stmt) -> cst.TypeParameters | None:
    found = getattr(node, "type_params", None)
    return _parameters([_made(of, parameter) for parameter in found]) if found else None


def _made(of: Text, node: ast.AST) -> cst.TypeParam:
    default = getattr(node, "default_value", None)  # since Python 3.13
    if type(default) is ast.Starred:
        return _parameter(_kind(of, node), expression(of, default.value), "*")
    return _parameter(_kind(of, node), optional(of, default), "")


def _kind(of: Text, node: ast.AST) -> cst.TypeVar | cst.TypeVarTuple | cst.ParamSpec:
    named = name(node.name)  # type: ignore[attr-defined]
    if type(node).__name__ == "TypeVar":
        return _type(named, optional(of, node.bound))  # type: ignore[attr-defined]
    return _types(named) if type(node).__name__ == "TypeVarTuple" else _signature(named)
