"""What calling a function of the project does, found by running it with its parameters borrowed from the caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import libcst as cst

from leakcheck.flow.names import Names, names_in
from leakcheck.flow.owners import Owners
from leakcheck.flow.state import Exits, Raised, Resource, State, Status, Tier
from leakcheck.flow.taking import Taking
from leakcheck.flow.values import (
    UNKNOWN,
    Bound,
    Derived,
    Function,
    Instance,
    Lent,
    Loan,
    Manager,
    Method,
    Pending,
    PendingRelease,
    Ref,
    ResourceId,
    Stack,
    Tuple,
    Value,
    resources_in,
)
from leakcheck.project.syntax.walk import SCOPES, alternatives, dotted, same_scope, terminal, walk
from leakcheck.project.wrappers import Wrappers, gives
from leakcheck.records import dataclass

if TYPE_CHECKING:
    from leakcheck.flow.resolve import Resolver
    from leakcheck.flow.sites import Site
    from leakcheck.models import Connection
    from leakcheck.project.syntax.module import ClassInfo, FunctionInfo

_KEEPS_NOTHING = frozenset({"staticmethod", "classmethod"})  # decorators
MAX_OUTCOMES = 6
# Python's own ways to end the process; what is open then is closed by it.
ENDS_PROCESS = frozenset({"sys.exit", "exit", "quit", "os._exit", "os.abort", "os.execv", "os.execvp", "pytest.exit"})
MAX_DEPTH = 5  # of calls followed from the function being checked

Constants = tuple[tuple[str, Value], ...]  # parameters that are a constant in the call, or surely true or false


@dataclass(frozen=True)
class Outcome:
    """One way a call can end: its value in the callee's terms, what is fresh in it, what became of the parameters."""

    value: Value
    fresh: tuple[tuple[ResourceId, Site], ...]
    parameters: tuple[tuple[str, Resource, Tier], ...]  # name, what became of it, what that took
    tier: Tier  # NONE: returns; else raises, and how likely
    raised: Raised | None = None
    promised: Site | None = None  # what is acquired once the value is awaited or entered


@dataclass(frozen=True)
class Summary:
    """All the ways a call can end, and for a generator what it yields."""

    outcomes: tuple[Outcome, ...]
    yields: tuple[Value, ...] = ()
    yield_specs: tuple[tuple[ResourceId, Connection], ...] = ()
    lends: Loan | None = None  # what is checked out where it yields
    called: tuple[tuple[str, frozenset[str]], ...] = ()  # by parameter, the methods that are called on it

    @property
    def returns(self) -> list[Outcome]:
        return [o for o in self.outcomes if o.tier is Tier.NONE]

    @property
    def is_fresh(self) -> bool:
        """Whether some path gives the caller a resource to release."""
        return any(o.fresh for o in self.returns)


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
        outcomes = [_outcome(state, run.sites, Tier.NONE) for state in exits.returns]
        if any(outcome.fresh for outcome in outcomes) and _lends_own(function):
            outcomes = [_lent(outcome) for outcome in outcomes]
        if bound:
            outcomes += [_outcome(s, run.sites, _raise_tier(s, run.sites)) for s in exits.raises]
        return Summary(
            tuple(_distinct(outcomes)),
            tuple(value for value, _ in run.yielded),
            tuple(((site.index, g), site.spec) for site in run.sites for g in (0, 1)),
            _loan(run.yielded, run.sites),
            tuple((site.parameter, frozenset(site.methods | site.elsewhere)) for site in run.sites if site.parameter),
        )


def _loan(yielded: list[tuple[Value, State]], sites: list[Site]) -> Loan | None:
    """What is checked out while the user of a generator has the word; the first thing stands for the others."""
    for _, state in yielded:
        for rid, resource in state.resources.items():
            site = sites[rid[0]]
            if resource.status in (Status.OPEN, Status.RESTING, Status.LENT) and not site.parameter:
                return Loan(site.spec, site.certainty, site.wrappers)
    return None


def _outcome(state: State, sites: list[Site], tier: Tier) -> Outcome:
    value = state.result if state.result is not None and tier is Tier.NONE else UNKNOWN
    fresh = tuple(
        (rid, sites[rid[0]])
        for rid in dict.fromkeys(resources_in(value))
        if not sites[rid[0]].parameter and state.resources[rid].status in (Status.OPEN, Status.RESTING)
    )
    parameters = tuple(
        (sites[rid[0]].parameter, resource, state.via.get(rid, Tier.NONE))
        for rid, resource in state.resources.items()
        if sites[rid[0]].parameter
    )
    promised = sites[value.site] if isinstance(value, Pending) else None
    return Outcome(value, fresh, parameters, tier, state.raised if tier else None, promised)


def _lends_own(function: FunctionInfo) -> bool:
    """Whether a path returns what the object or the module keeps: no caller can tell, so none may close it."""
    return any(_is_kept(part, function) for value in function.returned for part in alternatives(value))


def _is_kept(node: cst.BaseExpression, function: FunctionInfo) -> bool:
    """A field of the object that holds no method."""
    path = dotted(node) or ""
    owner, _, field = path.rpartition(".")
    return owner in ("self", "cls") and (function.cls is None or field not in function.cls.methods)


def _lent(outcome: Outcome) -> Outcome:
    """The same with what is fresh in it left to the callee's object."""
    known: dict[ResourceId, Value] = {rid: Lent(site.spec) for rid, site in outcome.fresh}
    return replace(outcome, value=translate(outcome.value, known), fresh=())


def _raise_tier(state: State, sites: list[Site]) -> Tier:
    """How likely the exception is that the summarised function lets out."""
    tiers = [state.via.get(rid, Tier.NONE) for rid in state.resources if sites[rid[0]].parameter]
    return max(max(tiers, default=Tier.NONE), Tier.STRONG)


def _distinct(outcomes: list[Outcome]) -> list[Outcome]:
    """One outcome for each distinguishable effect, the likeliest exception only."""
    found: dict[object, Outcome] = {}
    for outcome in sorted(outcomes, key=lambda o: o.tier):
        statuses = tuple((name, resource.status) for name, resource, _ in outcome.parameters)
        key = (statuses, outcome.raised, None if outcome.tier else _shape(outcome.value, outcome))
        found.setdefault(key, outcome)
    return list(found.values())[:MAX_OUTCOMES]


def _is_raise(node: cst.CSTNode) -> bool:
    """A `raise` that is not the mark of an abstract method."""
    if not isinstance(node, cst.Raise) or node.exc is None:
        return False
    return terminal(node.exc.func if isinstance(node.exc, cst.Call) else node.exc) != "NotImplementedError"


def _shape(value: Value, outcome: Outcome) -> object:
    """What the caller can tell of a value."""
    if isinstance(value, Ref):
        spec = next((site.spec for rid, site in outcome.fresh if rid == value.rid), None)
        return ("fresh", spec.acquire) if spec else value
    if isinstance(value, Tuple):
        return tuple(_shape(item, outcome) for item in value.items)
    if isinstance(value, Pending):
        return ("promised", value.spec.acquire)
    return "unknown" if isinstance(value, (Derived, PendingRelease, Stack)) else value


def translate(value: Value, known: dict[ResourceId, Value]) -> Value:
    """A value of the callee in the caller's terms: its resources become the caller's, the rest of its own is lent."""
    if isinstance(value, Ref):
        return known.get(value.rid, UNKNOWN)
    if isinstance(value, Derived):
        owner = known.get(value.rid)
        return Derived(owner.rid) if isinstance(owner, Ref) else owner if isinstance(owner, Lent) else UNKNOWN
    if isinstance(value, Instance) and value.rid is not None:
        own = known.get(value.rid)
        return Instance(value.type, own.rid if isinstance(own, Ref) else None)
    if isinstance(value, Tuple):
        return Tuple(tuple(translate(item, known) for item in value.items), value.keys)
    if isinstance(value, Method):
        return Method(translate(value.receiver, known), value.name)
    if isinstance(value, Manager):
        return Manager(
            translate(value.inner, known), translate(value.yields, known), value.effect, value.suppresses, value.lends
        )
    if isinstance(value, (Pending, PendingRelease, Stack, Function)):
        return value if isinstance(value, Function) else UNKNOWN
    return value
