"""What every part of the interpreter shares: the sites, the current exits, raising, acquiring and handing over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import libcst as cst

from leakcheck.flow.handing import Handing
from leakcheck.flow.holding import Holding
from leakcheck.flow.returning import Given
from leakcheck.flow.sites import Kept, Leak, Misuse, Site
from leakcheck.flow.state import CERTAIN, Exits, Raised, Resource, State, Status, Tier, merge
from leakcheck.flow.values import (
    Derived,
    Function,
    Method,
    Ref,
    ResourceId,
    Value,
    resources_in,
)
from leakcheck.project.syntax.walk import code

if TYPE_CHECKING:
    from leakcheck.diagnostics import Confidence
    from leakcheck.flow.names import Names
    from leakcheck.flow.resolve import Resolver
    from leakcheck.flow.summaries import Summaries
    from leakcheck.models import Connection
    from leakcheck.project.syntax.module import FunctionInfo, Module

Evaluated = list[tuple[Value, State]]


class Argument:
    """An evaluated argument of a call."""

    __slots__ = ("keyword", "node", "star", "value")

    def __init__(self, value: Value, node: cst.Arg) -> None:
        self.value, self.node = value, node
        self.keyword = node.keyword.value if node.keyword else ""
        self.star = node.star


class Core(Handing):
    """State of one run of the interpreter over one function; the mixins add the language to it."""

    def __init__(
        self, function: FunctionInfo | None, module: Module, names: Names, resolver: Resolver, summaries: Summaries
    ) -> None:
        self.function, self.module, self.resolver, self.summaries = function, module, resolver, summaries
        self.catalogue = resolver.catalogue
        self.names = names
        self.exits = Exits()
        self.handlers = 0  # how many `try` statements surround the current point
        self.loops = 0
        self.items = 0  # how many of them go over something
        self.sites: list[Site] = []
        self._site_of: dict[tuple[int, int, tuple[str, ...]], Site] = {}
        self.leaks: list[Leak] = []
        self.misuses: list[Misuse] = []
        self.given_open: Given = set()
        self.kept: list[Kept] = []
        self.collected: set[int] = set()  # sites whose resource also went into a container that lasts
        self.holding = Holding()
        self.yielded: list[tuple[Value, State]] = []
        self.is_fixture = False  # a pytest fixture: what its test raises does not
        self.is_manager = False  # a @contextmanager: what its user raises comes out of its `yield`
        self.entered: list[ResourceId] = []  # resources that a surrounding `with` will take care of
        self.interrupts = False  # run only for what a cancellation, or a generator left alone, would leave open
        self.wants_booleans = False  # while the right side of an assignment to a tested name is evaluated
        self.callees: dict[cst.CSTNode, set[Function]] = {}  # which of the project's functions a call runs
        self.lambdas: dict[cst.Lambda, None] = {}  # those it comes by
        self.started: set[int] = set()  # calls of coroutine functions that run on as tasks of their own
        self.work = 0  # statements interpreted, over all states: bounds the time one function takes

    # The mixins call each other through these.
    def eval(self, node: cst.BaseExpression, state: State) -> Evaluated:
        raise NotImplementedError

    def eval_all(self, nodes: Iterable[cst.BaseExpression], state: State) -> list[tuple[list[Value], State]]:
        raise NotImplementedError

    def parts(self, node: cst.CSTNode, state: State) -> Evaluated:
        raise NotImplementedError

    def call(self, node: cst.Call, state: State) -> Evaluated:
        raise NotImplementedError

    def call_function(self, callee: Function, node: cst.CSTNode, arguments: list[Argument], state: State) -> Evaluated:
        raise NotImplementedError

    def awaited(self, value: Value, node: cst.CSTNode, state: State) -> Evaluated:
        raise NotImplementedError

    def decide(self, node: cst.BaseExpression, state: State) -> tuple[list[State], list[State]]:
        raise NotImplementedError

    def surely_is(self, value: Value, asked: cst.BaseExpression) -> bool:
        raise NotImplementedError

    def block(self, body: Sequence[cst.CSTNode], states: list[State]) -> list[State]:
        raise NotImplementedError

    def suite(self, node: cst.BaseSuite, states: list[State]) -> list[State]:
        raise NotImplementedError

    def kept_in(self, owner: Value, field: str, state: State) -> Value | None:
        raise NotImplementedError

    def assign(self, target: cst.CSTNode, value: Value, state: State) -> list[State]:
        raise NotImplementedError

    # -- exits -----------------------------------------------------------------------------------------------------

    @contextmanager
    def frame(self) -> Iterator[Exits]:
        """Collect the exits of what runs inside."""
        outer, self.exits = self.exits, Exits()
        try:
            yield self.exits
        finally:
            self.exits = outer

    def leave(self, exits: Exits) -> None:
        """Pass exits on to the surrounding block."""
        self.exits.returns += exits.returns
        self.exits.breaks += exits.breaks
        self.exits.continues += exits.continues
        self.exits.raises += exits.raises

    def may_raise(self, state: State, node: cst.CSTNode, tier: Tier, origin: str, type_: str = "") -> None:
        """Add the path on which this node raises, where somebody could notice it."""
        if tier is Tier.NONE or self.interrupts or not (self.handlers or state.open_resources()):
            return
        if tier is Tier.WEAK and not self.handlers and not self.summaries.strict:
            return  # leaves the function by a weak raise: never reported
        self.raises(state.copy(), node, tier, origin, type_)

    def interrupt(self, state: State, node: cst.CSTNode, type_: str, fresh: Iterable[ResourceId] = ()) -> None:
        """Add the path on which the function is cancelled, or never resumed, at this node; `fresh` is not there yet."""
        if not self.interrupts:
            return
        left = state.copy()
        for rid in fresh:
            left.resources.pop(rid, None)
        if left.open_resources():
            self.raises(left, node, Tier.STRONG, "interrupted", type_)

    def raises(self, state: State, node: cst.CSTNode, tier: Tier, origin: str, type_: str = "") -> None:
        """The given state leaves by an exception raised at this node."""
        for rid, resource in state.resources.items():
            if resource.status is Status.CLOSED and isinstance(node, cst.Raise):
                continue  # a deliberate raise after a release leaves the release as good as it was
            if origin in CERTAIN:
                state.via[rid] = Tier.STRONG  # whatever raised first, this certainly does
            else:
                state.via[rid] = max(state.via.get(rid, Tier.NONE), tier)
        state.raised = Raised(origin, type_)
        state.step("raise", node, origin)
        self.exits.raises.append(state)

    # -- resources -------------------------------------------------------------------------------------------------

    def site(self, node: cst.CSTNode, spec: Connection, certainty: Confidence = "high", part: int = 0,
             wrappers: tuple[FunctionInfo, ...] = ()) -> Site:  # fmt: skip
        """The acquire site of a node (its `part`-th, where a call gives several)."""
        key = (id(node), part, spec.acquire)  # a wrapper may give what one driver opens, or another
        if key not in self._site_of:
            callee = code(node.func if isinstance(node, cst.Call) else node)
            site = Site(len(self.sites), node, spec, callee, certainty, wrappers)
            self.sites.append(site)
            self._site_of[key] = site
        return self._site_of[key]

    def acquire(self, site: Site, state: State) -> Ref:
        """A fresh resource of that site; an older one still held by the loop gets the next generation."""
        rid: ResourceId = (site.index, 0)
        old = state.resources.get(rid)
        if old is not None and old.status is not Status.CLOSED:
            older = state.resources.get((site.index, 1))
            if older is None or older.status is not Status.OPEN:
                state.rename(rid, (site.index, 1))
        state.resources[rid] = Resource(Status.RESTING if site.spec.lazy else Status.OPEN)
        state.via[rid] = Tier.NONE
        state.step("acquire", site.node, str(site.index))
        if not site.spec.lazy and not site.is_owner:
            self.holding.taken(self, rid, site.node, state)
        return Ref(rid)

    def may_release(self, callee: FunctionInfo) -> bool:
        """Whether a function mentions a release."""
        return not callee.words.isdisjoint(self.catalogue.release_methods)

    def site_of(self, rid: ResourceId) -> Site:
        return self.sites[rid[0]]

    def release(self, rid: ResourceId, state: State, node: cst.CSTNode, how: str = "") -> None:
        """The resource is given back, in the right way."""
        resource = state.resources[rid]
        site = self.site_of(rid)
        same = (node, node.expression) if isinstance(node, cst.Await) else (node,)  # known since it was called
        if not any(known in same for known in site.releases):
            site.releases.append(node)
        if resource.status is not Status.ESCAPED or how != "with":
            state.set_status(rid, Status.CLOSED, how, node)
            state.via[rid] = Tier.NONE
        else:
            state.set_status(rid, Status.ESCAPED, "left", node)  # the block is over, whoever has it now

    def retire(self, rid: ResourceId, state: State, node: cst.CSTNode, by: Value) -> None:
        """Nobody can reach an open resource any more: it has leaked, and need not be carried along."""
        resource = state.resources[rid]
        if resource.status not in (Status.OPEN, Status.LOST) or self.site_of(rid).parameter or rid in self.entered:
            return
        holders = (v.receiver if isinstance(v, Method) else v for v in state.variables.values())  # `save = conn.commit`
        held = any(rid in resources_in(value) for value in holders)
        if held or state.is_stacked(rid):
            return
        rests = [name for name, value in state.variables.items() if isinstance(value, Derived) and value.rid == rid]
        if rests and not (isinstance(by, Ref) and by.rid[0] == rid[0]):
            return
        for name in rests:  # cursors of the round before, which this one replaces as it did the connection
            del state.variables[name]
        state.step("note", node, f"overwritten:{self.site_of(rid).name}")
        self.leaks.append(Leak(self.site_of(rid), resource, state.via.get(rid, Tier.NONE), "overwritten", state.trace))
        del state.resources[rid]

    def note_kept(self, rid: ResourceId, field: str, node: cst.CSTNode, value: Value) -> None:
        """A resource was stored in a field of `self`: whether its class can release it is judged later."""
        self.kept.append(Kept(self.site_of(rid), field, node, value))

    def collect_into(self, container: cst.BaseExpression, value: Value) -> None:
        """A container of an object or the module was given the value: whoever closes what is in it closes this, too."""
        lasts = isinstance(container, cst.Name) and container.value not in self.names.locals
        if isinstance(value, Ref) and (lasts or isinstance(container, cst.Attribute)):
            self.collected.add(value.rid[0])

    def touched(self, value: Value, state: State) -> bool:
        """Whether the value is a tracked resource, obtained from one, or an object that uses one."""
        if isinstance(value, (Ref, Derived)) or any(True for _ in resources_in(value)):
            return True
        return self.holding.used_by(value) is not None


def only_states(evaluated: Iterable[tuple[Value, State]]) -> list[State]:
    return [state for _, state in evaluated]


def merged(evaluated: Evaluated) -> Evaluated:
    """Bound the forks of one expression."""
    if len(evaluated) <= 4:
        return evaluated
    by_value: dict[Value, list[State]] = {}
    for value, state in evaluated:
        by_value.setdefault(value, []).append(state)
    return [(value, state) for value, states in by_value.items() for state in merge(states, 4)]
