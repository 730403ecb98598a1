"""What makes a parameter a dependency: `= Depends(get_db)`, `Annotated[…]`, what is provided by its name."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from leakcheck.flow.resolve import Resolver
from leakcheck.flow.values import Symbol
from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.project.syntax.walk import string_value, terminal, walk
from leakcheck.records import dataclass


@dataclass(frozen=True)
class Marker:
    """`Depends(get_db)`: what makes a parameter a dependency, and by which name of a framework."""

    call: cst.Call
    module: Module
    name: str
    by_name: bool = False  # its own dependencies are given by their names as well

    def says(self, keyword: str, value: str) -> bool:
        """Whether it is given that argument."""
        return any(a.keyword and a.keyword.value == keyword and string_value(a.value) == value for a in self.call.args)


class Markers:
    """For one project."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver, self.web = resolver, resolver.catalogue.web
        self._known: dict[Module, dict[str, list[cst.Call]]] = {}  # what Litestar provides, by name

    def of(self, parameter: cst.Param, function: FunctionInfo) -> Marker | None:
        """What makes a parameter of an endpoint or of another dependency one."""
        provided = self._provided(function.module).get(parameter.name.value, ())
        for call, module in (*self._markers(parameter, function), *((call, function.module) for call in provided)):
            callee = self.resolver.static(call.func, function.parent, module)
            if isinstance(callee, Symbol) and callee.name in self.web.dependencies:
                return Marker(call, module, callee.name, call in provided)
        return None

    def _markers(self, parameter: cst.Param, function: FunctionInfo) -> Iterator[tuple[cst.Call, Module]]:
        """`= Depends(get_db)`, `Annotated[Session, Depends(get_db)]`, and a name for the latter."""
        if isinstance(parameter.default, cst.Call):
            yield parameter.default, function.module
        if parameter.annotation is not None:
            node, module = parameter.annotation.annotation, function.module
            name = node.value if isinstance(node, cst.Name) else ""  # like `SessionDep`
            node, module = next(iter(self.resolver.project.assigned(name, module)), (node, module))
            if isinstance(node, cst.Subscript) and terminal(node.value) == "Annotated":
                for element in node.slice:
                    if isinstance(element.slice, cst.Index) and isinstance(element.slice.value, cst.Call):
                        yield element.slice.value, module

    def _provided(self, module: Module) -> dict[str, list[cst.Call]]:
        """`dependencies={"db": Provide(get_db)}` of an endpoint, a controller or an application in the module."""
        if module not in self._known:
            names = frozenset(name.rpartition(".")[2] for name in self.web.dependencies)
            found = self._known.setdefault(module, {})
            for chunk in module.mentioning(names):
                for node in walk(chunk.tree) if "dependencies" in chunk.words else ():
                    if isinstance(node, cst.DictElement) and isinstance(node.value, cst.Call):
                        found.setdefault(string_value(node.key) or "", []).append(node.value)
        return self._known[module]


def annotated_by(annotation: cst.Annotation) -> cst.BaseExpression:
    """The class in `Users`, and in `Annotated[Users, Depends()]`."""
    node = annotation.annotation
    if isinstance(node, cst.Subscript) and terminal(node.value) == "Annotated":
        first = node.slice[0].slice
        return first.value if isinstance(first, cst.Index) else node
    return node
