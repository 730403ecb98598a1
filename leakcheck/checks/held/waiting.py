"""The calls that wait while a connection is checked out, as an interpreted function makes them."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from leakcheck.checks.held.blocking import Blocking, Pause
from leakcheck.checks.held.optional import is_left_out
from leakcheck.checks.sql import mentions
from leakcheck.flow.holding import Held
from leakcheck.flow.interpreter import Interpreter
from leakcheck.flow.state import Status, Tier
from leakcheck.flow.values import Class, Function, Symbol, Value
from leakcheck.project.syntax.module import FunctionInfo
from leakcheck.project.syntax.walk import code, same_scope, terminal, walk
from leakcheck.words import words


def feasible(run: Interpreter) -> Iterator[Held]:
    """The calls that are surely made while the resource is out."""
    leaking = {leak.site for leak in run.leaks}
    entered = {leak.site for leak in run.leaks if leak.resource.with_used}  # by a `with` that does not close it
    for record in run.holding.calls.values():
        if record.site in entered and not record.site.releases and _is_behind_block(record, run):
            continue
        given_away = record.status is Status.ESCAPED and not record.site.releases
        after_leak = record.tier is Tier.STRONG and record.site in leaking  # that it was lost is the finding
        if not given_away and not after_leak and record.tier is not Tier.WEAK:
            yield record


def _is_behind_block(record: Held, run: Interpreter) -> bool:
    """Whether a call stands outside the `with` that its connection was entered by, where that is over."""
    body = run.function.node.body if run.function else run.module.chunk_of(record.node).tree
    blocks = [block for block in walk(body, same_scope) if isinstance(block, cst.With)]
    own = [block for block in blocks if any(_enters(item, record) for item in block.items)]
    return bool(own) and not any(part is record.node for block in own for part in walk(block))


def _enters(item: cst.WithItem, record: Held) -> bool:
    return item.item is record.site.node or code(item.item) == record.site.name


def lent_while_resting(run: Interpreter) -> Iterator[Held]:
    """The calls that are lent a session before it was used, and may use it."""
    return (record for record in run.holding.resting.values() if record.tier is Tier.NONE)


def pauses(record: Held, run: Interpreter, blocking: Blocking) -> Iterator[Pause]:
    if isinstance(record.callee, Function) and run.summaries.may_give(record.callee.info):
        return  # another acquire, which may retry: that they are nested is the finding
    if any(node is record.node for node in record.site.releases):
        return  # the callee gives it back, perhaps before it waits
    if _is_given(record) and blocking.is_request(record.callee):
        return  # `bot.create_account(conn, user)`: given a connection, it is the project's own, not the service's
    if _listens(record, run):
        return
    body = run.function.node.body if run.function else record.node
    found = blocking.at(record.callee, record.node, body, run.module)
    if found and not _is_lost(record, body, run):
        yield from (p for p in found if p.given is None or not is_left_out(p.given, run.module, run.resolver))


def _is_given(record: Held) -> bool:
    """Whether the connection itself is among the arguments, not only what it has answered."""
    arguments = record.node.args if record.shares and isinstance(record.node, cst.Call) else ()
    return any(code(argument.value) == record.site.name for argument in arguments)


def _is_lost(record: Held, body: cst.CSTNode, run: Interpreter) -> bool:
    """Whether a connection outside any pool is gone by then: a handler that asks for that, or connects anew, waits."""
    if record.site.spec.kind != "connection":
        return False
    handlers = (node for node in walk(body, same_scope) if isinstance(node, cst.ExceptHandler))
    around = (handler for handler in handlers if any(part is record.node for part in walk(handler.body, same_scope)))
    return any(_tells_of_loss(handler, run) or _binds(handler, record.site.name) for handler in around)


def _tells_of_loss(handler: cst.ExceptHandler, run: Interpreter) -> bool:
    """By the exceptions of a driver or of the project that it catches, or by a function that it asks."""
    caught = walk(handler.type) if handler.type else ()
    parts = (part for part in caught if isinstance(part, (cst.Name, cst.Attribute)))
    known = (run.resolver.static(part, run.function, run.module) for part in parts)
    names = [_exception(value, run) for value in known]
    names += [terminal(node.func) for node in walk(handler.body, same_scope) if isinstance(node, cst.Call)]
    return any(words().of_lost.search(name) for name in names)


def _exception(value: Value, run: Interpreter) -> str:
    """Its name; "" for those of libraries that have no connections to databases."""
    if isinstance(value, Class):
        return value.info.name
    name = value.name if isinstance(value, Symbol) else ""
    return name.rpartition(".")[2] if run.catalogue.library(name) else ""


def _binds(handler: cst.ExceptHandler, name: str) -> bool:
    targets = (node.target for node in walk(handler.body, same_scope) if isinstance(node, cst.AssignTarget))
    return any(code(target) == name for target in targets)


def _listens(record: Held, run: Interpreter) -> bool:
    """Whether the wait is what the connection is there for: until the server says something, or is done."""
    if _asks(run.function, {record.site.name}):
        return True
    infos = run.holding.callees(record.site)  # `gather(listen(conn), …)`
    return any(_asks(info, {parameter.name.value for parameter in info.parameters}) for info in infos)


def _asks(function: FunctionInfo | None, lent: set[str]) -> bool:
    """Whether it listens on the connection of that name, or on what comes of it."""
    if function is None or function.words.isdisjoint(words().listening):
        return False
    made = (name for name, values in function.bindings.assigned.items() if mentions(values, lent.__contains__))
    theirs = {*lent, *made}
    attributes = (node for node in walk(function.node.body) if isinstance(node, cst.Attribute))
    return any(a.attr.value in words().listening and code(a.value) in theirs for a in attributes)
