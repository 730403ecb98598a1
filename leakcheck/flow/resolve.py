"""What a name or expression stands for, without running anything: imports, definitions, annotations, constructors."""

from __future__ import annotations

import libcst as cst

from leakcheck.flow.classes import DEPTH
from leakcheck.flow.promises import BUILTINS, Promises, is_fixture, parameter_of
from leakcheck.flow.values import (
    LITERALS,
    UNKNOWN,
    Class,
    Const,
    Function,
    Import,
    Instance,
    Lent,
    Method,
    Symbol,
    Value,
)
from leakcheck.project.project import Definition, Project
from leakcheck.project.syntax.definitions import function_of
from leakcheck.project.syntax.module import Chunk, ClassInfo, FunctionInfo, Module, Scope

_PROPERTIES = frozenset({"property", "cached_property", "functools.cached_property", "abc.abstractproperty"})


class Resolver(Promises):
    """Answers for one project; the answers are remembered."""

    def __init__(self, project: Project) -> None:
        super().__init__()
        self.project = project
        self.catalogue = project.catalogue
        self._globals: dict[tuple[Module, str], Value] = {}
        self._fixtures: dict[tuple[Module, str], Value] = {}
        self._lambdas: dict[cst.Lambda, FunctionInfo] = {}

    # -- names -----------------------------------------------------------------------------------------------------

    def name(self, name: str, scope: Scope, module: Module, depth: int = DEPTH) -> Value:
        """A name as seen from a scope: enclosing functions, the module, builtins."""
        while scope is not None:
            if isinstance(scope, FunctionInfo):
                if name in scope.bindings.names:
                    return self.local(name, scope, depth)
                if (parameter := parameter_of(scope, name)) is not None:
                    return self.parameter(parameter, scope)
            scope = scope.parent
        return self.global_name(name, module)

    def local(self, name: str, function: FunctionInfo, depth: int = DEPTH) -> Value:
        """A function's local, where all its assignments agree on what it is."""
        if depth <= 0:
            return UNKNOWN
        bindings = function.bindings
        if name in bindings.imports:  # a fallback `name = None` beside it tells nothing
            return self.qualified(function.module.absolute(bindings.imports[name]), function.module)
        if nested := function.local_classes_and_functions.get(name):
            return _definition_value(nested)
        if (parameter := parameter_of(function, name)) is not None:
            return self.parameter(parameter, function)
        return self._best(bindings.assigned.get(name, ()), function, function.module, depth)

    def global_name(self, name: str, module: Module) -> Value:
        """A module's name; as it is remembered, it is looked up alike however deep in others it was asked for first."""
        key = (module, name)
        if key not in self._globals:
            self._globals[key] = UNKNOWN  # while it is being found: cycles end here
            self._globals[key] = self._global(name, module)
        return self._globals[key]

    def _global(self, name: str, module: Module) -> Value:
        if defined := module.definition(name):
            return _definition_value(defined)
        if (annotation := module.annotation(name)) is not None:
            if (value := self.annotation(annotation, module)) is not UNKNOWN:
                return value
        if (value := self._best(module.assigned(name), None, module, DEPTH)) is not UNKNOWN:
            return value
        if (value := self._set_elsewhere(name, module)) is not UNKNOWN:
            return value
        if name in module.imports:
            return self.qualified(module.absolute(module.imports[name]), module)
        if module.star_imports and (found := self.project.member(module, name)):
            return self._looked_up(found, module)
        return Symbol(name) if name in BUILTINS else UNKNOWN

    def _set_elsewhere(self, name: str, module: Module) -> Value:
        """What functions assign to a global: `global manager; manager = Manager()`."""
        for function in module.setting(name):
            value = self._best(function.bindings.assigned.get(name, ()), function, module, DEPTH)
            if value is not UNKNOWN:
                return value
        return UNKNOWN

    def fixture(self, name: str, asker: Module) -> Value:
        """The object, no connection, that a fixture of a module gives, or one of the conftest.py around it."""
        key = (asker, name)
        if key not in self._fixtures:
            self._fixtures[key] = UNKNOWN  # while it is being found: it may ask for another one of its own name
            around = (asker, *self.project.conftests(asker))
            found = next((each for module in around if (each := module.definition(name)) is not None), None)
            is_one = isinstance(found, FunctionInfo) and is_fixture(found)
            given = self.returned(found) if is_one else UNKNOWN  # type: ignore[arg-type]
            self._fixtures[key] = given if isinstance(given, Instance) else UNKNOWN
        return self._fixtures[key]

    def qualified(self, name: str, asker: Module) -> Value:
        """An absolute qualified name: a definition of the project (or a global of one of its modules, however often it
        is imported on), or a symbol."""
        found = self.project.lookup(name, asker)
        if found is not None and not isinstance(found, str):
            return _definition_value(found)
        target = found or name
        head, _, last = target.rpartition(".")
        if head and isinstance(owner := self.project.lookup(head, asker), Module):
            return self.global_name(last, owner)
        return Symbol(target)

    def _looked_up(self, found: Definition | str, module: Module) -> Value:
        """What a look-up in a module gave: a definition, or the name by which something is imported on."""
        return self.qualified(found, module) if isinstance(found, str) else _definition_value(found)

    def _member(self, module: Module, name: str) -> Value:
        """An attribute of a project module: what it defines or imports, or a module beside it in its package."""
        if found := self.project.member(module, name):
            return self._looked_up(found, module)
        value = self.global_name(name, module)
        if value is UNKNOWN or value == Symbol(name):
            submodule = self.project.submodule(module, name)
            return Import(submodule) if submodule else UNKNOWN
        return value

    # -- attributes ------------------------------------------------------------------------------------------------

    def attribute(self, value: Value, name: str, asker: Module) -> Value:
        """`value.name`; a property of the project comes back as its function, to be called by the reader."""
        if isinstance(value, Symbol):
            return self.qualified(f"{value.name}.{name}", asker)
        if isinstance(value, Import):
            return self._member(value.module, name)
        if isinstance(value, (Instance, Class)) and isinstance(cls := _class_of(value), ClassInfo):
            if method := self.method(cls, name):
                return Function(method, value)
            field = self.field(cls, name)
            field = self.inherited(cls, name) if field is UNKNOWN else field
            return field if field is not UNKNOWN else Method(value, name)
        if isinstance(value, Instance) and isinstance(value.type, str):
            given = self.catalogue.attributes.get(f"{self.canonical(value.type)}.{name}")
            return Instance(given) if given else Method(value, name)
        return Method(value, name)

    # -- expressions -----------------------------------------------------------------------------------------------

    def static(self, node: cst.BaseExpression, scope: Scope, module: Module, depth: int = DEPTH) -> Value:
        """What kind of thing an expression gives, flow left aside."""
        if depth <= 0:
            return UNKNOWN
        if isinstance(node, cst.Name):
            return LITERALS.get(node.value) or self.name(node.value, scope, module, depth - 1)
        if isinstance(node, cst.Attribute):
            value = self.attribute(self.static(node.value, scope, module, depth - 1), node.attr.value, module)
            if isinstance(value, Function) and is_property(value.info):
                return self.returned(value.info, depth - 1)
            return value
        if isinstance(node, cst.Call):
            return self._called(node, scope, module, depth - 1)
        if isinstance(node, cst.Await):
            return self.static(node.expression, scope, module, depth)
        if isinstance(node, cst.Lambda):
            return self.lambda_(node, module.chunk_of(node), scope)
        if isinstance(node, cst.IfExp):
            return self._best((node.body, node.orelse), scope, module, depth - 1)
        if isinstance(node, cst.BooleanOperation):
            return self._best((node.left, node.right), scope, module, depth - 1)
        return UNKNOWN

    def lambda_(self, node: cst.Lambda, chunk: Chunk, scope: Scope) -> Function:
        """A lambda as a function."""
        if node not in self._lambdas:
            self._lambdas[node] = function_of(node, chunk, scope)
        return Function(self._lambdas[node])

    def _best(self, nodes: object, scope: Scope, module: Module, depth: int) -> Value:
        """The first expression that tells what kind of thing it is; a constant tells nothing, it may be set anew."""
        for node in nodes:  # type: ignore[attr-defined]
            value = self.static(node, scope, module, depth)
            if value is not UNKNOWN and not isinstance(value, Const):
                return value
        return UNKNOWN

    def _called(self, node: cst.Call, scope: Scope, module: Module, depth: int) -> Value:
        callee = self.static(node.func, scope, module, depth)
        if isinstance(callee, Class):
            return Instance(callee.info)
        if callee == Symbol("super"):
            return self.parent(scope)
        if isinstance(callee, Function):
            return self.returned(callee.info, depth)
        name = self.callee_name(callee)
        if name is None:
            return UNKNOWN
        if name == "functools.partial" and node.args:
            return self.static(node.args[0].value, scope, module, depth)
        if produced := self.catalogue.producers.get(name):
            return Instance(produced)
        if specs := self.catalogue.by_acquire.get(name):
            return (
                Instance(specs[0].type)
                if specs[0].kind in ("pool", "engine", "client") and specs[0].type
                else Lent(specs[0])
            )
        if isinstance(callee, Symbol) and name.rpartition(".")[2][:1].isupper():
            return Instance(name)
        return UNKNOWN

    def returned(self, function: FunctionInfo, depth: int = DEPTH) -> Value:
        """What a function's annotation or its return statements promise."""
        if function.node.returns is not None:
            if (value := self.annotation(function.node.returns.annotation, function.module)) is not UNKNOWN:
                return value
        return self._best(function.returned, function, function.module, depth)

    def callee_name(self, callee: Value) -> str | None:
        """The qualified name under which the catalogue may know a callee; `Class.method` for methods of instances."""
        if isinstance(callee, Symbol):
            return self.canonical(callee.name)
        if isinstance(callee, Method) and isinstance(callee.receiver, Instance):
            known = callee.receiver.type
            if isinstance(known, str):
                return f"{self.canonical(known)}.{callee.name}"
            return self.inherited_name(known, callee.name)
        if isinstance(callee, Instance) and isinstance(callee.type, str):
            return f"{self.canonical(callee.type)}.__call__"
        return None

    def canonical(self, name: str) -> str:
        """The catalogue's name for a class or a method of a class."""
        types = self.catalogue.types
        if name in types:
            return types[name]
        head, _, last = name.rpartition(".")
        return f"{types[head]}.{last}" if head in types else name


def is_property(function: FunctionInfo) -> bool:
    """Whether reading the attribute calls the function."""
    return any(name in _PROPERTIES or name.endswith("property") for name in function.decorators)


def _class_of(value: Instance | Class) -> str | ClassInfo:
    return value.type if isinstance(value, Instance) else value.info


def _definition_value(found: Definition) -> Value:
    if isinstance(found, Module):
        return Import(found)
    return Function(found) if isinstance(found, FunctionInfo) else Class(found)
