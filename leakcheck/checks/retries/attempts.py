"""LK502: an attempt that begins while the connection of the one that failed is still out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from leakcheck.checks.retries.loops import Loop, goes_on, is_another, succeeds
from leakcheck.checks.rows.rounds import conditional
from leakcheck.checks.sql import mentions
from leakcheck.checks.telling import Teller, quoted
from leakcheck.diagnostics import Diagnostic, lowest
from leakcheck.flow.holding import Held
from leakcheck.flow.interpreter import Interpreter
from leakcheck.flow.sites import Site
from leakcheck.flow.state import Status, Tier
from leakcheck.flow.values import Function
from leakcheck.project.syntax.walk import same_scope, terminal, walk


def attempts(run: Interpreter, tell: Teller, known: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """What is known of a function's retries, and these where nothing else is wrong with them."""
    told = set()
    for found in known:
        told.add((found.code, found.span))
        yield found
    yield from (found for found in _attempts(run, tell) if (found.code, found.span) not in told)


def _attempts(run: Interpreter, tell: Teller) -> Iterator[Diagnostic]:
    """Loops that overwrite what they never gave back, and handlers that have their own function try again."""
    if run.function is None or not run.sites:
        return
    body = run.function.node.body
    left = [leak for leak in run.leaks if leak.exit == "overwritten"]
    lost = dict.fromkeys(leak.site for leak in left if leak.tier is not Tier.WEAK)  # as LK102 has it
    loops = [node for node in walk(body, same_scope) if isinstance(node, (cst.For, cst.While))] if lost else []
    for site in lost:
        loop = next((loop for loop in reversed(loops) if any(part is site.node for part in walk(loop.body))), None)
        if loop is not None and _is_slot(site) and _overwrites(loop, site):
            yield _diagnostic(site, site.node, f"{quoted(site.callee)} is tried again", run, tell)
    for record in _recursions(run, body):
        yield _diagnostic(record.site, record.node, f"{quoted(run.function.name)} calls itself again", run, tell)


def _overwrites(loop: Loop, site: Site) -> bool:
    """Whether a handler lets the loop go on, and neither it nor what follows gives back what its attempt had taken."""
    if id(site.node) in conditional(loop.body):  # `if conn is None: conn = connect()`
        return False
    for tried in walk(loop.body, same_scope):
        if isinstance(tried, cst.Try) and _works(tried, site) and _is_retried(tried, loop):
            inside = {id(part) for part in walk(tried.body)}
            given_back = [node for node in site.releases if id(node) not in inside]
            around = {id(part) for part in walk(loop.body)}
            going = any(goes_on(handler) and not _is_empty_pool(handler, site) for handler in tried.handlers)
            return going and not any(id(node) in around for node in given_back)
    return False


def _is_retried(tried: cst.Try, loop: Loop) -> bool:
    """Whether what a loop does next is the same again, and not another thing of several."""
    return succeeds(tried, loop) and not is_another(tried, loop)


def _is_empty_pool(handler: cst.ExceptHandler, site: Site) -> bool:
    """Whether it catches only what the acquire itself raises, which then has taken nothing."""
    caught = (
        [element.value for element in handler.type.elements] if isinstance(handler.type, cst.Tuple) else [handler.type]
    )
    raised = site.spec.exhaustion.split()  # `raises PoolError at once`
    return all(kind is not None and terminal(kind) in raised for kind in caught)


def _works(tried: cst.Try, site: Site) -> bool:
    return bool(site.name) and mentions([tried.body], site.name.__eq__)


def _recursions(run: Interpreter, body: cst.CSTNode) -> Iterator[Held]:
    """Calls of the function itself in a handler, while something is held."""
    own = [
        record
        for record in run.holding.calls.values()
        if isinstance(record.callee, Function) and record.callee.info is run.function and record.status is Status.OPEN
    ]
    handlers = [node for node in walk(body, same_scope) if isinstance(node, cst.ExceptHandler)] if own else []
    inside = {id(part) for handler in handlers for part in walk(handler.body, same_scope)}
    return (record for record in own if id(record.node) in inside and not record.shares and _is_slot(record.site))


def _is_slot(site: Site) -> bool:
    return not (site.parameter or site.spec.embedded)


def _diagnostic(site: Site, node: cst.CSTNode, what: str, run: Interpreter, tell: Teller) -> Diagnostic:
    message = f"{what} while the connection of the attempt that failed is still out: each attempt takes one more"
    return tell.at("LK502", lowest(site.certainty, "medium"), message, node, tell.acquired(site))
