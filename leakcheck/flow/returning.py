"""What a `return` gives that a `finally`, or the end of a block, has released before the caller gets it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from leakcheck.flow.sites import Misuse, Site
from leakcheck.flow.state import State, Status, Tier, Trace
from leakcheck.flow.values import Ref, ResourceId, Tuple, Value

RETURN = "return"  # the step at such a statement
Given = set[tuple[int, ResourceId]]  # the statements by their identity


def given_open(node: cst.Return, value: Value, state: State) -> Given:
    """What a `return` gives by name that is not released yet, with the statement. What some drivers answer to a query
    is the connection as well, and nobody need look at that."""
    if isinstance(node.value, (cst.Call, cst.Await)):
        return set()
    given = (rid for rid in _given(value) if rid in state.resources)
    return {(id(node), rid) for rid in given if state.resources[rid].status is not Status.CLOSED}


def released_on_return(sites: Sequence[Site], ends: Sequence[State], given: Given) -> Iterator[Misuse]:
    """One for each resource that is open where the function gives it, and released on every path on which it does that:
    where some leave it open, the release may hang on what tells them apart."""
    by_resource: dict[ResourceId, list[State]] = {}
    for state in ends if given else ():
        for rid in _given(state.result):
            if rid in state.resources and not sites[rid[0]].parameter:
                by_resource.setdefault(rid, []).append(state)
    for rid, states in by_resource.items():
        node = _returned_at(states[0].trace)
        if node is not None and (id(node), rid) in given and all(_is_released(rid, state) for state in states):
            yield Misuse(sites[rid[0]], node, "returned", states[0].resources[rid].where, states[0].trace)


def _given(value: Value | None) -> Iterator[ResourceId]:
    """The resources themselves, not the objects that keep one: those may have more to give."""
    if isinstance(value, Ref):
        yield value.rid
    for item in value.items if isinstance(value, Tuple) else ():
        yield from _given(item)


def _is_released(rid: ResourceId, state: State) -> bool:
    resource = state.resources[rid]
    return resource.status is Status.CLOSED and resource.how != "dead" and state.via.get(rid, Tier.NONE) is Tier.NONE


def _returned_at(trace: Trace | None) -> cst.CSTNode | None:
    """The last `return` on the way."""
    while trace is not None and (trace.kind, trace.text) != ("leak", RETURN):
        trace = trace.previous
    return trace.node if trace is not None else None
