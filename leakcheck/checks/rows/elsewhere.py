"""Rounds that read by another connection than the one they commit: what they read has to be committed."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from leakcheck.checks.rows.rounds import Loop, acquired_in, first_binding
from leakcheck.checks.sql import Reader, mentions
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.values import Function
from leakcheck.project.syntax.module import FunctionInfo
from leakcheck.project.syntax.walk import dotted, same_scope, terminal, walk
from leakcheck.words import words

_DEPTH = 3  # of functions of the project followed


def reads_elsewhere(loop: Loop, owner: cst.BaseExpression) -> bool:
    """`User(id=next_id())`, where `next_id` asks for the greatest one by a connection other than the one committed."""
    names = frozenset({(dotted(owner) or "").partition(".")[0], terminal(owner)})
    if _reads(loop.node.body, names, loop.function, loop):
        return True
    return any(_asks(node, names, loop.function, loop, _DEPTH) for node in _calls(loop.node.body))


def _asks(node: cst.Call, names: frozenset[str], scope: FunctionInfo | None, loop: Loop, depth: int) -> bool:
    """Whether a call leads to such a reading: of a function that is not given what is committed."""
    resolver: Resolver = loop.resolver
    if depth <= 0 or mentions([node], names.__contains__):
        return False
    callee = resolver.static(node.func, scope, scope.module if scope else loop.module)
    if not isinstance(callee, Function):
        return False
    body, info = callee.info.node.body, callee.info
    return _reads(body, names, info, loop) or any(_asks(each, names, info, loop, depth - 1) for each in _calls(body))


def _reads(body: cst.CSTNode, names: frozenset[str], scope: FunctionInfo | None, loop: Loop) -> bool:
    """Whether code reads by a connection that it takes itself, or by one that pandas takes from an engine."""
    reader = Reader(scope, scope.module if scope else loop.module)
    for node in _calls(body):
        if len(node.args) > 1 and terminal(node.func) in words().frames:
            if not mentions(node.args[1:], names.__contains__):
                return True
        elif isinstance(node.func, cst.Attribute) and node.args and acquired_in(body, node.func.value):
            statement = reader.read(node.args[0].value)
            if statement and statement.verb == "SELECT" and not _comes_from(names, node.func.value, body):
                return True
    return False


def _comes_from(names: frozenset[str], receiver: cst.BaseExpression, body: cst.CSTNode) -> bool:
    """Whether it is what is committed, or was made by that: `cursor = db.get_cursor()` before `db.commit()`."""
    name = (dotted(receiver) or "").partition(".")[0]
    bindings = (first_binding(node) for node in walk(body, same_scope))
    values = [value for bound, value in bindings if value and bound and mentions([bound], name.__eq__)]
    return mentions([receiver, *values], names.__contains__)


def _calls(body: cst.CSTNode) -> Iterator[cst.Call]:
    return (node for node in walk(body, same_scope) if isinstance(node, cst.Call))
