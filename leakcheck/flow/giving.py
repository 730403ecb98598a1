"""What a call gives a function of the project: resources by its parameters, constants, all that there is."""

from __future__ import annotations

from typing import TypeGuard

import libcst as cst

from leakcheck.flow.binding import filled
from leakcheck.flow.core import Argument
from leakcheck.flow.nested import Nested
from leakcheck.flow.state import State, Status
from leakcheck.flow.summaries import Constants
from leakcheck.flow.values import (
    SOMETHING,
    Bound,
    Const,
    Derived,
    Function,
    Instance,
    Ref,
    ResourceId,
    Value,
    own_class,
    resources_in,
)
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo

Given = Ref | Derived | Instance


class Giving(Nested):
    """By argument, for its summary."""

    def bind_arguments(self, callee: Function, arguments: list[Argument]) -> list[tuple[str, Given]]:
        """The parameters that receive a resource of this function, something derived from one, or what keeps one."""
        if not any(_is_given(argument.value) for argument in arguments):
            return []
        return [(name, a.value) for name, a in filled(callee, arguments) if _is_given(a.value)]

    def as_bound(self, name: str, value: Given, state: State) -> Bound:
        """The same as its summary is asked for."""
        assert value.rid is not None
        site, is_derived = self.site_of(value.rid), isinstance(value, Derived)
        is_resting = state.resources[value.rid].status is Status.RESTING and not is_derived
        owner = own_class(value)
        return Bound(name, site.spec, is_derived, is_resting, owner, owner is not None and site.opens_late)

    def constants(self, callee: Function, arguments: list[Argument]) -> Constants:
        """Parameters that the callee tests and of which this call says how that ends, given or left at the default."""
        given = {name: argument.value for name, argument in filled(callee, arguments)}
        if any(argument.star for argument in arguments):
            return ()
        found = []
        for parameter in callee.info.parameters:
            name = parameter.name.value
            value = given.get(name) or (self.resolver.default(parameter) if name not in given else None)
            plain = value is SOMETHING or (isinstance(value, Const) and value.value in (None, True, False))
            if value is not None and plain and name in self.summaries.names(callee.info).tested:
                found.append((name, value))
        return tuple(found)

    def hand_over_unbound(
        self, arguments: list[Argument], bound: set[ResourceId], node: cst.CSTNode, state: State
    ) -> None:
        """What no parameter receives as it is: closures, and what lies in tuples."""
        for argument in arguments:
            if not bound.issuperset(resources_in(argument.value)) or isinstance(argument.value, Function):
                self.hand_over(argument.value, state, "argument", node)

    def give_all(self, callee: FunctionInfo, node: cst.CSTNode, state: State) -> None:
        """`close_all(locals())`: a function that releases gets whatever there is."""
        if self.may_release(callee):
            for value in list(state.variables.values()):
                self.hand_over(value, state, "argument", node)


def _is_given(value: Value) -> TypeGuard[Given]:
    """Whether it is a resource of the caller, comes from one, or is an object of the project that keeps one."""
    if isinstance(value, Instance):
        return value.rid is not None and isinstance(value.type, ClassInfo)
    return isinstance(value, (Ref, Derived))
