"""The families beyond leaks: LK108, held too long (LK2xx), row by row (LK3xx), pools (LK4xx), retries (LK5xx)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace

from leakcheck.checks.blocking import Blocking
from leakcheck.checks.configured import configured
from leakcheck.checks.constructors import Constructors
from leakcheck.checks.cursors import cursors
from leakcheck.checks.decorated import in_transactions, nested_under_decorators, under_decorators
from leakcheck.checks.dependencies import Dependencies
from leakcheck.checks.engines import Engines
from leakcheck.checks.fates import Fates
from leakcheck.checks.held import held
from leakcheck.checks.lending import Lending
from leakcheck.checks.loops import loops
from leakcheck.checks.nested import Acquires, nested
from leakcheck.checks.pools import pools
from leakcheck.checks.purpose import is_test
from leakcheck.checks.reconnects import Reconnects
from leakcheck.checks.retries import retries
from leakcheck.checks.telling import Teller
from leakcheck.checks.yields import yields
from leakcheck.diagnostics import Diagnostic
from leakcheck.flow.interpreter import Interpreter
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.summaries import Summaries
from leakcheck.project.module import Module
from leakcheck.project.project import Project
from leakcheck.words import words

_NOT_IN_TESTS = ("LK2", "LK3", "LK5")  # nobody waits for the connections of a test
_NOT_IN_MIGRATIONS = ("LK2",)  # nobody else is there
_NOT_OF_OTHERS = ("LK2", "LK3", "LK4", "LK5")  # nobody mends what comes with the next version


class Further:
    """For one project: what is known of its functions that wait, acquire and build pools is kept between modules."""

    def __init__(self, project: Project, resolver: Resolver, summaries: Summaries) -> None:
        self.settings, self.resolver = project.settings, resolver
        self.blocking = Blocking(resolver)
        self.constructors = Constructors(resolver)
        self.acquires = Acquires(resolver, summaries, Engines(self.constructors))
        self.lending = Lending(self.blocking, summaries)
        self.reconnects = Reconnects(resolver, summaries, self.blocking)
        self.dependencies = Dependencies(resolver, summaries, project, self.lending)
        self.fates = Fates(self.constructors, resolver)

    def findings(self, module: Module, runs: Sequence[Interpreter], tell: Teller) -> Iterator[Diagnostic]:
        """Everything of these families in a module."""
        path = self.settings.relative(module.filename).replace(os.sep, "/")
        unwanted: tuple[str, ...] = _NOT_IN_TESTS if is_test(module, self.settings) else ()
        unwanted += _NOT_IN_MIGRATIONS if words().of_migrations.search(path) else ()
        unwanted = _NOT_OF_OTHERS if words().of_vendored.search(path) else unwanted
        for found in self._all(module, runs, tell):
            quiet = found.code.startswith(unwanted)
            yield replace(found, confidence="low") if quiet else found

    def _all(self, module: Module, runs: Sequence[Interpreter], tell: Teller) -> Iterator[Diagnostic]:
        for run in runs:
            yield from held(run, tell, self.lending)
            yield from yields(run, tell)
            yield from nested(run, tell, self.acquires)
            yield from self.reconnects.findings(run, tell)
            yield from retries(run, tell, self.blocking)
        yield from under_decorators(module, tell, self.blocking, self.acquires)
        yield from nested_under_decorators(module, tell, self.acquires)
        yield from in_transactions(module, tell, self.blocking)
        yield from self.reconnects.through_callees(module, tell)
        yield from self.dependencies.findings(module, tell, self.blocking)
        if self.settings.selects("LK108"):
            yield from cursors(module, tell, self.resolver)
        yield from loops(module, tell, self.blocking, self.settings.batch_size)
        yield from configured(module, self.resolver.catalogue, tell, self.settings)
        yield from pools(module, self.constructors, self.fates, tell, self.settings)
