"""How calls of a function can end: the outcomes that a run of the interpreter gives, and the values in them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import libcst as cst

from leakcheck.flow.handing import CALLBACK
from leakcheck.flow.state import Raised, Resource, State, Status, Tier
from leakcheck.flow.values import (
    UNKNOWN,
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
from leakcheck.project.syntax.walk import alternatives, dotted
from leakcheck.records import dataclass

if TYPE_CHECKING:
    from leakcheck.flow.sites import Site
    from leakcheck.models import Connection
    from leakcheck.project.syntax.module import FunctionInfo


MAX_OUTCOMES = 6


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


def loan_of(yielded: list[tuple[Value, State]], sites: list[Site]) -> Loan | None:
    """What is checked out while the user of a generator has the word; the first thing stands for the others."""
    for _, state in yielded:
        for rid, resource in state.resources.items():
            site = sites[rid[0]]
            if resource.status in (Status.OPEN, Status.RESTING, Status.LENT) and not site.parameter:
                return Loan(site.spec, site.certainty, site.wrappers)
    return None


def outcome_of(state: State, sites: list[Site], tier: Tier) -> Outcome:
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


def lends_own(function: FunctionInfo) -> bool:
    """Whether a path returns what the object or the module keeps: no caller can tell, so none may close it."""
    return any(_is_kept(part, function) for value in function.returned for part in alternatives(value))


def _is_kept(node: cst.BaseExpression, function: FunctionInfo) -> bool:
    """A field of the object that holds no method."""
    path = dotted(node) or ""
    owner, _, field = path.rpartition(".")
    return owner in ("self", "cls") and (function.cls is None or field not in function.cls.methods)


def is_seen_to(state: State) -> bool:
    """Whether somebody is to release what is returned there, `atexit.register(conn.close)`: a caller that gets one as
    well where nobody is cannot tell, either."""
    given = (state.resources[rid] for rid in resources_in(state.result or UNKNOWN) if rid in state.resources)
    return any(resource.status is Status.ESCAPED and resource.how == CALLBACK for resource in given)


def as_lent(outcome: Outcome) -> Outcome:
    """The same with what is fresh in it left to the callee's object."""
    known: dict[ResourceId, Value] = {rid: Lent(site.spec) for rid, site in outcome.fresh}
    return replace(outcome, value=translate(outcome.value, known), fresh=())


def raise_tier(state: State, sites: list[Site]) -> Tier:
    """How likely the exception is that the summarised function lets out."""
    tiers = [state.via.get(rid, Tier.NONE) for rid in state.resources if sites[rid[0]].parameter]
    return max(max(tiers, default=Tier.NONE), Tier.STRONG)


def distinct(outcomes: list[Outcome]) -> list[Outcome]:
    """One outcome for each distinguishable effect, the likeliest exception only."""
    found: dict[object, Outcome] = {}
    for outcome in sorted(outcomes, key=lambda o: o.tier):
        statuses = tuple((name, resource.status) for name, resource, _ in outcome.parameters)
        key = (statuses, outcome.raised, None if outcome.tier else _shape(outcome.value, outcome))
        found.setdefault(key, outcome)
    return list(found.values())[:MAX_OUTCOMES]


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
