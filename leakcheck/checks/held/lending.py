"""What a function waits for after it began to use a session that it is lent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from leakcheck.checks.held.blocking import Blocking, Pause
from leakcheck.checks.held.waiting import feasible, lent_while_resting, pauses
from leakcheck.flow.fields import session_fields
from leakcheck.flow.holding import Held
from leakcheck.flow.interpreter import Interpreter
from leakcheck.flow.state import Status
from leakcheck.flow.summaries import Summaries
from leakcheck.flow.values import Function, Loan, Value, own_class
from leakcheck.project.syntax.module import FunctionInfo

_DEPTH = 3  # of functions that only hand it on


class Lending:
    """A session takes a connection when it is first used: a function that is given one may well wait before that."""

    def __init__(self, blocking: Blocking, summaries: Summaries) -> None:
        self.blocking, self.summaries, self.resolver = blocking, summaries, blocking.resolver
        self._known: dict[tuple[FunctionInfo, str, bool, int], tuple[Pause, ...]] = {}

    def waits(self, run: Interpreter, depth: int = _DEPTH) -> Iterator[tuple[Held, Pause]]:
        """What a function's calls wait for while something is checked out: before the call, or by what it calls."""
        for record in feasible(run):
            if depth > 0 and record.given and record.site.spec.soft_release:  # the callee may put it to rest
                yield from ((record, pause) for pause in self._pauses(record, run, depth - 1))
            else:
                yield from ((record, pause) for pause in pauses(record, run, self.blocking))
        for record in lent_while_resting(run) if depth > 0 else ():
            yield from ((record, pause) for pause in self._pauses(record, run, depth - 1))

    def _pauses(self, record: Held, run: Interpreter, depth: int) -> Iterator[Pause]:
        """The waits of the callee at which it holds what it is lent."""
        callee = record.callee
        if not isinstance(callee, Function) or not list(pauses(record, run, self.blocking)):
            return
        for variable in self._variables(record.given, callee):
            for pause in self.inside(callee.info, variable, record, depth):
                yield replace(pause, chain=((run.module, record.node), *pause.chain))

    def inside(self, function: FunctionInfo, variable: str, record: Held, depth: int = _DEPTH - 1) -> tuple[Pause, ...]:
        """How a function waits that gets what a record tells of as `variable`, while that is out."""
        key = (function, variable, record.status is Status.RESTING, depth)
        if key not in self._known:
            self._known[key] = ()  # while it is being found: recursion ends here
            self._known[key] = tuple(self._found(function, variable, record, depth))
        return self._known[key]

    def _found(self, function: FunctionInfo, variable: str, record: Held, depth: int) -> Iterator[Pause]:
        """The first sleep and the first slow call."""
        run = Interpreter(function, function.module, self.summaries.names(function), self.resolver, self.summaries)
        used = "" if record.status is Status.RESTING else "its caller"
        loan = Loan(record.site.spec, record.site.certainty, (), used)
        name = variable.partition(".")[0]
        site = run.run_lent(next(p for p in function.parameters if p.name.value == name), loan, variable)
        found: dict[bool, Pause] = {}
        for inner, pause in self.waits(run, depth):
            if inner.site is site:
                found.setdefault(pause.sleeps, pause)
        yield from found.values()

    def _variables(self, given: str, callee: Function) -> Iterator[str]:
        """What the callee calls it: the parameter, or the fields of its object that hold one."""
        if given != "self":
            yield given
        elif (cls := own_class(callee.receiver)) is not None:
            own = next((parameter.name.value for parameter in callee.info.parameters), "")
            yield from (f"{own}.{field}" for field in session_fields(cls, self.resolver))

    def keeps_one(self, value: Value) -> bool:
        """Whether something is an object that is made with a session."""
        cls = own_class(value)
        return cls is not None and bool(session_fields(cls, self.resolver))
