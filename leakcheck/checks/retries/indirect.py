"""LK502: what connects for itself and is tried again: by a loop around its call, by an object that it is handed to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import libcst as cst

from leakcheck.checks.held.blocking import Blocking
from leakcheck.checks.retries.acquires import AGAIN, carelessness
from leakcheck.checks.retries.loops import goes_on, is_endless, tries
from leakcheck.checks.retries.pauses import impatience
from leakcheck.checks.rows.reconnects import Reconnects
from leakcheck.checks.rows.refusals import catches, enclosing
from leakcheck.checks.telling import Teller, quoted
from leakcheck.diagnostics import Diagnostic
from leakcheck.flow.interpreter import Interpreter
from leakcheck.flow.values import Function, Symbol
from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.project.syntax.walk import code, same_scope, walk
from leakcheck.words import words

_CALLS = frozenset({"__call__", "call"})


def around_callees(
    module: Module, runs: Sequence[Interpreter], tell: Teller, reconnects: Reconnects, blocking: Blocking
) -> Iterable[Diagnostic]:
    """Loops that call a function of this file again that could not connect."""
    known = {run.function.name for run in runs if run.function is not None and run.sites}
    for function in module.scopes(frozenset(known)):
        for loop in walk(function.node.body, same_scope):
            if isinstance(loop, (cst.For, cst.While)):
                yield from _around(loop, function, tell, reconnects, blocking)


def _around(
    loop: cst.For | cst.While, function: FunctionInfo, tell: Teller, reconnects: Reconnects, blocking: Blocking
) -> Iterator[Diagnostic]:
    for call in (node for node in walk(loop.body, same_scope) if isinstance(node, cst.Call)):
        callee = blocking.resolver.static(call.func, function, function.module)
        if not isinstance(callee, Function) or not tries(loop, call) or not _for_the_connection(loop, call):
            continue
        site = next(
            (site for site in reconnects.opening(callee.info) if site.releases and not site.spec.embedded), None
        )
        if site is not None and (why := impatience(loop, function, blocking, call)):
            why += " and without end" if is_endless(loop) else ""
            steps = [tell.step("via", site.node, "connects here", callee.info.module)]
            message = f"{quoted(callee.info.name)} connects anew and is tried again {why}: {AGAIN}"
            yield tell.at("LK502", "medium", message, call, steps)
            return


def _for_the_connection(loop: cst.For | cst.While, call: cst.Call) -> bool:
    """Whether a handler that goes on catches what a driver raises, and no more: else anything may have failed."""
    handlers = (handler for tried in enclosing(cst.Try, call, loop.body) for handler in tried.handlers)
    return any(goes_on(handler) and catches(handler.type, words().unreachable) for handler in handlers)


def handed_over(module: Module, tell: Teller, reconnects: Reconnects, blocking: Blocking) -> Iterable[Diagnostic]:
    """`Retrying(wait=wait_fixed(2))(psycopg2.connect, dsn)`, also by a name for it."""
    makers = frozenset(name.rpartition(".")[2] for name in blocking.waits.grows)
    for function in module.scopes(makers):
        for call in (node for node in walk(function.node.body, same_scope) if isinstance(node, cst.Call)):
            maker = _maker(call, function)
            if maker is not None and call.args and _acquires(call.args[0].value, function, reconnects, blocking):
                if why := carelessness(maker, function, blocking):
                    what = quoted(code(call.args[0].value))
                    yield tell.at("LK502", "medium", f"{what} is tried again {why}: {AGAIN}", maker)


def _maker(call: cst.Call, function: FunctionInfo) -> cst.Call | None:
    """`Retrying(…)` of `Retrying(…)(f)`, and of `again = Retrying(…)`, `again(f)` or `again.call(f)`."""
    made = call.func.value if isinstance(call.func, cst.Attribute) and call.func.attr.value in _CALLS else call.func
    if isinstance(made, cst.Name):
        values = function.bindings.assigned.get(made.value, [])
        made = values[0] if len(values) == 1 else made
    return made if isinstance(made, cst.Call) else None


def _acquires(node: cst.BaseExpression, function: FunctionInfo, reconnects: Reconnects, blocking: Blocking) -> bool:
    """Whether a function that is handed over connects, or gives a connection."""
    value = blocking.resolver.static(node, function, function.module)
    if isinstance(value, Function):
        return any(not site.spec.embedded for site in reconnects.opening(value.info))
    name = blocking.resolver.canonical(value.name) if isinstance(value, Symbol) else ""
    specs = blocking.resolver.catalogue.by_acquire.get(name, ())
    return any(not spec.embedded for spec in specs)
