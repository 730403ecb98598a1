"""LK303: a connection of its own for every round of a loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import libcst as cst

from leakcheck.checks.guesses import is_guess
from leakcheck.checks.held.blocking import Blocking
from leakcheck.checks.purpose import is_migration
from leakcheck.checks.rows.handful import is_over_files, works_on_file
from leakcheck.checks.rows.refusals import is_afterwards
from leakcheck.checks.rows.repeated import repeated
from leakcheck.checks.rows.rounds import Loop, conditional
from leakcheck.checks.sql import mentions
from leakcheck.checks.telling import Teller, quoted
from leakcheck.diagnostics import Confidence, Diagnostic, lowest
from leakcheck.flow.binding import parameters, positional
from leakcheck.flow.interpreter import Interpreter, analyse
from leakcheck.flow.prospects import Prospects
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.sites import Site
from leakcheck.flow.summaries import Summaries
from leakcheck.flow.values import Function
from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.project.syntax.sketch import LOOP
from leakcheck.project.syntax.walk import same_scope, walk

_LEAVES = (cst.Break, cst.Return)


class Reconnects:
    """What the project's functions connect to for themselves is remembered by function."""

    def __init__(self, resolver: Resolver, summaries: Summaries, prospects: Prospects, blocking: Blocking) -> None:
        self.resolver, self.summaries, self.prospects, self.blocking = resolver, summaries, prospects, blocking
        self._known: dict[FunctionInfo, tuple[Site, ...]] = {}

    def findings(self, run: Interpreter, tell: Teller) -> Iterable[Diagnostic]:
        """One finding for each acquire that every round of a loop over rows repeats, with the same arguments."""
        if run.function is None:
            return
        loops = list(repeated(run.function.node.body, run.function, run.function.module, self.resolver))
        for site in filter(_connects, run.sites):
            loop = next((loop for loop in reversed(loops) if any(n is site.node for n in loop.body)), None)
            if loop is not None and not mentions([site.node], loop.rows.__contains__) and _repeats(site.node, loop):
                message = f"{quoted(site.callee)} connects anew for every round of the loop: connect once, before it"
                steps = [tell.step("note", loop.node.target, "for every one of these"), *tell.acquired(site)]
                yield tell.at("LK303", _confidence(site, loop, run.function, self.blocking), message, site.node, steps)

    def through_callees(self, module: Module, runs: Sequence[Interpreter], tell: Teller) -> Iterable[Diagnostic]:
        """Loops that call a function of this file that connects for itself."""
        connecting = (run.function for run in runs if any(map(_connects, run.sites)))
        for function in module.scopes(frozenset(f.name for f in connecting if f is not None), LOOP):
            for node in walk(function.node.body, same_scope):
                if isinstance(node, cst.For):
                    yield from self._through_callees(self._loop(node, function), function, tell)

    def _loop(self, node: cst.For, function: FunctionInfo) -> Loop:
        return Loop(node, function, function.module, self.resolver)

    def _through_callees(self, loop: Loop, function: FunctionInfo, tell: Teller) -> Iterator[Diagnostic]:
        """The first such call, whatever the round."""
        calls = [node for node in loop.body if isinstance(node, cst.Call)] if not _ends(loop) else []
        for node in calls:
            callee = self.resolver.static(node.func, function, function.module)
            for site in self.connecting(callee.info) if isinstance(callee, Function) else ():
                assert isinstance(callee, Function)
                given = _of_the_round(node, callee, loop)
                if mentions([site.node], given.__contains__) or not _repeats(node, loop):
                    continue
                is_file = works_on_file(callee.info.node.body, given.__contains__)
                message = (
                    f"{quoted(callee.info.name)} connects anew for every round of the loop: "
                    "connect once, before it, and pass the connection on"
                )
                steps = [
                    tell.step("note", loop.node.target, "for every one of these"),
                    tell.step("via", site.node, "connects here", callee.info.module),
                ]
                sure = "low" if is_file else _confidence(site, loop, function, self.blocking)
                yield tell.at("LK303", sure, message, node, steps)
                return

    def connecting(self, function: FunctionInfo) -> tuple[Site, ...]:
        """The connections that a function opens and closes itself at once, whatever its arguments."""
        plain = not (function.is_async or function.is_generator)
        return tuple(filter(_connects, self.opening(function))) if plain else ()

    def opening(self, function: FunctionInfo) -> tuple[Site, ...]:
        """What a function acquires whatever its arguments, to give it back or to hand it over."""
        if function not in self._known:
            run = None
            if self.prospects.may_acquire(function):
                run = analyse(function, function.module, self.resolver, self.summaries)
            sites = [site for site in run.sites if not site.parameter] if run else []
            tested = conditional(function.node.body) if sites else frozenset()
            self._known[function] = tuple(site for site in sites if id(site.node) not in tested)
        return self._known[function]


def _connects(site: Site) -> bool:
    """A connection of its own, given back on some path."""
    return not site.parameter and site.spec.kind == "connection" and not site.in_memory and bool(site.releases)


def _of_the_round(node: cst.Call, callee: Function, loop: Loop) -> set[str]:
    """The parameters that get something of the round; all of them, where that cannot be told."""
    if any(argument.star for argument in node.args):
        return set(positional(callee))
    filled = zip(parameters(callee, node.args), node.args, strict=True)
    return {name for name, argument in filled if mentions([argument], loop.rows.__contains__)}


def _repeats(acquire: cst.CSTNode, loop: Loop) -> bool:
    """Every round does it, and no round is the last because it succeeded."""
    if not _goes_on(loop) or id(acquire) in loop.tested:  # `if conn is None: conn = connect()`
        return False
    return not is_afterwards(acquire, loop.node.body)


def _goes_on(loop: Loop) -> bool:
    return not _ends(loop) and loop.node.asynchronous is None and not loop.is_small


def _ends(loop: Loop) -> bool:
    """Whether a round may be the last one."""
    return any(type(node) in _LEAVES for node in loop.body)


def _confidence(site: Site, loop: Loop, function: FunctionInfo, blocking: Blocking) -> Confidence:
    """Where the rounds wait for something else, a connection held across them would be worse."""
    if site.spec.embedded or is_guess(site):  # what is known by its name alone may be kept from round to round
        return "low"
    if is_over_files(loop) or is_migration(function, function.module):
        return "low"
    if works_on_file(loop.node.body, loop.rows.__contains__):
        return "low"
    for node in loop.body:
        if isinstance(node, cst.Call):
            callee = blocking.resolver.static(node.func, function, function.module)
            if blocking.at(callee, node, function.node.body, function.module):
                return "low"
    return lowest(site.certainty, "medium")
