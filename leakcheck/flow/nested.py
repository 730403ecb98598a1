"""Calls of nested functions: what they do to the resources that variables of the function around them hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from leakcheck.flow.binding import parameters
from leakcheck.flow.calls import Calls
from leakcheck.flow.state import State, Status, Tier
from leakcheck.flow.values import UNKNOWN, Bound, Derived, Function, Lent, Ref, ResourceId, Value
from leakcheck.project.syntax.module import FunctionInfo
from leakcheck.project.syntax.walk import SCOPES, dotted, walk


class Nested(Calls):
    """They are not run: their text tells enough."""

    def call_nested(self, function: FunctionInfo, node: cst.CSTNode, state: State) -> None:
        """A nested function called here: works with this function's variables, and releases what its body releases."""
        for each in self._reached(function):
            for name, value in list(state.variables.items()):
                if name in each.words and (name not in each.bindings.names or name in _taken(each)):
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
        if name in function.bindings.outer and function.bindings.assigned.get(name):
            self.hand_over(value, state, "closure", node)
            state.variables[name] = UNKNOWN  # it may have another one now

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
            if not parameter and not callee.info.words.isdisjoint(form.method for form in spec.release):
                return True  # one of several
            if parameter and isinstance(argument.value, cst.Name) and argument.value.value in names:
                summary = self.summaries.of(callee.info, None, (Bound(parameter, spec),))
                ends = (outcome.parameters for outcome in (summary.returns if summary is not None else ()))
                if any(fate.status is Status.CLOSED for end in ends for bound, fate, _ in end if bound == parameter):
                    return True
        return False


def _taken(function: FunctionInfo) -> frozenset[str]:
    """The variables around a nested function that are defaults of parameters by their names: `def end(conn=conn):`."""
    defaults = ((p.name.value, p.default) for p in function.parameters)
    return frozenset(name for name, value in defaults if isinstance(value, cst.Name) and value.value == name)


def _aliases(function: FunctionInfo, name: str) -> Iterator[str]:
    """Other names that a function gives what the name holds, itself or as one of several it goes over."""
    for alias, values in function.bindings.assigned.items():
        if any(isinstance(value, cst.Name) and value.value == name for value in values):
            yield alias
    for loop in (part for part in walk(function.node.body) if isinstance(part, cst.For)):
        items = loop.iter.elements if isinstance(loop.iter, (cst.Tuple, cst.List)) else ()
        if isinstance(loop.target, cst.Name) and any(dotted(item.value) == name for item in items):
            yield loop.target.value
