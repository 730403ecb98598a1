"""LK203 for endpoints: a second connection from the pool of which a dependency holds one for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from leakcheck.checks.held.blocking import Place
from leakcheck.checks.held.deadlocks import reason, second_steps
from leakcheck.checks.held.driven import left_to_run
from leakcheck.checks.held.nested import Acquires
from leakcheck.checks.pools.keys import Key
from leakcheck.checks.sql import mentions
from leakcheck.checks.telling import Teller, quoted
from leakcheck.diagnostics import Diagnostic, lowest
from leakcheck.flow.interpreter import Interpreter
from leakcheck.flow.sites import Site
from leakcheck.flow.state import Tier
from leakcheck.flow.values import Function, Loan
from leakcheck.project.syntax.walk import same_scope, walk


def nested_in_endpoint(
    run: Interpreter, site: Site, loan: Loan, subject: str, tell: Teller, acquires: Acquires
) -> Iterable[Diagnostic]:
    """The first place where an endpoint takes one while what it was given is in use."""
    others = left_to_run(run) if loan.through else frozenset()
    for node, chain in _found(run, site, acquires) if loan.through else ():
        if id(node) in others or (loan.spec.lazy and not _works_with_it(run, site, loan, node)):
            continue
        if not acquires.engines.is_bounded(site, run.function, run.module):
            return
        message = (
            f"{quoted(tell.callee(node))} takes a second connection while {subject} is held for the whole endpoint: "
            f"{reason(2, run.function, site.spec.exhaustion)}"
        )
        steps = [*tell.acquired(site, "the first one is ")]
        if loan.used:
            steps.append(tell.step("note", site.node, f"{quoted(loan.used)} has used it, so that it has a connection"))
        yield tell.at(
            "LK203", lowest(site.certainty, "medium"), message, node, [*steps, *second_steps(node, chain, tell)]
        )
        return


def _works_with_it(run: Interpreter, site: Site, loan: Loan, node: cst.CSTNode) -> bool:
    """Whether a dependency, or the endpoint itself, was the last to work with a session before a call: a function or an
    object that is given one may end its transaction, or do nothing with it."""
    assert run.function is not None
    last = bool(loan.used)
    for part in walk(run.function.node.body, same_scope):
        if part is node:
            break
        if isinstance(part, cst.Call) and mentions((a.value for a in part.args), site.name.__eq__):
            last = bool(loan.inside and loan.used)  # a user that the dependency has found
        elif isinstance(part, cst.Call) and isinstance(part.func, cst.Attribute) and not loan.inside:
            last |= isinstance(part.func.value, cst.Name) and part.func.value.value == site.name
    return last


def _found(run: Interpreter, site: Site, acquires: Acquires) -> Iterator[tuple[cst.CSTNode, tuple[Place, ...]]]:
    """Where a second one is taken, here or in a function that is not given the first one."""
    held = _keys_of(site, acquires)
    for pair in run.holding.nested.values() if held else ():
        if pair.outer is site and pair.tier is Tier.NONE and not held.isdisjoint(_keys(pair.inner, run, acquires)):
            yield pair.node, ()
    for record in run.holding.calls.values() if held else ():
        callee = record.callee.info if isinstance(record.callee, Function) else None
        if record.site is not site or record.tier is not Tier.NONE or callee is None or record.shares or record.given:
            continue
        if not run.summaries.may_give(callee) and not callee.is_generator:
            yield from ((record.node, second.chain) for second in acquires.of(callee) if second.key in held)


def _keys(site: Site, run: Interpreter, acquires: Acquires) -> frozenset[Key]:
    """The pools that an acquire may be from: by the object it is called on, and by what a getter takes it from."""
    key = acquires.engines.key(site, run.function, run.module)
    return _keys_of(site, acquires) | ({key} if key is not None else frozenset())


def _keys_of(site: Site, acquires: Acquires) -> frozenset[Key]:
    return frozenset(second.key for function in site.wrappers[-1:] for second in acquires.own(function))
