"""The loops that go over rows: `for`, and what amounts to it."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from leakcheck.checks.assigned import bound
from leakcheck.checks.rows.rounds import Loop
from leakcheck.checks.sql import mentions
from leakcheck.flow.beginning import elements
from leakcheck.flow.resolve import Resolver
from leakcheck.patterns import pattern
from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.project.syntax.walk import code, same_scope, terminal, unawaited, walk
from leakcheck.project.triage.vocabulary import OTHER_LOOPS
from leakcheck.words import words

OTHERS = pattern(OTHER_LOOPS)  # what may be one of them besides `for`, as text

_DEPTH = 4  # of calls in a chain
_TARGETS = (cst.Name, cst.Attribute, cst.Subscript, cst.Tuple, cst.List)


def repeated(root: cst.CSTNode, function: FunctionInfo | None, module: Module, resolver: Resolver) -> Iterator[Loop]:
    """Every such loop in some code, the outer ones first."""
    for node in walk(root, same_scope):
        made: cst.For | None = None
        if isinstance(node, cst.For):
            made = node if node.asynchronous is None or _is_stream(node.iter, function, module) else None
        elif isinstance(node, cst.While):
            made = _of_while(node)
        elif isinstance(node, (cst.ListComp, cst.SetComp, cst.GeneratorExp)):
            made = _of_comprehension(node, function)
        if made is not None:
            yield Loop(made, function, module, resolver, node)


def arrives(loop: Loop) -> bool:
    """Whether what a loop goes over comes one by one, of a broker or other workers: the first of a hundred would not
    be written before the last is there."""
    node = elements(loop.node.iter)
    made = (loop.node.iter, *bound(node, loop.function, loop.module))
    return any(_waits(value) or _waits(elements(value)) for value in made)


def _waits(node: cst.BaseExpression) -> bool:
    """`KafkaConsumer("orders")`, `channel.listen()`, `sys.stdin`, `iter(queue.get, None)`."""
    if isinstance(node, cst.Call):
        if code(node.func) == "iter" and len(node.args) == 2:
            return terminal(node.args[0].value) in words().takes_one
        node = node.func
    return terminal(node) in words().arrivals


def _of_comprehension(node: cst.BaseComp, function: FunctionInfo | None) -> cst.For | None:
    """`[cursor.execute(INSERT, (name,)) for name in names]`, as a statement; a coroutine has to be awaited for it."""
    assert isinstance(node, (cst.ListComp, cst.SetComp, cst.GeneratorExp))
    call = unawaited(node.elt)
    awaited = call is not node.elt or not (function and function.is_async)
    if not awaited or not isinstance(call, cst.Call) or terminal(call.func) != "execute":
        return None
    return _as_for(node.for_in, cst.SimpleStatementLine([cst.Expr(node.elt)]))


def _as_for(clause: cst.CompFor, inside: cst.BaseStatement) -> cst.For | None:
    """The clauses of a comprehension around what it does."""
    if clause.asynchronous is not None:
        return None
    body = inside if clause.inner_for_in is None else _as_for(clause.inner_for_in, inside)
    for condition in reversed(clause.ifs):
        body = cst.If(condition.test, cst.IndentedBlock([body])) if body else None
    return cst.For(clause.target, clause.iter, cst.IndentedBlock([body])) if body else None


def _of_while(node: cst.While) -> cst.For | None:
    """A loop until nothing is left; one that waits for what may come is none."""
    tested = node.test
    for part in walk(tested):
        if isinstance(part, cst.NamedExpr) and isinstance(part.target, cst.Name) and _gives_one(part.value):
            return cst.For(part.target, part.value, node.body)
    taken = [part for part in walk(node.body, same_scope) if isinstance(part, cst.Call) and _takes(part, tested)]
    if not taken:
        return _until_none(node)
    filled = any(_puts_in(part, taken) for part in walk(node.body, same_scope))
    owner = taken[0].func.value if isinstance(taken[0].func, cst.Attribute) else tested
    target = _name_of(taken[0], node) or owner
    return cst.For(target, owner, node.body) if isinstance(target, _TARGETS) and not filled else None


def _until_none(node: cst.While) -> cst.For | None:
    """`while row: …; row = cursor.fetchone()`, and `while True:` that is left when there is none."""
    leaves = any(isinstance(part, cst.Break) for part in walk(node.body, same_scope))
    for part in walk(node.body, same_scope):
        if isinstance(part, cst.Assign) and _gives_one(part.value) and isinstance(part.targets[0].target, cst.Name):
            name = part.targets[0].target
            if mentions([node.test], name.value.__eq__) or (leaves and code(node.test) in ("True", "1")):
                return cst.For(name, part.value, node.body)
    return None


def _gives_one(node: cst.BaseExpression) -> bool:
    """`await cursor.fetchone()`: the next row, or nothing when there is none."""
    call = unawaited(node)
    return isinstance(call, cst.Call) and terminal(call.func) in words().gives_one


def _takes(call: cst.Call, tested: cst.BaseExpression) -> bool:
    """`queue.pop()`, where the test asks whether `queue` has something left."""
    owner = call.func.value if isinstance(call.func, cst.Attribute) else None
    return owner is not None and terminal(call.func) in words().takes_one and code(owner) == _asked_of(tested)


def _asked_of(tested: cst.BaseExpression) -> str:
    """`queue` of `queue`, `len(queue) > 0` and `not queue.empty()`."""
    if isinstance(tested, cst.UnaryOperation):
        return _asked_of(tested.expression)
    if isinstance(tested, cst.Comparison):
        return _asked_of(tested.left)
    if isinstance(tested, cst.Call):
        if terminal(tested.func) == "len" and tested.args:
            return code(tested.args[0].value)
        method = tested.func if isinstance(tested.func, cst.Attribute) else None
        return code(method.value) if method is not None and method.attr.value in words().sizes else ""
    return code(tested)


def _puts_in(node: cst.CSTNode, taken: list[cst.Call]) -> bool:
    """Whether more comes in while it is emptied."""
    func = node.func if isinstance(node, cst.Call) else None
    owners = {code(call.func.value) for call in taken if isinstance(call.func, cst.Attribute)}
    return isinstance(func, cst.Attribute) and func.attr.value in words().fills and code(func.value) in owners


def _name_of(call: cst.Call, loop: cst.While) -> cst.BaseExpression | None:
    """What a round calls what it has taken."""
    assigned = (part for part in walk(loop.body, same_scope) if isinstance(part, cst.Assign))
    return next((part.targets[0].target for part in assigned if unawaited(part.value) is call), None)


def _is_stream(node: cst.BaseExpression, function: FunctionInfo | None, module: Module, depth: int = _DEPTH) -> bool:
    """Whether an `async for` goes over rows that are there, of a query or a file: others come when they come."""
    node = unawaited(node)
    if depth <= 0:
        return False
    if isinstance(node, cst.Name):
        return any(_is_stream(value, function, module, depth - 1) for value in bound(node, function, module))
    if not isinstance(node, cst.Call):
        return False
    owner = node.func.value if isinstance(node.func, cst.Attribute) else None
    made = terminal(node.func) in words().row_streams
    return made or (owner is not None and _is_stream(owner, function, module, depth - 1))
