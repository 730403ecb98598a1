"""Handing over: from some point on somebody else is responsible for a resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leakcheck.flow.state import State, Status
from leakcheck.flow.values import Function, Instance, Method, Ref, ResourceId, Stack, Tuple, Value, resources_in

if TYPE_CHECKING:
    import libcst as cst

    from leakcheck.flow.sites import Site
    from leakcheck.project.syntax.module import FunctionInfo

CALLBACK = "callback"  # a way to hand over: somebody gets what releases it, to call that at some time


class Handing:
    """The part of the core that gives resources away."""

    function: FunctionInfo | None

    def site_of(self, rid: ResourceId) -> Site:
        raise NotImplementedError

    def hand_over(self, value: Value, state: State, how: str, node: cst.CSTNode) -> None:
        """Somebody else is responsible for what is in `value` from here on."""
        if isinstance(value, Method) and self.is_release(value):
            value = value.receiver  # whoever gets `conn.close` will call it; any other attribute is only a value
        for rid in resources_in(value):
            if state.resources[rid].status in (Status.OPEN, Status.FIELD, Status.RESTING):
                state.set_status(rid, Status.ESCAPED, how, node)
        if isinstance(value, Stack):
            for _, rid in state.stacks.pop(value.key, ()):
                state.set_status(rid, Status.ESCAPED, how, node)
        if isinstance(value, Function):
            if isinstance(value.receiver, Instance):
                self.hand_over(value.receiver, state, how, node)
            self.hand_over_captured(value.info, state, how, node)

    def is_release(self, value: Method) -> bool:
        """Whether the value is the bound release method of a resource: `conn.close`."""
        if not isinstance(value.receiver, Ref):
            return False
        spec = self.site_of(value.receiver.rid).spec
        return any(form.on == "conn" and form.method == value.name for form in (*spec.release, *spec.wrong_release))

    def hand_over_captured(self, function: FunctionInfo, state: State, how: str, node: cst.CSTNode) -> None:
        """A nested function that outlives its definition keeps what it mentions."""
        if function.parent is not self.function or function.cls is not None:
            return
        for name, value in list(state.variables.items()):
            captured = name in function.words and name not in function.bindings.names
            if captured and isinstance(value, (Ref, Tuple, Instance)):
                self.hand_over(value, state, how, node)
