"""Collaborators that an object may be given or not, `def __init__(self, reporter=None)`: who makes it tells."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from leakcheck.flow.owning import field_of_parameter
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.values import Class
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo, Module
from leakcheck.project.syntax.walk import code, dotted, same_scope, walk
from leakcheck.records import dataclass


@dataclass(frozen=True)
class Given:
    """A parameter of a constructor, None where it is left out."""

    cls: ClassInfo
    parameter: str
    position: int


def asked_of(node: cst.CSTNode, function: FunctionInfo, resolver: Resolver) -> Given | None:
    """Who a method asks with a call that it makes only where its object was given somebody: `if self.reporter:`."""
    owner = dotted(node.func.value) if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) else None
    if function.cls is None or owner is None or not owner.startswith("self."):
        return None
    field = owner.split(".")[1]
    if not any(_mentions(test, field) for test in _tests_around(node, function)):
        return None
    return next((given for given in _optional(function.cls, resolver) if
                 field_of_parameter(function.cls, given.parameter, resolver) == field), None)  # fmt: skip


def _mentions(test: cst.BaseExpression, field: str) -> bool:
    return any(isinstance(part, cst.Attribute) and dotted(part) == f"self.{field}" for part in walk(test))


def _tests_around(node: cst.CSTNode, function: FunctionInfo) -> Iterator[cst.BaseExpression]:
    for test in walk(function.node.body, same_scope):
        if isinstance(test, cst.If) and any(part is node for part in walk(test.body)):
            yield test.test


def _optional(cls: ClassInfo, resolver: Resolver) -> Iterator[Given]:
    init = resolver.method(cls, "__init__")
    for position, parameter in enumerate(init.parameters[1:] if init else ()):
        if parameter.default is not None and code(parameter.default) == "None":
            yield Given(cls, parameter.name.value, position)


def is_left_out(given: Given, module: Module, resolver: Resolver) -> bool:
    """Whether the module makes such objects, and gives none of them one."""
    name = given.cls.name
    calls = [
        node
        for chunk in (module.mentioning(frozenset({name})) if name in module.source else ())
        for node in walk(chunk.tree)
        if isinstance(node, cst.Call) and resolver.static(node.func, None, module) == Class(given.cls)
    ]
    return bool(calls) and not any(_gives(call, given) for call in calls)


def _gives(call: cst.Call, given: Given) -> bool:
    plain = [argument for argument in call.args if argument.keyword is None]
    if any(argument.star for argument in call.args) or len(plain) > given.position:
        return True
    return any(argument.keyword is not None and argument.keyword.value == given.parameter for argument in call.args)
