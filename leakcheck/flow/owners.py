"""Classes whose objects are resources themselves: they open a connection when made, and have a method to release it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import libcst as cst

from leakcheck.flow.forwarding import forwards
from leakcheck.flow.heirs import inherited
from leakcheck.flow.late import Late
from leakcheck.flow.opening import Held, Opening, in_memory
from leakcheck.flow.owning import ITSELF, REGISTERS, field_released_outside, made, releasing_methods
from leakcheck.flow.resolve import Resolver, is_property
from leakcheck.flow.sharing import gives_the_same
from leakcheck.flow.sites import Site
from leakcheck.flow.values import Function, Lent, own_class
from leakcheck.models import Connection
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo, Module
from leakcheck.project.syntax.walk import SCOPES, code, dotted, terminal, unawaited, walk
from leakcheck.words import words

_PLAIN_BASES = frozenset(
    {"object", "abc.ABC", "typing.Generic", "typing.Protocol", "contextlib.AbstractContextManager"}
)
_DEPTH = 3  # of the object's own methods that a constructor calls


class Owners:
    """Answers for one project."""

    def __init__(
        self,
        resolver: Resolver,
        fresh: Callable[[FunctionInfo], Site | None],
        acquirers: Callable[[Module], frozenset[str]],
    ) -> None:
        self.resolver, self._fresh, self.acquirers = resolver, fresh, acquirers
        self._models: dict[ClassInfo, Connection | None] = {}
        self._kept: dict[Connection, tuple[ClassInfo, str, Connection]] = {}  # what objects of a model keep, and where
        self.fields: dict[ClassInfo, frozenset[str]] = {}  # in which objects keep what is to be released
        self._working: dict[FunctionInfo, bool] = {}
        self.late = Late(self)

    def model(self, cls: ClassInfo) -> Connection | None:
        """What must be done with an object of the class; None if it need not be released, or cannot be."""
        if cls not in self._models:
            self._models[cls] = None
            self._models[cls] = self._find(cls) or inherited(cls, self.resolver)
        return self._models[cls]

    def class_of(self, model: Connection) -> ClassInfo | None:
        """The class whose objects need what a model says; None for a driver's."""
        known = (*self._models.items(), *self.late.known())
        return next((cls for cls, made in known if made is model), None)

    def duty(self, cls: ClassInfo) -> Connection | None:
        """The same, where it may also be a later call that opens the connection."""
        return self.model(cls) or self.late.model(cls)

    def may_open(self, cls: ClassInfo) -> bool:
        """Whether the text of a class or of a base names an acquirer: quickly asked, and few do."""
        family = self.resolver.family(cls)
        return any(not owner.chunk.words.isdisjoint(self.acquirers(owner.module)) for owner in family)

    def is_plain(self, cls: ClassInfo) -> bool:
        """Whether all bases of a class are known, and its objects do not give themselves away when they are made."""
        init = self.resolver.constructor(cls)
        bases = self.resolver.ancestors(cls)
        known = all(isinstance(base, ClassInfo) or base in _PLAIN_BASES for base in bases)
        return known and (init is None or not gives_itself_away(init))

    def opens_when_made(self, cls: ClassInfo, field: str) -> bool:
        """Whether the constructor itself puts a connection of the object's own into the field."""
        init = self.resolver.constructor(cls)
        return init is not None and field in Opening(init, self.connects, surely=True).fields()

    def is_called_when_made(self, cls: ClassInfo, method: FunctionInfo) -> bool:
        """Whether the constructor calls the method."""
        init = self.resolver.constructor(cls)
        return init is not None and method.name in init.words

    def is_released_inside(self, model: Connection) -> bool:
        """Whether some code releases what such an object keeps without asking the object."""
        return model in self._kept and field_released_outside(*self._kept[model], self.resolver)

    def fields_of(self, model: Connection) -> frozenset[str]:
        """In which fields an object of a model keeps its connection; none of a connection."""
        return frozenset({self._kept[model][1]}) if model in self._kept else frozenset()

    def gives_kept(self, method: FunctionInfo, cls: ClassInfo) -> bool:
        """Whether a method of such an object returns what the object keeps."""
        fields = {f"self.{field}" for field in self.fields.get(cls, ())}
        values = method.returned if fields else ()
        return any(dotted(part) in fields for value in values for part in _items(value))

    def passes_on(self, cls: ClassInfo) -> bool:
        """Whether such an object releases what it keeps when it is asked to as that would be: by `__getattr__`, or
        because it is the connection itself."""
        model = self.model(cls)
        return self.is_connection(cls) or (model is not None and forwards(*self._kept[model], self.resolver))

    def is_connection(self, cls: ClassInfo) -> bool:
        """Whether such an object keeps no connection, but is one."""
        model = self.model(cls)
        return model is not None and model not in self._kept

    def works(self, method: FunctionInfo) -> bool:
        """Whether a method of such an object works with the connection outside any `try`: then it may well raise."""
        if method not in self._working:
            self._working[method] = False  # while it is being found: recursion ends here
            outside = walk(method.node.body, lambda node: type(node) not in (*SCOPES, cst.Try, cst.TryStar))
            self._working[method] = any(self._is_work(node, method) for node in outside)
        return self._working[method]

    def _is_work(self, node: cst.CSTNode, method: FunctionInfo) -> bool:
        """Whether a method's call is one of a connection or cursor, or of a method, of its own object or of one that
        keeps a connection, that works."""
        if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Attribute):
            return False
        callee = self.resolver.static(node.func, method, method.module)
        if isinstance(callee, Function):
            cls = callee.info.cls
            own = cls is not None and (cls is method.cls or self.model(cls) is not None)
            return own and self.works(callee.info)
        name = node.func.attr.value
        return name in words().connections and name not in self.resolver.catalogue.quiet_methods

    def _find(self, cls: ClassInfo) -> Connection | None:
        init = self.resolver.constructor(cls)
        if init is None or not self.is_plain(cls):
            return None
        for field, spec in self._opened(init, cls).items():
            released = releasing_methods(cls, field, spec, self.resolver)
            names = {method.name for method in released}
            is_ended = bool(names) or forwards(cls, field, spec, self.resolver)
            if is_ended and names.isdisjoint(ITSELF):
                if gives_the_same(cls, self.resolver):
                    return None
                model = made(cls, spec, released)
                self._kept[model] = (cls, field, spec)
                self.fields[cls] = frozenset({field})
                return model
        return None

    def _opened(self, method: FunctionInfo, cls: ClassInfo, depth: int = _DEPTH) -> dict[str, Connection]:
        """The fields in which a method of every object of the class leaves a connection of the object's own."""

        def called(node: cst.Call | cst.Attribute) -> Held:
            inner = self.own_method(node, method, cls) if depth else None
            found = self._opened(inner, cls, depth - 1) if inner is not None else {}
            return {f"self.{field}": spec for field, spec in found.items()}

        return {} if not REGISTERS.isdisjoint(method.words) else Opening(method, self.connects, called).fields()

    def connects(self, node: cst.BaseExpression, method: FunctionInfo) -> Connection | None:
        """What a method's call opens, for its object to release."""
        value = self.resolver.static(node, method, method.module)
        call = unawaited(node)
        callee = self.resolver.static(call.func, method, method.module) if isinstance(call, cst.Call) else None
        fresh = self._fresh(callee.info) if isinstance(callee, Function) else None
        if isinstance(callee, Function) and (fresh is None or fresh.in_memory):
            return None
        if (keeper := own_class(value)) is not None:
            return self.model(keeper)
        spec = value.spec if isinstance(value, Lent) else fresh.spec if fresh is not None else None
        if spec is None or not spec.tracked or spec.lazy:
            return None
        return None if in_memory(call, spec.memory_arguments) else spec

    def own_method(self, node: cst.Call | cst.Attribute, caller: FunctionInfo, cls: ClassInfo) -> FunctionInfo | None:
        """The method of the same object that a method's call runs, or the reading of a property."""
        called = node.func if isinstance(node, cst.Call) else node
        if isinstance(node, cst.Call) and terminal(called) == "__init__":  # of `super()`, or of a base by its name
            base = self.resolver.static(called, caller, caller.module)
            return base.info if isinstance(base, Function) else None
        if not isinstance(called, cst.Attribute) or dotted(called.value) != "self":
            return None
        method = self.resolver.method(cls, called.attr.value)
        return method if method is not None and is_property(method) is (called is node) else None


def gives_itself_away(init: FunctionInfo) -> bool:
    """Whether the object puts itself where others find it."""
    for node in walk(init.node.body):
        if isinstance(node, cst.Call) and terminal(node.func) != "__init__":
            if any(code(argument.value) == "self" for argument in node.args):
                return True
        if isinstance(node, cst.Assign) and code(node.value) == "self":
            return True
    return False


def _items(value: cst.BaseExpression) -> Iterable[cst.BaseExpression]:
    """The expressions of a tuple, or the one."""
    return (element.value for element in value.elements) if isinstance(value, cst.Tuple) else (value,)
