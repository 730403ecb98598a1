"""Objects of the project that use a session they are made with: how their methods leave it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leakcheck.flow.core import Argument, Evaluated
from leakcheck.flow.state import State, Status
from leakcheck.flow.values import Function, Instance, Lent, ResourceId
from leakcheck.flow.waking import Waking

if TYPE_CHECKING:
    import libcst as cst


class Keeping(Waking):
    """What `service.save()` does to the session that this function has made the `service` with."""

    def call_function(self, callee: Function, node: cst.CSTNode, arguments: list[Argument], state: State) -> Evaluated:
        done = super().call_function(callee, node, arguments, state)
        rid = self.holding.used_by(callee.receiver) if callee.receiver is not None else None
        if rid is None or not isinstance(callee.receiver, Instance):
            return done
        return [(value, self._left_by(callee, rid, node, arguments, after)) for value, after in done]

    def _left_by(
        self, callee: Function, rid: ResourceId, node: cst.CSTNode, arguments: list[Argument], state: State
    ) -> State:
        """The state behind a method that puts the session to rest, or wakes it."""
        status = state.resources[rid].status if rid in state.resources else Status.CLOSED
        if status not in (Status.OPEN, Status.LENT, Status.RESTING):
            return state
        ends = self.ends_in_object(callee, rid, self.constants(callee, arguments), status is Status.RESTING)
        after = state.copy()
        if status is not Status.RESTING and ends == {True}:
            after.set_status(rid, Status.RESTING, "soft", node)
        elif status is Status.RESTING and False in ends:
            lent = any(isinstance(value, Lent) and value.rid == rid for value in after.variables.values())
            if not lent and state.resources[rid].how != "soft":
                return state  # not used before: what begins to use it may be kept, and go on with it
            after.set_status(rid, Status.LENT if lent else Status.OPEN)
            self.holding.taken(self, rid, node, after)
        return after
