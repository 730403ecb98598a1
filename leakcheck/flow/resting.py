"""Sessions of somebody else that a call leaves at rest: whoever is lent one may end its transaction."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from leakcheck.flow.binding import filled, parameters
from leakcheck.flow.core import Argument
from leakcheck.flow.fields import session_fields
from leakcheck.flow.giving import Giving
from leakcheck.flow.state import State, Status
from leakcheck.flow.summaries import Constants
from leakcheck.flow.values import Bound, Function, Lent, Method, ResourceId, Value, own_class
from leakcheck.models import Connection
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo
from leakcheck.project.syntax.walk import dotted, walk


class Resting(Giving):
    """What callees, and what they are given to call, do last with a session."""

    def _use_what_is_lent(self, callee: Value, node: cst.Call, arguments: list[Argument], state: State) -> None:
        super()._use_what_is_lent(callee, node, arguments, state)
        for rid in (*self._put_to_rest(callee, arguments, state), *self._put_to_rest_within(callee, arguments)):
            self._rest_lent(rid, node, state)

    def _use(self, function: FunctionInfo, name: str, value: Value, node: cst.CSTNode, state: State) -> None:
        super()._use(function, name, value, node, state)
        if isinstance(value, Lent) and value.rid is not None and self._ends_with(function, name, value.rid):
            self._rest_lent(value.rid, node, state)

    def _rest_lent(self, rid: ResourceId, node: cst.CSTNode, state: State) -> None:
        if rid in state.resources and state.resources[rid].status is Status.LENT:
            state.set_status(rid, Status.RESTING, "soft", node)

    def _put_to_rest(self, callee: Value, arguments: list[Argument], state: State) -> Iterator[ResourceId]:
        """`save(session)`, `retry(session.commit)`, `retry(lambda: save(session))`."""
        for name, argument in filled(callee, arguments) if isinstance(callee, Function) else ():
            lent = argument.value
            if isinstance(callee, Function) and isinstance(lent, Lent) and lent.rid is not None:
                if self._is_left_at_rest(callee.info, name, lent.rid, self.constants(callee, arguments)):
                    yield lent.rid
        for argument in arguments:
            value = argument.value
            if isinstance(value, Method) and isinstance(value.receiver, Lent) and value.receiver.rid is not None:
                if value.name in _softly(self.site_of(value.receiver.rid).spec):
                    yield value.receiver.rid
            elif isinstance(value, Function) and value.info.parent is self.function:
                for name, lent in state.variables.items():
                    if isinstance(lent, Lent) and lent.rid is not None and self._ends_with(value.info, name, lent.rid):
                        yield lent.rid

    def _put_to_rest_within(self, callee: Value, arguments: list[Argument]) -> Iterator[ResourceId]:
        """`service.save()`, for a session that lies in the object."""
        for rid in self.holding.keepers if isinstance(callee, Function) else ():
            if isinstance(callee, Function) and self.holding.keeps(callee.receiver, rid):
                if self.ends_in_object(callee, rid, self.constants(callee, arguments), False) == {True}:
                    yield rid

    def ends_in_object(self, method: Function, rid: ResourceId, constants: Constants, is_resting: bool) -> set[bool]:
        """Whether the session in a method's object is at rest at the method's ends; nothing if that cannot be told."""
        cls = own_class(method.receiver)
        fields = session_fields(cls, self.resolver) if cls is not None else ()
        if cls is None or len(fields) != 1 or not method.info.parameters or not self.site_of(rid).spec.soft_release:
            return set()  # with two sessions, who knows which
        variable = f"{method.info.parameters[0].name.value}.{fields[0]}"
        return self._ends(method.info, Bound(variable, self.site_of(rid).spec, is_resting=is_resting), constants, cls)

    def _is_left_at_rest(
        self, function: FunctionInfo, parameter: str, rid: ResourceId, constants: Constants = ()
    ) -> bool:
        """Whether a function always ends the transaction of the session that it gets."""
        spec = self.site_of(rid).spec
        return bool(spec.soft_release) and self._ends(function, Bound(parameter, spec), constants) == {True}

    def _ends(
        self, function: FunctionInfo, given: Bound, constants: Constants, cls: ClassInfo | None = None
    ) -> set[bool]:
        """Whether what a function gets is at rest at each of its ends."""
        if function.is_generator:
            return set()
        summary = self.summaries.of(function, cls, (given,), constants)
        ends = (known.status for outcome in (summary.returns if summary is not None else ())
                for name, known, _ in outcome.parameters if name == given.name)  # fmt: skip
        return {status in (Status.RESTING, Status.CLOSED) for status in ends}

    def _ends_with(self, function: FunctionInfo, name: str, rid: ResourceId) -> bool:
        """Whether the last thing in the text of a nested function that works on a session ends its transaction."""
        rests = False
        softly, idle = _softly(self.site_of(rid).spec), self.site_of(rid).spec.idle
        is_meant = name in function.words and name not in function.bindings.names
        for call in walk(function.node.body) if is_meant else ():
            if not isinstance(call, cst.Call):
                continue
            if isinstance(call.func, cst.Attribute) and dotted(call.func.value) == name:
                rests = call.func.attr.value in softly or (rests and call.func.attr.value in idle)
            elif any(dotted(argument.value) == name for argument in call.args):
                rests = self._is_given_for_that(call, function, name, rid)
        return rests

    def _is_given_for_that(self, call: cst.Call, function: FunctionInfo, name: str, rid: ResourceId) -> bool:
        """Whether a function of the project is called that ends the transaction of what has the name."""
        callee = self.resolver.static(call.func, function, function.module)
        if not isinstance(callee, Function):
            return False
        given = zip(parameters(callee, call.args), call.args, strict=True)
        names = [parameter for parameter, argument in given if parameter and dotted(argument.value) == name]
        return any(self._is_left_at_rest(callee.info, each, rid) for each in names)


def _softly(spec: Connection) -> frozenset[str]:
    """The methods by which a session gives its connection back until the next use."""
    return frozenset(form.method for form in spec.soft_release if form.on == "conn")
