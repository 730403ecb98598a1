"""Calls of nested functions: what they do to the resources that variables of the function around them hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from leakcheck.flow.binding import parameters
from leakcheck.flow.calls import Calls
from leakcheck.flow.state import State, Status, Tier
from leakcheck.flow.values import UNKNOWN, Derived, Function, Lent, Ref, ResourceId, Value
from leakcheck.project.syntax.module import FunctionInfo
from leakcheck.project.syntax.walk import SCOPES, dotted, walk


class Nested(Calls):
    """They are not run: their text tells enough."""

    def call_nested(self, function: FunctionInfo, node: cst.CSTNode, state: State) -> None:
        """A nested function called here: works with this function's variables, and releases what its body releases."""
        for each in self._reached(function):
            for name, value in list(state.variables.items()):
                if name in each.words and name not in each.bindings.names:
                    self._use(each, name, value, node, state)

    def _reached(self, function: FunctionInfo) -> Iterable[FunctionInfo]:
        """A nested function and those beside it that it may call."""
        found = {function: None}
        pending = [function]
        while pending:
            caller = pending.pop()
            values = (
                self.resolver.name(word, caller, caller.module) for word in sorted(caller.words & self.names.locals)
            )
            called = {value.info: None for value in values if isinstance(value, Function)}
            new = [info for info in called if info not in found and info.parent is self.function and info.cls is None]
            found |= dict.fromkeys(new)
            pending += new
        return found

    def _use(self, function: FunctionInfo, name: str, value: Value, node: cst.CSTNode, state: State) -> None:
        """What a nested function does with a variable of this one."""
        if isinstance(value, (Ref, Derived)) and self._calls_on(function, name):
            self.may_raise(state, node, Tier.STRONG, "driver")
        if isinstance(value, Lent) and value.rid is not None:
            self.use_lent(value.rid, "", node, state)
        if isinstance(value, Ref) and self._releases(function, name, value.rid):
            self.release(value.rid, state, node)

    def _calls_on(self, function: FunctionInfo, name: str) -> bool:
        """Whether the function, outside any `try`, calls a method of the name that may well raise."""
        outside = walk(function.node.body, lambda node: type(node) not in (*SCOPES, cst.Try, cst.TryStar))
        calls = (node.func for node in outside if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute))
        quiet = self.catalogue.quiet_methods
        return any(dotted(func.value) == name and func.attr.value not in quiet for func in calls)

    def _releases(self, function: FunctionInfo, name: str, rid: ResourceId) -> bool:
        """Whether the function releases what the name holds, itself or by a function of the project."""
        methods = {form.method for form in self.site_of(rid).spec.release}
        names = {name, *_aliases(function, name)}
        for call in (part for part in walk(function.node.body) if isinstance(part, cst.Call)):
            mentioned = names & {n.value for n in walk(call) if isinstance(n, cst.Name)}
            if mentioned and isinstance(call.func, cst.Attribute) and call.func.attr.value in methods:
                return True
            callee = self.resolver.static(call.func, function, function.module) if mentioned else UNKNOWN
            if isinstance(callee, Function) and self._is_released_by(callee, call, names, rid):
                return True
        return False

    def _is_released_by(self, callee: Function, call: cst.Call, names: set[str], rid: ResourceId) -> bool:
        """Whether a function of the project releases the argument that one of the names is."""
        spec = self.site_of(rid).spec
        for argument, parameter in zip(call.args, parameters(callee, call.args), strict=True):
            if parameter and isinstance(argument.value, cst.Name) and argument.value.value in names:
                summary = self.summaries.of(callee.info, None, ((parameter, spec, False),))
                ends = (outcome.parameters for outcome in (summary.returns if summary is not None else ()))
                if any(fate.status is Status.CLOSED for end in ends for bound, fate, _ in end if bound == parameter):
                    return True
        return False


def _aliases(function: FunctionInfo, name: str) -> Iterator[str]:
    """Other names that a function gives what the name holds."""
    for alias, values in function.bindings.assigned.items():
        if any(isinstance(value, cst.Name) and value.value == name for value in values):
            yield alias
