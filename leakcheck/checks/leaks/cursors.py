"""LK108: cursors that keep something on the server, left open on a connection that lives on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from leakcheck.checks.telling import Teller, quoted
from leakcheck.diagnostics import Diagnostic
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.values import Symbol
from leakcheck.models import Cursor
from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.project.syntax.walk import code, is_none, same_scope, terminal, walk
from leakcheck.records import dataclass


@dataclass(frozen=True)
class Pinning:
    """`name = connection.cursor(…)`, where the connection is not the function's own to close."""

    node: cst.Call
    name: str
    model: Cursor
    function: FunctionInfo


def cursors(module: Module, tell: Teller, resolver: Resolver) -> Iterable[Diagnostic]:
    """Those that are neither closed nor handed to anybody who may close them."""
    for found in pinning(module, resolver):
        if _is_forgotten(found, resolver):
            message = f"{quoted(found.name)} is never closed: {found.model.because}"
            yield tell.at("LK108", "medium", message, found.node)


def pinning(module: Module, resolver: Resolver) -> Iterator[Pinning]:
    """Every such cursor of a module."""
    models = resolver.catalogue.cursors
    for function in module.scopes(frozenset(name.rpartition(".")[2] for name in models)):
        for node in walk(function.node.body, same_scope):
            call = node.value if isinstance(node, cst.Assign) and len(node.targets) == 1 else None
            if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Attribute):
                continue
            target = node.targets[0].target  # type: ignore[attr-defined]
            connection = call.func.value
            if isinstance(target, cst.Name) and _lives_on(connection, function):
                spec = resolver.connection_type(resolver.static(connection, function, module))
                model = models.get(f"{resolver.canonical(spec.type)}.{call.func.attr.value}") if spec else None
                if model is not None and _is_meant(call, model):
                    yield Pinning(call, target.value, model, function)


def _lives_on(connection: cst.BaseExpression, function: FunctionInfo) -> bool:
    """A parameter, a field or a global that this function does not close: closing it would close its cursors."""
    bound = function.bindings
    if isinstance(connection, cst.Name) and connection.value not in bound.outer:
        is_parameter = any(p.name.value == connection.value for p in function.parameters)
        if connection.value in (bound.assigned if is_parameter else bound.names):
            return False
    closes = (n for n in walk(function.node.body) if isinstance(n, cst.Attribute) and n.attr.value == "close")
    return all(code(node.value) != code(connection) for node in closes)


def _is_meant(call: cst.Call, model: Cursor) -> bool:
    """Whether the arguments make it the kind of cursor that the model speaks of."""
    if not model.keyword:
        return True
    plain = [a.value for a in call.args if a.keyword is None and not a.star]
    named = [a.value for a in call.args if a.keyword is not None and a.keyword.value == model.keyword]
    given = [*named, *plain[model.position : model.position + 1]] if model.position >= 0 else named
    if not given or is_none(given[0]):
        return False
    return not model.classes or terminal(given[0]) in model.classes


def _is_forgotten(found: Pinning, resolver: Resolver) -> bool:
    """Whether all that happens to it is known to leave it open."""
    function, name = found.function, found.name
    if len(function.bindings.assigned.get(name, ())) != 1 or name in function.bindings.outer:
        return False
    nodes = list(walk(function.node.body))
    harmless = {id(used) for node in nodes for used in _used_only(node, found, resolver)}
    mentioned = [node for node in nodes if isinstance(node, cst.Name) and node.value == name]
    return all(id(node) in harmless for node in mentioned)


def _used_only(node: cst.CSTNode, found: Pinning, resolver: Resolver) -> Iterator[cst.CSTNode]:
    """The names in a node that are only used there: what was read of them is no way to close them."""
    if isinstance(node, (cst.For, cst.CompFor)):
        yield node.iter
    elif isinstance(node, cst.AssignTarget):
        yield node.target.value if isinstance(node.target, cst.Attribute) else node.target
    elif isinstance(node, cst.Expr) and isinstance(node.value, cst.Call) and isinstance(node.value.func, cst.Attribute):
        if node.value.func.attr.value != "close":
            yield node.value.func.value
    elif isinstance(node, cst.Attribute):
        yield node.attr
        if node.attr.value in resolver.catalogue.methods("answers"):
            yield node.value
    elif isinstance(node, cst.Arg) and node.keyword is not None:
        yield node.keyword
    elif isinstance(node, cst.Call):
        callee = resolver.static(node.func, found.function, found.function.module)
        if isinstance(callee, Symbol) and "borrows" in resolver.catalogue.function(callee.name):
            yield from (argument.value for argument in node.args)
