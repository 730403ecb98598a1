"""LK303: a connection of its own for every round of a loop."""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst

from leakcheck.checks.blocking import Blocking
from leakcheck.checks.rounds import Loop
from leakcheck.checks.sql import mentions
from leakcheck.checks.telling import Teller, quoted
from leakcheck.diagnostics import CONFIDENCES, Confidence, Diagnostic
from leakcheck.flow.core import Site
from leakcheck.flow.interpreter import Interpreter
from leakcheck.project.walk import same_scope, walk

_LEAVES = (cst.Break, cst.Return)


def reconnects(run: Interpreter, tell: Teller, blocking: Blocking) -> Iterable[Diagnostic]:
    """One finding for each acquire that every round of a `for` repeats, with the same arguments."""
    if run.function is None:
        return
    loops = [Loop(n, run.function) for n in walk(run.function.node.body, same_scope) if isinstance(n, cst.For)]
    for site in run.sites:
        if site.parameter or site.spec.kind != "connection" or site.in_memory or not site.releases:
            continue
        loop = next((loop for loop in reversed(loops) if any(n is site.node for n in loop.body)), None)
        if loop is not None and _repeats(site, loop):
            message = f"{quoted(site.callee)} connects anew for every round of the loop: connect once, before it"
            steps = [tell.step("note", loop.node.target, "for every one of these"), *tell.acquired(site)]
            yield tell.at("LK303", _confidence(site, loop, run, blocking), message, site.node, steps)


def _repeats(site: Site, loop: Loop) -> bool:
    """Nothing of the acquire depends on the round, and no round is the last because it succeeded."""
    if mentions([site.node], loop.rows.__contains__) or loop.is_small or loop.node.asynchronous is not None:
        return False
    tests = (node for node in loop.body if isinstance(node, cst.If))
    if any(part is site.node for test in tests for part in walk(test, same_scope)):
        return False  # `if conn is None: conn = connect()`
    return not any(isinstance(node, _LEAVES) for node in loop.body)


def _confidence(site: Site, loop: Loop, run: Interpreter, blocking: Blocking) -> Confidence:
    """Where the rounds wait for something else, a connection held across them would be worse."""
    assert run.function is not None
    if site.spec.embedded:
        return "low"
    for node in loop.body:
        if isinstance(node, cst.Call):
            callee = blocking.resolver.static(node.func, run.function, run.module)
            if blocking.at(callee, node, run.function.node.body, run.module):
                return "low"
    return min(site.certainty, "medium", key=CONFIDENCES.index)
