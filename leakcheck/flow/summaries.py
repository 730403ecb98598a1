"""What calling a function of the project does, found by running it with its parameters borrowed from the caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import libcst as cst

from leakcheck.flow.names import Names, names_in
from leakcheck.flow.outcomes import Summary, as_lent, distinct, is_seen_to, lends_own, loan_of, outcome_of, raise_tier
from leakcheck.flow.owners import Owners
from leakcheck.flow.state import Exits, State, Tier
from leakcheck.flow.taking import Taking
from leakcheck.flow.values import (
    UNKNOWN,
    Bound,
    Value,
)
from leakcheck.project.syntax.walk import SCOPES, same_scope, terminal, walk
from leakcheck.project.wrappers import Wrappers, gives

if TYPE_CHECKING:
    from leakcheck.flow.resolve import Resolver
    from leakcheck.flow.sites import Site
    from leakcheck.project.syntax.module import ClassInfo, FunctionInfo

_KEEPS_NOTHING = frozenset({"staticmethod", "classmethod"})  # decorators
# Python's own ways to end the process; what is open then is closed by it.
ENDS_PROCESS = frozenset({"sys.exit", "exit", "quit", "os._exit", "os.abort", "os.execv", "os.execvp", "pytest.exit"})
MAX_DEPTH = 20  # of calls followed from the function being checked; what is cut off there depends on who asks first

Constants = tuple[tuple[str, Value], ...]  # parameters that are a constant in the call, or surely true or false


class Run(Protocol):
    """A run of the interpreter over one function, as far as summaries need it."""

    sites: list[Site]
    yielded: list[tuple[Value, State]]
    interrupts: bool

    def run(self, cls: ClassInfo | None, bound: tuple[Bound, ...], constants: Constants) -> Exits | None: ...


Start = Callable[["FunctionInfo", "Summaries"], Run]


class Summaries:
    """Computed on demand and remembered; recursion is cut off."""

    def __init__(self, resolver: Resolver, start: Start, strict: bool = False) -> None:
        self.resolver = resolver
        self._start = start
        self.strict = strict
        self.depth = 0
        self.wrappers = Wrappers(resolver.project)
        self.owners = Owners(resolver, self._fresh, self.wrappers.words)
        self.taking = Taking(resolver, self)
        self._known: dict[object, Summary | None] = {}
        self._gives: dict[FunctionInfo, bool] = {}
        self._raises: dict[FunctionInfo, bool] = {}
        self._endings: dict[FunctionInfo, type[cst.Raise] | type[cst.Call] | None] = {}

    def names(self, function: FunctionInfo) -> Names:
        return names_in(function.node, function.bindings)

    def may_give(self, function: FunctionInfo) -> bool:
        """Whether a function may hand a connection to its caller, going by its text."""
        if function not in self._gives:
            self._gives[function] = gives(function, self.wrappers.words(function.module))
        return self._gives[function]

    def _fresh(self, function: FunctionInfo) -> Site | None:
        """Where the connection comes from that each call of a function may give: a decorator may keep the first."""
        if not _KEEPS_NOTHING.issuperset(function.decorators) or not self.may_give(function):
            return None
        with self.afresh():
            summary = self.of(function, None, ())
        return next((site for o in summary.returns for _, site in o.fresh), None) if summary is not None else None

    @contextmanager
    def afresh(self) -> Iterator[None]:
        """What is found inside is remembered: it must not depend on how deep in calls it was asked for first."""
        depth, self.depth = self.depth, 0
        try:
            yield
        finally:
            self.depth = depth

    def raises(self, function: FunctionInfo) -> bool:
        """Whether a function raises by a statement of its own outside any `try`."""
        if "raise" not in function.chunk.words:
            return False
        if function not in self._raises:
            outside = walk(function.node.body, lambda node: type(node) not in (*SCOPES, cst.Try, cst.TryStar))
            self._raises[function] = any(_is_raise(node) for node in outside)
        return self._raises[function]

    def ending(self, function: FunctionInfo) -> type[cst.Raise] | type[cst.Call] | None:
        """What a function ends with that never comes back, whatever happens in it: a `raise`, or a call that ends the
        process."""
        if function not in self._endings:
            self._endings[function] = self._find_ending(function)
        return self._endings[function]

    def _find_ending(self, function: FunctionInfo) -> type[cst.Raise] | type[cst.Call] | None:
        body = function.node.body.body
        last = body[-1].body[-1] if body and isinstance(body[-1], cst.SimpleStatementLine) else None
        call = last.value if isinstance(last, cst.Expr) else None
        value = self.resolver.static(call.func, function, function.module) if isinstance(call, cst.Call) else UNKNOWN
        ends_process = self.resolver.callee_name(value) in ENDS_PROCESS
        replaced = function.is_generator or function.decorators or "NotImplementedError" in function.words  # elsewhere
        if replaced or not (ends_process or isinstance(last, cst.Raise)):
            return None
        if any(isinstance(part, cst.Return) for part in walk(function.node.body, same_scope)):
            return None
        return cst.Call if ends_process else cst.Raise

    def of(
        self, function: FunctionInfo, cls: ClassInfo | None, bound: tuple[Bound, ...], constants: Constants = (),
        interrupts: bool = False
    ) -> Summary | None:  # fmt: skip
        """The summary for a receiver's class and the parameters that carry resources; None if it cannot be told.
        With `interrupts` it raises where it may be cancelled, and nowhere else."""
        key = (function, cls, bound, constants, interrupts)
        if key not in self._known:
            if self.depth >= MAX_DEPTH:
                return None
            self._known[key] = None  # while it is being computed: recursion ends here
            self.depth += 1
            try:
                self._known[key] = self._compute(function, cls, bound, constants, interrupts)
            finally:
                self.depth -= 1
        return self._known[key]

    def _compute(self, function: FunctionInfo, cls: ClassInfo | None, bound: tuple[Bound, ...],
                 constants: Constants, interrupts: bool) -> Summary | None:  # fmt: skip
        run = self._start(function, self)
        run.interrupts = interrupts
        exits = run.run(cls, bound, constants)
        if exits is None:
            return None
        outcomes = [outcome_of(state, run.sites, Tier.NONE) for state in exits.returns]
        if any(outcome.fresh for outcome in outcomes) and (lends_own(function) or any(map(is_seen_to, exits.returns))):
            outcomes = [as_lent(outcome) for outcome in outcomes]
        if bound:
            outcomes += [outcome_of(s, run.sites, raise_tier(s, run.sites)) for s in exits.raises]
        return Summary(
            tuple(distinct(outcomes)),
            tuple(value for value, _ in run.yielded),
            tuple(((site.index, g), site.spec) for site in run.sites for g in (0, 1)),
            loan_of(run.yielded, run.sites),
            tuple((site.parameter, frozenset(site.methods | site.elsewhere)) for site in run.sites if site.parameter),
        )


def _is_raise(node: cst.CSTNode) -> bool:
    """A `raise` that is not the mark of an abstract method."""
    if not isinstance(node, cst.Raise) or node.exc is None:
        return False
    return terminal(node.exc.func if isinstance(node.exc, cst.Call) else node.exc) != "NotImplementedError"
