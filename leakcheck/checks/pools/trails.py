"""The names of one pool in a function's text, and what becomes of it by them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from typing import TYPE_CHECKING

import libcst as cst

from leakcheck.checks.sql import mentions
from leakcheck.flow.beginning import elements
from leakcheck.project.syntax.bindings import pairs
from leakcheck.project.syntax.module import FunctionInfo
from leakcheck.project.syntax.walk import SCOPES, children, same_scope, terminal, unawaited, walk
from leakcheck.words import words

if TYPE_CHECKING:
    from leakcheck.checks.pools.fates import Fates

IsPool = Callable[[cst.BaseExpression], bool]


class Fate(Enum):
    """By what the function's text does with it."""

    KEPT = "kept"  # module level, a field, a global, a cache, or somebody who is given it
    GIVEN = "given"  # to a function of the project: whether that keeps it is not asked
    RETURNED = "returned"
    CLOSED = "closed"
    LOST = "lost"


class Trail:
    """Follows the names of one pool through a function's text, flow left aside."""

    def __init__(self, node: cst.CSTNode, function: FunctionInfo, fates: Fates, *parameters: str) -> None:
        self.node, self.function, self.fates = node, function, fates
        self.pools: set[str] = set(parameters)  # names of it, and of makers around it
        self.derived: set[str] = set()  # names of connections and sessions from it
        self._name()

    def _bound(self) -> Iterator[tuple[cst.BaseExpression, cst.BaseExpression]]:
        """Targets with what is assigned to them: each of several with its own, or else with all of them."""
        for target, value in bindings(self.function.node.body):
            call = unawaited(value)
            if isinstance(target, cst.Tuple) and isinstance(call, cst.Call):  # `await gather(one(), another())`
                passed = self.fates.passed_on(call, self.function)
                if len(passed) > 1 and not any(argument.star for argument in passed):
                    value = cst.Tuple([cst.Element(argument.value) for argument in passed])
            for one, given in pairs(target, value):
                yield from ((each, given) for each in (_each(one) if self._are_several(given) else [one]))

    def _name(self) -> None:
        size = -1
        while size != len(self.pools) + len(self.derived):
            size = len(self.pools) + len(self.derived)
            for target, value in self._bound():
                if isinstance(target, cst.Name):
                    if self._is_pool(value):
                        self.pools.add(target.value)
                    elif self._mentions(value):
                        self.derived.add(target.value)
            for loop in (n for n in walk(self.function.node.body, same_scope) if isinstance(n, (cst.For, cst.CompFor))):
                if self._is_pool(elements(loop.iter)):  # each of several
                    self.pools |= {n.value for n in walk(loop.target) if isinstance(n, cst.Name)}

    def _is_pool(self, node: cst.CSTNode) -> bool:
        """The pool itself, or a maker built around it."""
        if node is self.node or (isinstance(node, cst.Name) and node.value in self.pools):
            return True
        if isinstance(node, cst.Await):
            return self._is_pool(node.expression)
        if isinstance(node, cst.BooleanOperation):  # `engine or create_engine(…)`
            return self._is_pool(node.left) or self._is_pool(node.right)
        if isinstance(node, cst.Subscript):  # `pools[0]`
            return self._is_pool(node.value) and self._are_several(node.value)
        if isinstance(node, cst.IfExp):
            return self._is_pool(node.body) or self._is_pool(node.orelse)
        if isinstance(node, (cst.Tuple, cst.List, cst.Set, cst.Dict)):
            return any(self._is_pool(e.value) for e in node.elements)
        if isinstance(node, (cst.ListComp, cst.SetComp, cst.GeneratorExp)):  # `[create_engine(url) for url in urls]`
            return self._is_pool(node.elt)
        if isinstance(node, cst.DictComp):
            return self._is_pool(node.value)
        return isinstance(node, cst.Call) and self._gives(node)

    def _gives(self, node: cst.Call) -> bool:
        """Whether it is what a callee gives that is given the pool."""
        if passed := self.fates.passed_on(node, self.function):
            return any(self._is_pool(argument.value) for argument in passed)
        if not any(self._is_pool(a.value) for a in node.args):
            return False
        return self._makes_maker(node) or self._keeps(node)

    def _makes_maker(self, node: cst.Call) -> bool:
        return self.fates.makes_maker(node, self.function, self.function.module)

    def _keeps(self, node: cst.Call) -> bool:
        return self.fates.keeps(node, self.function, self.function.module, self._is_pool)

    def _are_several(self, node: cst.BaseExpression) -> bool:
        """Whether they are written down, also by a name: what a callee gave that was lent a pool may hold anything."""
        values = self.function.bindings.assigned.get(node.value, []) if isinstance(node, cst.Name) else [node]
        calls = [call for value in values if isinstance(call := unawaited(value), cst.Call)]
        return bool(values) and all(self.fates.passed_on(call, self.function) for call in calls)

    def _is_made_of_it(self, node: cst.BaseExpression) -> bool:
        """A name for what a function of the project gave for the pool, which was lent to it."""
        values = self.function.bindings.assigned.get(node.value, []) if isinstance(node, cst.Name) else []
        calls = [v for v in values if isinstance(v, cst.Call) and v is not self.node]
        return bool(calls) and all(self.fates.is_function(call, self.function) for call in calls)

    def _mentions(self, node: cst.CSTNode) -> bool:
        """Whether it, or what comes from it, may be in a value: a table that was read holds no connection."""
        names = self.pools | self.derived
        parts = walk(node, _may_hold) if _may_hold(node) else ()
        return any(part is self.node or (isinstance(part, cst.Name) and part.value in names) for part in parts)

    def fate(self, counts_closing: bool = True) -> Fate:
        body = self.function.node.body
        if (counts_closing and self._closed(body)) or self.is_idle():
            return Fate.CLOSED
        for target, value in self._bound():
            if self._outlives(target) and self._mentions(value):
                return Fate.KEPT
        given: set[bool] = set()  # whether to a function of the project
        for node in walk(body):
            if type(node) in SCOPES and mentions(_inside(node), self.pools.__contains__):
                return Fate.KEPT  # a closure over it
            if isinstance(node, cst.Call) and any(self._is_pool(a.value) for a in node.args):
                made = all(self._is_made_of_it(a.value) for a in node.args if self._is_pool(a.value))
                if made or self._makes_maker(node):
                    continue
                if self._keeps(node):
                    given.add(self.fates.is_function(node, self.function))
        if False in given:
            return Fate.KEPT
        if any(self._is_pool(value) for value in self.function.returned):
            return Fate.RETURNED
        return Fate.GIVEN if given else Fate.LOST

    def _outlives(self, target: cst.CSTNode) -> bool:
        """A field, an entry or a global: no name of the function's own."""
        if isinstance(target, (cst.Tuple, cst.List)):
            return any(self._outlives(element.value) for element in target.elements)
        return not isinstance(target, cst.Name) or target.value in self.function.bindings.outer

    def is_idle(self) -> bool:
        """Nothing but attributes are read, of an engine that has a name: it never connects."""
        body = self.function.node.body
        attributes = [node for node in walk(body) if isinstance(node, cst.Attribute)]
        read = {id(node.value) for node in attributes if node.attr.value in self.fates.idle}
        others = {id(t) for t, value in self._bound() if self._is_pool(value)}
        others |= {id(node.attr) for node in attributes}  # `self.engine` is another one
        uses = (node for node in walk(body) if isinstance(node, cst.Name) and node.value in self.pools)
        rest = [node for node in uses if id(node) not in others]
        return bool(rest) and all(id(node) in read for node in rest)

    def _closed(self, body: cst.CSTNode) -> bool:
        for node in walk(body):
            if isinstance(node, cst.Attribute) and node.attr.value in self.fates.releases and self._is_pool(node.value):
                return True
            if isinstance(node, cst.WithItem) and self._is_pool(node.item):
                return True
        return False


def _may_hold(node: cst.CSTNode) -> bool:
    """Whether what a part of a value is given may be in it: `read_sql` gives a table, unless it is asked for pieces."""
    if not isinstance(node, cst.Call) or terminal(node.func) not in words().frames:
        return True
    return any(argument.keyword is not None and argument.keyword.value in words().pieces for argument in node.args)


def _inside(scope: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """A nested function but for its decorators, which only call: `@event.listens_for(engine, …)`."""
    return (child for child in children(scope) if not isinstance(child, cst.Decorator))


def _each(target: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """`a`, `b` of `a, b`."""
    if isinstance(target, (cst.Tuple, cst.List)):
        for element in target.elements:
            yield from _each(element.value)
    else:
        yield target


def bindings(body: cst.CSTNode) -> Iterator[tuple[cst.BaseExpression, cst.BaseExpression]]:
    """Targets with what is assigned to them, `with … as` included."""
    for node in walk(body, same_scope):
        if isinstance(node, cst.Assign):
            yield from ((target.target, node.value) for target in node.targets)
        elif isinstance(node, (cst.AnnAssign, cst.NamedExpr)) and node.value is not None:
            yield node.target, node.value
        elif isinstance(node, cst.WithItem) and node.asname is not None:
            yield node.asname.name, node.item
