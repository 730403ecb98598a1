"""Responses whose body is sent after the endpoint has returned: what its dependencies gave may be open still."""

from __future__ import annotations

import libcst as cst

from leakcheck.checks.assigned import assigned
from leakcheck.checks.held.markers import Marker
from leakcheck.checks.sql import mentions
from leakcheck.flow.holding import Held
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.values import Function, Loan, Symbol
from leakcheck.project.project import Project
from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.project.syntax.walk import terminal, walk

_LINGERS = (cst.Await, cst.For, cst.While, cst.With, cst.BaseComp, cst.From)


class Streams:
    """For one project."""

    def __init__(self, resolver: Resolver, project: Project) -> None:
        self.resolver, self.web, self.project = resolver, resolver.catalogue.web, project

    def is_one(self, record: Held, function: FunctionInfo) -> bool:
        """Whether a call makes such a response, with a body that is not in memory like any other's, or an endpoint
        yields what is sent."""
        if isinstance(record.node, cst.Yield):
            return function.is_generator
        if not isinstance(record.callee, Symbol) or record.callee.name not in self.web.streams:
            return False
        body = record.node.args[0].value if isinstance(record.node, cst.Call) and record.node.args else None
        if isinstance(body, cst.Call) and self._is_written_out(body, function):
            return False
        return body is None or not self._is_in_memory(body, function)

    def _is_written_out(self, body: cst.Call, function: FunctionInfo) -> bool:
        """Whether it is a generator of the project that yields what is at hand, one after the other: it waits for
        nothing, goes over nothing, and asks nobody."""
        callee = self.resolver.static(body.func, function, function.module)
        if not isinstance(callee, Function) or not callee.info.is_generator:
            return False
        parts = list(walk(callee.info.node.body))
        calls = [part for part in parts if isinstance(part, cst.Call)]
        return not any(isinstance(part, _LINGERS) for part in parts) and all(self._looks(c, callee.info) for c in calls)

    def _looks(self, call: cst.Call, function: FunctionInfo) -> bool:
        """Whether a callee only looks at what it is given: `json.dumps(row)`."""
        name = self.resolver.callee_name(self.resolver.static(call.func, function, function.module)) or ""
        return "borrows" in self.resolver.catalogue.function(name)

    def _is_in_memory(self, body: cst.BaseExpression, function: FunctionInfo) -> bool:
        """`io.BytesIO(data)`, `iter([data])`, or a name for such a thing alone."""
        if isinstance(body, cst.Call) and terminal(body.func) == "iter" and body.args:
            body = body.args[0].value
        values = [body] if not isinstance(body, cst.Name) else assigned(body, function, function.module)
        return bool(values) and all(self._is_buffer(value, function) for value in values)

    def _is_buffer(self, node: cst.BaseExpression, function: FunctionInfo) -> bool:
        if isinstance(node, (cst.List, cst.Tuple)):
            return True
        callee = self.resolver.static(node.func, function, function.module) if isinstance(node, cst.Call) else None
        return isinstance(callee, Symbol) and callee.name in self.web.buffers

    def is_ended_early(self, marker: Marker) -> bool:
        """Whether a dependency says that what it yields is taken back before the response is sent."""
        return any(marker.says(*argument) for argument in self.web.ends_before.items())

    def ends_before(self, loan: Loan, marker: Marker, module: Module) -> bool:
        """Whether the framework takes back what it lends before it sends the response."""
        if loan.ends_early:
            return True
        package = marker.name.partition(".")[0]
        versions = self.web.ended_before.get(package)
        return versions is not None and (not versions or self.project.allows_only(package, versions, module))


def reads(record: Held, name: str, function: FunctionInfo) -> bool:
    """Whether the body of a response is made with what a parameter of the endpoint holds."""
    arguments = record.node.args if isinstance(record.node, cst.Call) else ()
    inner = (n for n in walk(function.node.body) if isinstance(n, cst.FunctionDef))
    using = {n.name.value for n in inner if mentions([n.body], name.__eq__)}
    return mentions(arguments, {name, *using}.__contains__)
