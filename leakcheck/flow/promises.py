"""What a parameter, an annotation or a class promises of a value, before anything is run."""

from __future__ import annotations

import builtins
from collections.abc import Collection

import libcst as cst

from leakcheck.flow.classes import Classes
from leakcheck.flow.handed import handed
from leakcheck.flow.proving import proved
from leakcheck.flow.values import UNKNOWN, Class, Instance, Lent, Symbol, Value
from leakcheck.models import Connection
from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.project.syntax.walk import string_value

BUILTINS = frozenset(dir(builtins))
_OPTIONAL = frozenset(
    {
        *("Optional", "Annotated", "Final", "ClassVar", "Awaitable"),
        *("Iterator", "Generator", "AsyncIterator", "AsyncGenerator", "Iterable"),
    }
)
_NOWHERE = Module("", "", "")


class Promises(Classes):
    """The part of the resolver that goes by what is written beside a name."""

    def parameter(self, parameter: cst.Param, function: FunctionInfo) -> Value:
        """A parameter by a default that acquires, by the class that the function makes sure of, or by its annotation;
        `self` and `cls` by the class."""
        if function.cls is not None and parameter is next(iter(function.parameters), None):
            if "staticmethod" not in function.decorators:
                return Class(function.cls) if "classmethod" in function.decorators else Instance(function.cls)
        if (acquirer := self.acquirer(parameter.default, function.module)) is not UNKNOWN:
            return acquirer
        if (cls := proved(parameter, function)) and (value := self.annotation(cls, function.module)) is not UNKNOWN:
            return value
        if parameter.annotation is not None:
            return self.annotation(parameter.annotation.annotation, function.module)
        given = handed(parameter, function, self) if function.decorators else UNKNOWN
        asks = given is UNKNOWN and parameter.default is None and asks_for_fixtures(function.name, function.decorators)
        return self.fixture(parameter.name.value, function.module) if asks else given

    def fixture(self, name: str, asker: Module) -> Value:
        raise NotImplementedError  # the resolver answers it

    def acquirer(self, default: cst.BaseExpression | None, module: Module) -> Value:
        """What opens connections where a caller does not say otherwise: `connect=psycopg2.connect`."""
        value = self.static(default, None, module) if isinstance(default, (cst.Name, cst.Attribute)) else UNKNOWN
        specs = self.catalogue.by_acquire.get(self.canonical(value.name), ()) if isinstance(value, Symbol) else ()
        return value if any(spec.tracked for spec in specs) else UNKNOWN

    def default(self, parameter: cst.Param) -> Value:
        """A parameter's default, if it is None, True or False."""
        return self.static(parameter.default, None, _NOWHERE) if isinstance(parameter.default, cst.Name) else UNKNOWN

    def annotation(self, node: cst.BaseExpression, module: Module) -> Value:
        """The instance an annotation promises: `X`, `"X"`, `Optional[X]`, `X | None`, `Annotated[X, …]`."""
        if isinstance(node, cst.BinaryOperation):
            left = self.annotation(node.left, module)
            return left if left is not UNKNOWN else self.annotation(node.right, module)
        if isinstance(node, cst.Subscript):
            outer = node.value.attr.value if isinstance(node.value, cst.Attribute) else getattr(node.value, "value", "")
            if outer in _OPTIONAL and isinstance(index := node.slice[0].slice, cst.Index):
                return self.annotation(index.value, module)
            return self.annotation(node.value, module)
        if (text := string_value(node)) is not None:
            try:
                return self.annotation(cst.parse_expression(text), module)
            except cst.ParserSyntaxError:
                return UNKNOWN
        value = self.static(node, None, module)
        if isinstance(value, Class):
            return Instance(value.info)
        if isinstance(value, Symbol) and value.name not in BUILTINS:
            return Instance(value.name)
        return UNKNOWN

    def connection_type(self, value: Value) -> Connection | None:
        """The model of a connection object known by its class only (a field, an annotated parameter)."""
        if isinstance(value, Lent):
            return value.spec
        if isinstance(value, Instance) and isinstance(value.type, str):
            return self.catalogue.by_type.get(self.canonical(value.type)) or self.catalogue.by_type.get(value.type)
        return None


def asks_for_fixtures(name: str, decorators: Collection[str]) -> bool:
    """Whether pytest calls a function, and gives it for each parameter what the fixture of that name gives."""
    return name.startswith("test") or _is_fixture(decorators)


def is_fixture(function: FunctionInfo) -> bool:
    """Whether pytest runs it for the tests that ask for it."""
    return _is_fixture(function.decorators)


def _is_fixture(decorators: Collection[str]) -> bool:
    return any(name.rpartition(".")[2] == "fixture" for name in decorators)


def parameter_of(function: FunctionInfo, name: str) -> cst.Param | None:
    """The parameter of that name."""
    return next((p for p in function.parameters if p.name.value == name), None)
