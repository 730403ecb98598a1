"""What is checked out while something else happens: recorded here, judged by the checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from leakcheck.flow.binding import filled
from leakcheck.flow.handing import CALLBACK
from leakcheck.flow.state import State, Status, Tier, Trace
from leakcheck.flow.values import Derived, Function, Instance, Lent, Method, Ref, own_class
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo
from leakcheck.records import dataclass

if TYPE_CHECKING:
    import libcst as cst

    from leakcheck.flow.core import Argument, Core
    from leakcheck.flow.sites import Site
    from leakcheck.flow.values import ResourceId, Value

_LENT_TO_A_CALLEE = ("argument", CALLBACK)  # ways to hand over after which the function may still release


@dataclass(frozen=True)
class Held:
    """A call made while a resource is checked out: whether it waits, or takes another one, is judged later."""

    site: Site
    node: cst.CSTNode
    callee: Value
    status: Status
    tier: Tier  # of the path that leads here
    shares: bool  # a connection is among the arguments, or in sight: the callee need not take one of its own
    trace: Trace | None
    given: str = ""  # the callee's name for it, if it is lent to the callee; `self` if it lies in the callee's object


@dataclass(frozen=True)
class Nested:
    """A resource that comes into use while another one is checked out."""

    outer: Site
    inner: Site
    node: cst.CSTNode
    status: Status  # of the outer one
    tier: Tier  # of the path that leads here


class Holding:
    """The records of one run."""

    def __init__(self) -> None:
        self.calls: dict[tuple[int, int], Held] = {}  # by node and site: the likeliest path to each
        self.resting: dict[tuple[int, int], Held] = {}  # the same where nothing is checked out before the callee does
        self.nested: dict[tuple[int, int], Nested] = {}
        self.keepers: dict[ResourceId, set[ClassInfo]] = {}  # classes whose objects keep a session that is lent
        self.users: dict[ClassInfo, ResourceId] = {}  # classes whose objects only use what they are made with
        self._callees: dict[int, dict[FunctionInfo, None]] = {}  # by site

    def used_by(self, value: Value) -> ResourceId | None:
        """What an object, or a field of it, uses that somebody else has opened."""
        cls = own_class(value.receiver if isinstance(value, Method) else value) if self.users else None
        return self.users.get(cls) if cls is not None else None

    def keeps(self, value: Value | None, rid: ResourceId) -> bool:
        """Whether something is an object that keeps what is lent."""
        return isinstance(value, Instance) and value.type in self.keepers.get(rid, ())

    def callees(self, site: Site) -> Iterable[FunctionInfo]:
        """The functions that are called while it is out; asked when the run is over, and for each of the calls."""
        if not self._callees:
            for held in self.calls.values():
                known = self._callees.setdefault(held.site.index, {})
                if isinstance(held.callee, Function):
                    known[held.callee.info] = None
        return self._callees.get(site.index, ())

    def call(self, run: Core, callee: Value, node: cst.CSTNode, arguments: list[Argument], state: State) -> None:
        """A call is made: note what is checked out."""
        shares = any(isinstance(argument.value, (Ref, Derived, Lent)) for argument in arguments) or _captures(
            run, callee, state
        )
        given = _given(run, callee, arguments, state) if isinstance(callee, Function) else {}
        resting = {rid for rid in given if state.resources[rid].status is Status.RESTING}
        for rid in (*_held(state), *resting):
            site, tier = run.site_of(rid), state.via.get(rid, Tier.NONE)
            calls = self.resting if rid in resting else self.calls
            known = calls.get((id(node), site.index))
            if not site.parameter and not site.is_owner and (known is None or tier < known.tier):
                status = state.resources[rid].status
                calls[id(node), site.index] = Held(
                    site, node, callee, status, tier, shares, state.trace, given.get(rid, "")
                )

    def taken(self, run: Core, inner: ResourceId, node: cst.CSTNode, state: State) -> None:
        """A resource comes into use: note what is checked out already."""
        for rid in _held(state):
            outer, site, tier = run.site_of(rid), run.site_of(inner), state.via.get(rid, Tier.NONE)
            known = self.nested.get((outer.index, site.index))
            if outer is not site and not (outer.parameter or outer.is_owner) and (known is None or tier < known.tier):
                self.nested[outer.index, site.index] = Nested(outer, site, node, state.resources[rid].status, tier)


def _captures(run: Core, callee: Value, state: State) -> bool:
    """Whether a function of this one is called that uses a variable with a connection."""
    if not isinstance(callee, Function) or run.function is None or callee.info.parent is not run.function:
        return False
    connected = {name for name, value in state.variables.items() if isinstance(value, (Ref, Lent))}
    return not connected.isdisjoint(callee.info.words)


def _given(run: Core, callee: Function, arguments: list[Argument], state: State) -> dict[ResourceId, str]:
    """The sessions that a callee gets as a parameter, or that lie in its object, and what it calls them."""
    found = {rid: "self" for rid in run.holding.keepers if run.holding.keeps(callee.receiver, rid)}
    for name, argument in filled(callee, arguments):
        if isinstance(argument.value, (Ref, Lent)) and argument.value.rid in state.resources:
            found[argument.value.rid] = name
    return {rid: name for rid, name in found.items() if run.site_of(rid).spec.lazy}


def _held(state: State) -> Iterator[ResourceId]:
    """What is checked out at this point, whoever has to give it back."""
    for rid, resource in state.resources.items():
        if resource.status in (Status.OPEN, Status.LENT) or (
            resource.status is Status.ESCAPED and resource.how.startswith(_LENT_TO_A_CALLEE)
        ):
            yield rid
