"""Objects of the project: what making one does to the resources it is given, and how its methods release them."""

from __future__ import annotations

import libcst as cst

from leakcheck.flow.binding import named, parameters
from leakcheck.flow.core import Argument, Evaluated
from leakcheck.flow.doubles import is_replaced
from leakcheck.flow.managers import Managers
from leakcheck.flow.owning import field_released_outside
from leakcheck.flow.state import State, Status, Tier
from leakcheck.flow.values import UNKNOWN, Class, Function, Instance, Ref, ResourceId, Value
from leakcheck.models import Release
from leakcheck.project.syntax.module import ClassInfo
from leakcheck.project.syntax.walk import string_value


class Objects(Managers):
    """By the class of the object."""

    def construct(self, callee: Class, node: cst.Call, arguments: list[Argument], state: State) -> Evaluated:
        """An object of the project: it opens a connection, answers for one it is given, only uses it, or takes it."""
        given: ResourceId | None = None
        strong = False
        for argument, parameter in zip(arguments, self._parameters_of(callee.info, arguments), strict=True):
            if isinstance(argument.value, Ref):
                spec = self.site_of(argument.value.rid).spec
                if self.summaries.taking.passes_on(callee.info, parameter, spec):
                    return [(argument.value, state)]
            ways = self._ways(callee.info, parameter, argument.value)
            if ways and isinstance(argument.value, Ref) and given is None:
                given = argument.value.rid
                self.site_of(given).is_answered_for = True
            elif ways is None or ways:
                self.hand_over(argument.value, state, f"argument of {callee.info.name}", node)
            elif isinstance(argument.value, Ref):
                self.holding.users[callee.info] = argument.value.rid
            strong = strong or self._may_fail_with(callee.info, parameter, argument.value, state)
        self.may_raise(state, node, Tier.STRONG if strong else Tier.WEAK, "call")
        model = self.summaries.owners.duty(callee.info) if self.function is not None else None
        is_passed = model is not None and any(
            a.keyword in model.not_keywords or string_value(a.node.value) in model.memory_arguments for a in arguments
        )
        if model is not None and not is_passed and not is_replaced(model.acquire, self.function, self.resolver):
            site = self.site(node, model, "medium")
            site.is_owner, site.opens_late = True, model.lazy
            given = self.acquire(site, state).rid
        return [(Instance(callee.info, given), state)]

    def _ways(self, cls: ClassInfo, parameter: str, value: Value) -> tuple[Release, ...] | None:
        """How an object releases what its constructor is given; None if somebody else may."""
        if not parameter or not isinstance(value, Ref):
            return None
        spec = self.site_of(value.rid).spec
        ways = self.summaries.taking.ways(cls, parameter, spec)
        if ways == () and field_released_outside(cls, parameter, spec, self.resolver, self.module):
            return None
        return ways

    def _may_fail_with(self, cls: ClassInfo, parameter: str, value: Value, state: State) -> bool:
        """Whether a constructor may well raise for what it is given."""
        if not parameter or not isinstance(value, Ref):
            return self.touched(value, state)
        return self.summaries.taking.may_raise(cls, parameter, self.site_of(value.rid).spec)

    def end_owner(self, callee: Function, node: cst.Call, state: State) -> Evaluated | None:
        """`repository.close()`: an object that keeps a connection is released by its own method."""
        owner = callee.receiver
        if not isinstance(owner, Instance) or owner.rid is None:
            return None
        forms = [form for form in self.ways_to_release(owner) if form.method == callee.info.name]
        if forms and state.resources[owner.rid].status is Status.CLOSED:
            return [(UNKNOWN, state)]  # what it does the second time is for the method to say
        return next((self.released(owner.rid, form, node, state) for form in forms), None)

    def _parameters_of(self, cls: ClassInfo, arguments: list[Argument]) -> list[str]:
        """For each argument the constructor's parameter it fills; "" where that cannot be told."""
        init = self.resolver.method(cls, "__init__")
        nodes = [argument.node for argument in arguments]
        if init is None:
            return named(self.resolver.arguments(cls), nodes)
        return parameters(Function(init, Instance(cls)), nodes)
