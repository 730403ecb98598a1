"""Classes whose objects are resources themselves: they open a connection when made, and have a method to release it."""

from __future__ import annotations

import libcst as cst

from leakcheck.flow.opening import Held, Opening
from leakcheck.flow.owning import releasing_methods
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.values import Instance, Lent
from leakcheck.models import Connection, Release
from leakcheck.project.module import ClassInfo, FunctionInfo
from leakcheck.project.walk import code, walk

_PLAIN_BASES = frozenset(
    {"object", "abc.ABC", "typing.Generic", "typing.Protocol", "contextlib.AbstractContextManager"}
)
_REGISTERS = frozenset({"atexit", "finalize", "register", "signal"})  # somebody else may release the object at the end


class Owners:
    """Answers for one project."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self._models: dict[ClassInfo, Connection | None] = {}

    def model(self, cls: ClassInfo) -> Connection | None:
        """What must be done with an object of the class; None if it need not be released, or cannot be."""
        if cls not in self._models:
            self._models[cls] = None
            self._models[cls] = self._find(cls)
        return self._models[cls]

    def opens_when_made(self, cls: ClassInfo, field: str) -> bool:
        """Whether `__init__` itself puts a connection of the object's own into the field."""
        init = self.resolver.method(cls, "__init__")
        return init is not None and field in Opening(init, self._connects).fields()

    def is_called_when_made(self, cls: ClassInfo, method: FunctionInfo) -> bool:
        """Whether `__init__` calls the method."""
        init = self.resolver.method(cls, "__init__")
        return init is not None and method.name in init.words

    def _find(self, cls: ClassInfo) -> Connection | None:
        init = self.resolver.method(cls, "__init__")
        bases = self.resolver.ancestors(cls)
        known = all(isinstance(base, ClassInfo) or base in _PLAIN_BASES for base in bases)
        if init is None or not known or not _REGISTERS.isdisjoint(init.words) or _gives_itself_away(init):
            return None
        for field, spec in self._opened(init, cls).items():
            released = releasing_methods(cls, field, spec, self.resolver)
            names = {method.name for method in released}
            if names and names.isdisjoint({"__del__", "__init__", "__new__"}):
                return _model(cls, spec, released)
        return None

    def _opened(self, init: FunctionInfo, cls: ClassInfo) -> dict[str, Connection]:
        """The fields that every object of the class gets a connection of its own in."""

        def called(node: cst.Call) -> Held:
            method = self._own_method(node, init, cls)
            found = Opening(method, self._connects).fields() if method is not None else {}
            return {f"self.{field}": spec for field, spec in found.items()}

        return Opening(init, self._connects, called).fields()

    def _connects(self, node: cst.BaseExpression, method: FunctionInfo) -> Connection | None:
        value = self.resolver.static(node, method, method.module)
        if not isinstance(value, Lent) or value.spec is None or not value.spec.tracked or value.spec.lazy:
            return None
        return None if value.spec.memory_arguments and '":memory:"' in code(node).replace("'", '"') else value.spec

    def _own_method(self, node: cst.Call, init: FunctionInfo, cls: ClassInfo) -> FunctionInfo | None:
        """The method of the same object that a constructor's call runs."""
        path = code(node.func)
        if path == "super().__init__" and isinstance(base := self.resolver.parent(init), Instance):
            return self.resolver.method(base.type, "__init__") if isinstance(base.type, ClassInfo) else None
        return self.resolver.method(cls, path[5:]) if path.startswith("self.") else None


def _gives_itself_away(init: FunctionInfo) -> bool:
    """Whether the object puts itself where others find it."""
    for node in walk(init.node.body):
        if isinstance(node, cst.Arg) and code(node.value) == "self":
            return True
        if isinstance(node, cst.Assign) and code(node.value) == "self":
            return True
    return False


def _model(cls: ClassInfo, spec: Connection, released: list[FunctionInfo]) -> Connection:
    forms = tuple(Release("conn", method.name, method.is_async) for method in released)
    plain = sorted(forms, key=lambda form: (form.method != "close", form.method.startswith("_")))
    return Connection(spec.library, (cls.name,), "connection", release=tuple(plain), gc=spec.gc)


def is_manager(model: Connection) -> bool:
    """Whether leaving a `with` block on such an object releases it."""
    return any(form.method in ("__exit__", "__aexit__") for form in model.release)
