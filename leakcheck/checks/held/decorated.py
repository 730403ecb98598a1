"""LK201 to LK203 for what a decorator of the project, or a transaction of the framework, holds around other code."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import libcst as cst

from leakcheck.checks.held.blocking import Blocking, Pause, Place
from leakcheck.checks.held.deadlocks import reason, second_steps
from leakcheck.checks.held.nested import Acquires, Second
from leakcheck.checks.held.through import purpose, short
from leakcheck.checks.sql import mentions
from leakcheck.checks.telling import Teller, quoted
from leakcheck.diagnostics import Diagnostic, Step, lowest
from leakcheck.flow.values import Function, Symbol
from leakcheck.project.syntax.module import FunctionInfo, Module, Scope
from leakcheck.project.syntax.walk import same_scope, walk


def under_decorators(module: Module, tell: Teller, blocking: Blocking, acquires: Acquires) -> Iterable[Diagnostic]:
    """The first wait of each kind in a function that a decorator of the project calls with a connection in hand."""
    for function in acquires.decorated(module):
        site, wrapper = next(acquires.around(function), (None, None))
        if site is None or wrapper is None or site.parameter:
            continue
        acquired = tell.step("acquire", site.node, "the decorator checks a connection out here", wrapper.module)
        for pause in blocking.inside(function):
            who = f"a decorator of {quoted(function.name)} holds a connection"
            yield _diagnostic(pause, who, acquired, tell, site.spec.embedded)


def nested_under_decorators(module: Module, tell: Teller, acquires: Acquires) -> Iterable[Diagnostic]:
    """Calls, by a function to which a decorator gives a connection, of one that takes another from the same pool."""
    for function in acquires.decorated(module):
        held = dict(acquires.pools_around(function))
        given = {parameter.name.value for parameter in function.parameters}
        calls = (node for node in walk(function.node.body, same_scope) if isinstance(node, cst.Call))
        for node in calls if held else ():
            callee = acquires.resolver.static(node.func, function, module)
            if not isinstance(callee, Function) or callee.info.is_generator or mentions(node.args, given.__contains__):
                continue
            if acquires.summaries.may_give(callee.info):
                continue
            second = next((second for second in acquires.of(callee.info) if second.key in held), None)
            if second is not None:
                yield _nested(function, node, held[second.key], second, tell)
                break


def _nested(function: FunctionInfo, node: cst.Call, first: Place, second: Second, tell: Teller) -> Diagnostic:
    message = (
        f"{quoted(tell.callee(node))} takes a second connection while a decorator of {quoted(function.name)} "
        f"holds one: {reason(2, function)}"
    )
    steps = [tell.step("acquire", first[1], "the first one is checked out here", first[0])]
    steps += second_steps(node, second.chain, tell)
    return tell.at("LK203", "medium", message, node, steps)


def in_transactions(module: Module, tell: Teller, blocking: Blocking) -> Iterable[Diagnostic]:
    """The same for blocks and functions that are one transaction of the thread's own connection."""
    words = frozenset(name.rpartition(".")[2] for name in blocking.waits.transactions)
    for function in module.scopes(words) if _imports_any(module, blocking.waits.transactions) else ():
        for opened, part in _transactions(function, blocking):
            acquired = tell.step("acquire", opened, "the transaction begins here")
            for pause in blocking.inside(function, part):
                yield _diagnostic(pause, "the transaction is open, and its connection held,", acquired, tell)


def _imports_any(module: Module, names: Collection[str]) -> bool:
    roots = {name.partition(".")[0] for name in names}
    return any(target.partition(".")[0] in roots for target in module.imports.values())


def _transactions(function: FunctionInfo, blocking: Blocking) -> Iterator[tuple[cst.CSTNode, cst.CSTNode | None]]:
    """Where one begins, and its block; no block for that of a decorator."""
    for decorator in function.node.decorators:
        if _begins(decorator.decorator, function.parent, function.module, blocking):
            yield decorator.decorator, None
            return
    for node in walk(function.node.body, same_scope):
        if isinstance(node, cst.With):
            for item in node.items:
                if _begins(item.item, function, function.module, blocking):
                    yield item.item, node.body


def _begins(node: cst.BaseExpression, scope: Scope, module: Module, blocking: Blocking) -> bool:
    callee = blocking.resolver.static(node.func if isinstance(node, cst.Call) else node, scope, module)
    return isinstance(callee, Symbol) and callee.name in blocking.waits.transactions


def _diagnostic(pause: Pause, who: str, acquired: Step, tell: Teller, cheap: bool = False) -> Diagnostic:
    _, node = pause.chain[0]
    message = f"{who} while {quoted(short(node))} {purpose(pause)}"
    steps = [acquired, tell.step("note", node, "held here" if len(pause.chain) == 1 else "held during this call")]
    steps += [tell.step("via", place, f"which {pause.wait.what}", module) for module, place in pause.chain[1:][-1:]]
    rule = "LK201" if pause.sleeps else "LK202"
    confidence = lowest("low" if cheap else "medium", pause.confidence)
    return tell.at(rule, confidence, message, node, steps)
