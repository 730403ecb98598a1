"""What is checked out while something else happens: recorded here, judged by the checks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leakcheck.flow.state import State, Status, Tier, Trace
from leakcheck.flow.values import Derived, Lent, Ref

if TYPE_CHECKING:
    import libcst as cst

    from leakcheck.flow.core import Argument, Core, Site
    from leakcheck.flow.values import ResourceId, Value

_LENT_TO_A_CALLEE = ("argument", "callback")  # ways to hand over after which the function may still release


@dataclass(frozen=True)
class Held:
    """A call made while a resource is checked out: whether it waits, or takes another one, is judged later."""

    site: Site
    node: cst.CSTNode
    callee: Value
    status: Status
    tier: Tier  # of the path that leads here
    shares: bool  # a connection is among the arguments: the callee need not take one of its own
    trace: Trace | None


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
        self.nested: dict[tuple[int, int], Nested] = {}

    def call(self, run: Core, callee: Value, node: cst.CSTNode, arguments: list[Argument], state: State) -> None:
        """A call is made: note what is checked out."""
        shares = any(isinstance(argument.value, (Ref, Derived, Lent)) for argument in arguments)
        for rid in _held(state):
            site, tier = run.site_of(rid), state.via.get(rid, Tier.NONE)
            known = self.calls.get((id(node), site.index))
            if not site.parameter and not site.is_owner and (known is None or tier < known.tier):
                status = state.resources[rid].status
                self.calls[id(node), site.index] = Held(site, node, callee, status, tier, shares, state.trace)

    def taken(self, run: Core, inner: ResourceId, node: cst.CSTNode, state: State) -> None:
        """A resource comes into use: note what is checked out already."""
        for rid in _held(state):
            outer, site, tier = run.site_of(rid), run.site_of(inner), state.via.get(rid, Tier.NONE)
            known = self.nested.get((outer.index, site.index))
            if outer is not site and not (outer.parameter or outer.is_owner) and (known is None or tier < known.tier):
                self.nested[outer.index, site.index] = Nested(outer, site, node, state.resources[rid].status, tier)


def _held(state: State) -> Iterator[ResourceId]:
    """What is checked out at this point, whoever has to give it back."""
    for rid, resource in state.resources.items():
        if resource.status in (Status.OPEN, Status.LENT) or (
            resource.status is Status.ESCAPED and resource.how.startswith(_LENT_TO_A_CALLEE)
        ):
            yield rid
