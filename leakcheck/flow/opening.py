"""What connections a constructor leaves in the object's fields when it ends normally."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from enum import Enum
from typing import TypeAlias

import libcst as cst

from leakcheck.models import Connection
from leakcheck.project.syntax.bindings import pairs
from leakcheck.project.syntax.module import FunctionInfo
from leakcheck.project.syntax.walk import code, dotted, same_scope, string_value, walk


class Else(Enum):
    """What a path may hold instead of a connection opened here."""

    NOTHING = "nothing"
    ANYTHING = "anything"  # somebody else's connection, perhaps


# What is held by a path; a field without an entry holds nothing yet.
Held: TypeAlias = dict[str, Connection | Else]
Connects: TypeAlias = Callable[[cst.BaseExpression, FunctionInfo], Connection | None]
Fields: TypeAlias = Callable[[cst.Call | cst.Attribute], Held]

_PERHAPS = (cst.IfExp, cst.BooleanOperation, cst.BaseComp, cst.Lambda)  # what is in them may not be run
_OTHER_TARGETS = (cst.AnnAssign, cst.AssignTarget, cst.AugAssign, cst.CompFor, cst.For, cst.NamedExpr)


class Opening:
    """Follows one method's branches; a field counts if some way to a normal end leaves a connection in it, and none
    leaves there what may be somebody else's. `surely`: if every way does; `lazily`: where the object's own fields are
    looked at first, to see whether one is there already. `asks_others`, once the ends are known: whether a condition on
    something else decides what is held there."""

    def __init__(
        self, method: FunctionInfo, connects: Connects, called: Fields | None = None, surely: bool = False,
        lazily: bool = False
    ) -> None:  # fmt: skip
        self.method = method
        self._connects = connects
        self._surely, self._lazily = surely, lazily
        self._called = called or (lambda node: {})
        self._shared = frozenset(_shared(method))
        self._ends: list[tuple[Held, cst.BaseExpression | None]] = []  # with what is returned there
        self._left: list[Held] = []  # where a round of the loop around ends early
        self.asks_others = False

    def fields(self) -> dict[str, Connection]:
        """The fields of `self`, with what opened the connection in them."""
        return _fields(self._common([held for held, _ in self.ends()], self._surely))

    def ends(self) -> list[tuple[Held, cst.BaseExpression | None]]:
        """What is held at each normal end, and what is returned there."""
        self._ends = []
        end = self._block(self.method.node.body, {})
        return [*self._ends, *([] if end is None else [(end, None)])]

    def _block(self, body: cst.BaseSuite, held: Held, passed: list[Held] | None = None) -> Held | None:
        """What is held after the statements; None if they never end normally. `passed` gets what is held on the way."""
        now: Held | None = held
        for node in body.body:
            if now is not None:
                now = self._small(node, now) if isinstance(node, cst.BaseSmallStatement) else self._statement(node, now)
            if now is not None and passed is not None:
                passed.append(now)
        return now

    def _statement(self, node: cst.CSTNode, held: Held) -> Held | None:
        if isinstance(node, cst.SimpleStatementLine):
            return self._block(cst.SimpleStatementSuite(node.body), held)
        if isinstance(node, cst.With):
            return self._block(node.body, _without(self._after(node.items, held), node.items))
        if isinstance(node, cst.If):
            return self._if(node, self._after([node.test], held))
        if isinstance(node, cst.Match):
            return self._either([held, *(self._block(case.body, held) for case in node.cases)], self._surely)
        if isinstance(node, (cst.Try, cst.TryStar)):
            return self._try(node, held)
        if isinstance(node, (cst.For, cst.While)):
            return self._loop(node, held)
        return held

    def _if(self, node: cst.If, held: Held) -> Held | None:
        itself, left = asks_itself(node), len(self._ends) + len(self._left)
        ends = [self._block(node.body, held), self._else(node.orelse, held)]
        differ = len({_connections(end) for end in ends if end is not None}) > 1
        self.asks_others |= not itself and (differ or len(self._ends) + len(self._left) > left)
        return self._either(ends, self._surely and not (self._lazily and itself))

    def _else(self, node: cst.If | cst.Else | None, held: Held) -> Held | None:
        if isinstance(node, cst.If):
            return self._statement(node, held)
        return held if node is None else self._block(node.body, held)

    def _loop(self, node: cst.For | cst.While, held: Held) -> Held | None:
        held = self._after([node.iter if isinstance(node, cst.For) else node.test], held)
        start = {**held, **dict.fromkeys(_paths(node.target), Else.ANYTHING)} if isinstance(node, cst.For) else held
        outer, self._left = self._left, []
        end = self._block(node.body, start)
        ends, self._left = [start, end, *self._left], outer
        return self._else(node.orelse, self._common([end for end in ends if end is not None], self._surely))

    def _try(self, node: cst.Try | cst.TryStar, held: Held) -> Held | None:
        passed = [held]
        body = self._block(node.body, held, passed)
        failed = held if self._lazily else self._common(passed, self._surely)  # opening it is what fails
        ends = [self._block(handler.body, failed) for handler in node.handlers]
        ends.append(body if body is None or node.orelse is None else self._block(node.orelse.body, body))
        end = self._either(ends, self._surely)
        return end if end is None or node.finalbody is None else self._block(node.finalbody.body, end)

    def _either(self, ends: list[Held | None], surely: bool) -> Held | None:
        normal = [end for end in ends if end is not None]
        return self._common(normal, surely) if normal else None

    def _common(self, ends: list[Held], surely: bool) -> Held:
        """What is held after one of several ways."""
        found: Held = {}
        for path in dict.fromkeys(path for end in ends for path in end):
            values = {end.get(path, Else.NOTHING) for end in ends}
            kinds = values if surely else values - {Else.NOTHING}
            found[path] = Else.NOTHING if not kinds else kinds.pop() if len(kinds) == 1 else Else.ANYTHING
        return found

    def _small(self, node: cst.BaseSmallStatement, held: Held) -> Held | None:
        held = self._after([node], held)
        if isinstance(node, (cst.Break, cst.Continue)):
            self._left.append(held)
        if isinstance(node, cst.Return):
            self._ends.append((held, node.value))
        if isinstance(node, (cst.Return, cst.Raise, cst.Break, cst.Continue)):
            return None
        return {**_without(held, [node]), **self._assigned(node, held)}

    def _after(self, nodes: Iterable[cst.CSTNode], held: Held) -> Held:
        """What is held once they have run, of what they surely call of the object's own: `self.connect().cursor()`."""
        for node in nodes:
            for part in walk(node, _is_run) if _is_run(node) else ():
                if isinstance(part, (cst.Call, cst.Attribute)) and (opened := self._called(part)):
                    held = {**held, **opened}
        return held

    def _assigned(self, node: cst.BaseSmallStatement, held: Held) -> Held:
        found: Held = {}
        for target, value in _assignments(node, self.method):
            path = dotted(target) or ""
            if isinstance(value, (cst.Call, cst.Await)):
                found[path] = self._connects(value, self.method) or Else.ANYTHING
            elif isinstance(value, cst.Name) and value.value in ("None", "False"):
                found[path] = Else.NOTHING
            elif isinstance(value, cst.Name) and value.value not in self._shared:
                found[path] = held.get(value.value, Else.ANYTHING)
        return found


def _is_run(node: cst.CSTNode) -> bool:
    return not isinstance(node, _PERHAPS)


def in_memory(call: cst.CSTNode, arguments: Collection[str]) -> bool:
    """Whether a call opens a database that vanishes with it, going by the arguments that make it one: the first, or
    one with a keyword; the empty one is none that could name a database."""
    given = call.args if isinstance(call, cst.Call) else ()
    named = given if given and given[0].keyword else given[:1]
    if any(string_value(argument.value) in arguments for argument in named):
        return True
    return "" in arguments and all(_is_setting(argument.value) for argument in given)


def _is_setting(node: cst.BaseExpression) -> bool:
    """What names no database."""
    return isinstance(node, (cst.Dict, cst.Integer)) or code(node) in ("True", "False", "None")


def asks_itself(node: cst.If) -> bool:
    """Whether a condition looks at the fields of the object: `if self.conn is None`."""
    return any((dotted(part) or "").startswith("self.") for part in walk(node.test) if isinstance(part, cst.Attribute))


def _fields(held: Held) -> dict[str, Connection]:
    """The fields of `self` that hold a connection."""
    fields = ((path[5:], spec) for path, spec in held.items() if path.startswith("self."))
    return {field: spec for field, spec in fields if isinstance(spec, Connection)}


def _connections(held: Held) -> frozenset[tuple[str, Connection]]:
    """All paths that hold one."""
    return frozenset((path, spec) for path, spec in held.items() if isinstance(spec, Connection))


def _assignments(node: cst.BaseSmallStatement, method: FunctionInfo) -> Iterator[tuple[cst.BaseExpression, ...]]:
    if isinstance(node, cst.Assign) and _own(node, method):
        for assigned in node.targets:
            yield from pairs(assigned.target, node.value)
    elif isinstance(node, cst.AnnAssign) and node.value is not None:
        yield node.target, node.value


def _without(held: Held, nodes: Iterable[cst.CSTNode]) -> Held:
    """What is still held after something that may bind anew what it names as a target."""
    bound = (path for node in nodes for target in _targets(node) for path in _paths(target))
    return {**held, **dict.fromkeys(bound, Else.ANYTHING)}


def _targets(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for part in walk(node, same_scope):
        if isinstance(part, _OTHER_TARGETS) and not (isinstance(part, cst.AnnAssign) and part.value is None):
            yield part.target
        elif isinstance(part, cst.AsName):
            yield part.name
        elif isinstance(part, cst.Del):
            yield part.target


def _paths(target: cst.CSTNode) -> Iterator[str]:
    """What an assignment to a target binds: `self.conn.autocommit = True` leaves `self.conn` alone."""
    if isinstance(target, (cst.Tuple, cst.List)):
        for element in target.elements:
            yield from _paths(element.value)
    elif path := dotted(target):
        yield path


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
