"""What a constructor has surely put into the object's fields once it ends normally."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import libcst as cst

from leakcheck.models import Connection
from leakcheck.project.bindings import pairs
from leakcheck.project.module import FunctionInfo
from leakcheck.project.walk import dotted, same_scope, walk

# What is known to hold a connection opened here, by its path; None: it may hold something else.
Held: TypeAlias = dict[str, Connection | None]
Connects: TypeAlias = Callable[[cst.BaseExpression, FunctionInfo], Connection | None]
Fields: TypeAlias = Callable[[cst.Call], Held]

_LOOPS = (cst.While, cst.For, cst.Match)  # may run not at all, or end in the middle
_OTHER_TARGETS = (cst.AnnAssign, cst.AssignTarget, cst.AugAssign, cst.CompFor, cst.For, cst.NamedExpr)


class Opening:
    """Follows one method's branches; a field counts only if every way to a normal end leaves a connection in it."""

    def __init__(self, method: FunctionInfo, connects: Connects, called: Fields | None = None) -> None:
        self.method = method
        self._connects = connects
        self._called = called
        self._shared = frozenset(_shared(method))
        self._ends: list[Held] = []

    def fields(self) -> dict[str, Connection]:
        """The fields of `self`, with what opened the connection in them."""
        end = self._block(self.method.node.body, {})
        held = _common([*self._ends, *([] if end is None else [end])])
        return {path[5:]: spec for path, spec in held.items() if spec is not None and path.startswith("self.")}

    def _block(self, body: cst.BaseSuite, held: Held) -> Held | None:
        """What is held after the statements; None if they never end normally."""
        now: Held | None = held
        for node in body.body:
            if now is not None:
                now = self._small(node, now) if isinstance(node, cst.BaseSmallStatement) else self._statement(node, now)
        return now

    def _statement(self, node: cst.CSTNode, held: Held) -> Held | None:
        if isinstance(node, cst.SimpleStatementLine):
            return self._block(cst.SimpleStatementSuite(node.body), held)
        if isinstance(node, cst.With):
            return self._block(node.body, _without(held, node.items))
        if isinstance(node, cst.If):
            return self._either([self._block(node.body, {**held}), self._else(node.orelse, held)])
        if isinstance(node, (cst.Try, cst.TryStar)):
            return self._try(node, held)
        if isinstance(node, _LOOPS):
            rest = _without(held, [node])
            self._ends += [rest for part in walk(node, same_scope) if type(part) is cst.Return]
            return rest
        return held

    def _else(self, node: cst.If | cst.Else | None, held: Held) -> Held | None:
        if isinstance(node, cst.If):
            return self._statement(node, held)
        return held if node is None else self._block(node.body, {**held})

    def _try(self, node: cst.Try | cst.TryStar, held: Held) -> Held | None:
        failed = _without(held, [node.body])
        ends = [self._block(handler.body, {**failed}) for handler in node.handlers]
        body = self._block(node.body, {**held})
        ends.append(body if body is None or node.orelse is None else self._block(node.orelse.body, body))
        end = self._either(ends)
        return end if end is None or node.finalbody is None else self._block(node.finalbody.body, end)

    def _either(self, ends: list[Held | None]) -> Held | None:
        normal = [end for end in ends if end is not None]
        return _common(normal) if normal else None

    def _small(self, node: cst.BaseSmallStatement, held: Held) -> Held | None:
        if isinstance(node, cst.Return):
            self._ends.append(held)
        if isinstance(node, (cst.Return, cst.Raise)):
            return None
        if isinstance(node, cst.Expr) and isinstance(node.value, cst.Call) and self._called is not None:
            return {**held, **self._called(node.value)}
        return {**_without(held, [node]), **self._assigned(node, held)}

    def _assigned(self, node: cst.BaseSmallStatement, held: Held) -> Held:
        found: Held = {}
        for target, value in _assignments(node, self.method):
            path = dotted(target) or ""
            if isinstance(value, (cst.Call, cst.Await)):
                found[path] = self._connects(value, self.method)
            elif isinstance(value, cst.Name):
                found[path] = None if value.value in self._shared else held.get(value.value)
        return found


def _assignments(node: cst.BaseSmallStatement, method: FunctionInfo) -> Iterator[tuple[cst.BaseExpression, ...]]:
    if isinstance(node, cst.Assign) and _own(node, method):
        for assigned in node.targets:
            yield from pairs(assigned.target, node.value)
    elif isinstance(node, cst.AnnAssign) and node.value is not None:
        yield node.target, node.value


def _common(ends: list[Held]) -> Held:
    first, *others = ends or [{}]
    return {path: spec for path, spec in first.items() if all(other.get(path) == spec for other in others)}


def _without(held: Held, nodes: Iterable[cst.CSTNode]) -> Held:
    """What is still held after something that may bind anew what it names as a target."""
    bound = {dotted(part) for node in nodes for target in _targets(node) for part in walk(target)}
    return {path: spec for path, spec in held.items() if path not in bound}


def _targets(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for part in walk(node, same_scope):
        if isinstance(part, _OTHER_TARGETS):
            yield part.target
        elif isinstance(part, (cst.AsName, cst.Del)):
            yield part


def _shared(method: FunctionInfo) -> Iterator[str]:
    """The local names whose values go elsewhere, too: to a call, to another object, to a global."""
    yield from method.bindings.outer
    for node in walk(method.node.body):
        if isinstance(node, cst.Arg) or (isinstance(node, cst.Assign) and not _own(node, method)):
            yield from (part.value for part in walk(node.value) if isinstance(part, cst.Name))


def _own(node: cst.Assign, method: FunctionInfo) -> bool:
    """Whether only the object and local names get the value: `self.conn = cache[key] = connect()` shares it."""
    targets = [target for assigned in node.targets for target, _ in pairs(assigned.target, node.value)]
    paths = [dotted(target) or "" for target in targets]
    return all(path.startswith("self.") or path in method.bindings.names for path in paths)
