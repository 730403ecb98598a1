"""The families beyond leaks: LK108, held too long (LK2xx), row by row (LK3xx), pools (LK4xx), retries (LK5xx)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from leakcheck.checks.held.blocking import Blocking
from leakcheck.checks.held.decorated import in_transactions, nested_under_decorators, under_decorators
from leakcheck.checks.held.dependencies import Dependencies
from leakcheck.checks.held.lending import Lending
from leakcheck.checks.held.nested import Acquires, nested
from leakcheck.checks.held.through import held
from leakcheck.checks.held.yields import yields
from leakcheck.checks.leaks.cursors import cursors
from leakcheck.checks.pools.configured import configured
from leakcheck.checks.pools.constructors import Constructors
from leakcheck.checks.pools.engines import Engines
from leakcheck.checks.pools.fates import Fates
from leakcheck.checks.pools.weak import pools
from leakcheck.checks.purpose import is_test
from leakcheck.checks.retries.acquires import retries
from leakcheck.checks.retries.attempts import attempts
from leakcheck.checks.retries.indirect import around_callees, handed_over
from leakcheck.checks.rows.loops import loops
from leakcheck.checks.rows.managers import managed
from leakcheck.checks.rows.reconnects import Reconnects
from leakcheck.checks.telling import Teller
from leakcheck.diagnostics import Diagnostic
from leakcheck.flow.interpreter import Interpreter
from leakcheck.flow.prospects import Prospects
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.summaries import Summaries
from leakcheck.project.project import Project
from leakcheck.project.syntax.module import Module
from leakcheck.words import words

_NOT_IN_TESTS = ("LK2", "LK3", "LK5")  # nobody waits for the connections of a test
_NOT_IN_MIGRATIONS = ("LK2",)  # nobody else is there
_NOT_IN_SCRIPTS = ("LK2", "LK3", "LK4", "LK5")  # it is over before anybody else wants a connection
_NOT_OF_OTHERS = ("LK2", "LK3", "LK4", "LK5")  # nobody mends what comes with the next version


class Further:
    """For one project: what is known of its functions that wait, acquire and build pools is kept between modules."""

    def __init__(self, project: Project, resolver: Resolver, summaries: Summaries, prospects: Prospects) -> None:
        self.settings, self.resolver = project.settings, resolver
        self.blocking = Blocking(resolver)
        self.constructors = Constructors(resolver)
        self.acquires = Acquires(resolver, summaries, prospects, Engines(self.constructors))
        self.lending = Lending(self.blocking, summaries)
        self.reconnects = Reconnects(resolver, summaries, prospects, self.blocking)
        self.dependencies = Dependencies(resolver, summaries, project, self.lending, self.acquires)
        self.fates = Fates(self.constructors, resolver)

    def findings(
        self, module: Module, runs: Sequence[Interpreter], tell: Teller, all_are_heard: bool
    ) -> Iterator[Diagnostic]:
        """Everything of these families in a module. What would be low is not looked for unless all are heard."""
        path = self.settings.relative(module.filename).replace(os.sep, "/")
        quiet: tuple[str, ...] = _NOT_IN_TESTS if is_test(module, self.settings) else ()
        quiet += _NOT_IN_MIGRATIONS if words().of_migrations.search(path) else ()
        quiet += _NOT_IN_SCRIPTS if words().of_once.search(path) else ()
        quiet = _NOT_OF_OTHERS if words().of_vendored.search(path) else quiet
        for codes, found in self._all(module, runs, tell):
            if all_are_heard or not codes.startswith(quiet):
                yield from (replace(d, confidence="low") if d.code.startswith(quiet) else d for d in found)

    def _all(
        self, module: Module, runs: Sequence[Interpreter], tell: Teller
    ) -> Iterator[tuple[str, Iterable[Diagnostic]]]:
        """Each check, which runs as its findings are taken, with the family of its codes."""
        for run in runs:
            yield "LK2", held(run, tell, self.lending, self.acquires.engines)
            yield "LK2", yields(run, tell)
            yield "LK2", nested(run, tell, self.acquires)
            yield "LK3", self.reconnects.findings(run, tell)
            yield "LK5", attempts(run, tell, retries(run, tell, self.blocking))
        yield "LK2", under_decorators(module, tell, self.blocking, self.acquires)
        yield "LK2", nested_under_decorators(module, tell, self.acquires)
        yield "LK2", in_transactions(module, tell, self.blocking)
        yield "LK3", self.reconnects.through_callees(module, runs, tell)
        yield "LK5", around_callees(module, runs, tell, self.reconnects, self.blocking)
        yield "LK5", handed_over(module, tell, self.reconnects, self.blocking)
        yield "LK2", self.dependencies.findings(module, tell, self.blocking)
        if self.settings.selects("LK108"):
            yield "LK1", cursors(module, tell, self.resolver)
        yield "LK3", loops(module, tell, self.blocking, self.settings.batch_size)
        yield "LK3", managed(module, tell, self.blocking, self.settings.batch_size)
        yield "LK4", configured(module, self.resolver.project, tell)
        yield "LK4", pools(module, self.constructors, self.fates, tell, self.settings)
