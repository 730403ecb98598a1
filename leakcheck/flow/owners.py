"""Classes whose objects are resources themselves: they open a connection when made, and have a method to release it."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from leakcheck.flow.owning import releasing_methods
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.values import Instance, Lent
from leakcheck.models import Connection, Release
from leakcheck.project.module import ClassInfo, FunctionInfo
from leakcheck.project.walk import code, dotted, walk

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
        return init is not None and any(field == opened for opened, _ in self._opened_in(init))

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
        for field, spec in self._opened(init, cls):
            released = releasing_methods(cls, field, spec, self.resolver)
            names = {method.name for method in released}
            if names and names.isdisjoint({"__del__", "__init__", "__new__"}):
                return _model(cls, spec, released)
        return None

    def _opened(self, init: FunctionInfo, cls: ClassInfo) -> Iterator[tuple[str, Connection]]:
        """The fields that every object of the class gets a connection of its own in."""
        for method in (init, *self._called_always(init, cls)):
            yield from self._opened_in(method)

    def _opened_in(self, method: FunctionInfo) -> Iterator[tuple[str, Connection]]:
        for statement in _always(method.node.body):
            if not isinstance(statement, cst.Assign) or not isinstance(statement.value, (cst.Call, cst.Await)):
                continue
            path = dotted(statement.targets[0].target) or ""
            if path.startswith("self.") and (spec := self._connects(statement.value, method)):
                yield path.removeprefix("self."), spec

    def _connects(self, node: cst.BaseExpression, method: FunctionInfo) -> Connection | None:
        value = self.resolver.static(node, method, method.module)
        if not isinstance(value, Lent) or value.spec is None or not value.spec.tracked or value.spec.lazy:
            return None
        return None if value.spec.memory_arguments and '":memory:"' in code(node).replace("'", '"') else value.spec

    def _called_always(self, init: FunctionInfo, cls: ClassInfo) -> Iterator[FunctionInfo]:
        for statement in _always(init.node.body):
            if isinstance(statement, cst.Expr) and isinstance(statement.value, cst.Call):
                path = code(statement.value.func)
                if path == "super().__init__" and isinstance(base := self.resolver.parent(init), Instance):
                    method = self.resolver.method(base.type, "__init__") if isinstance(base.type, ClassInfo) else None
                else:
                    method = self.resolver.method(cls, path[5:]) if path.startswith("self.") else None
                if method is not None:
                    yield method


def _always(body: cst.BaseSuite) -> Iterator[cst.BaseSmallStatement]:
    """The simple statements that run whenever a function ends normally, as far as that is plain to see."""
    for node in body.body:
        if isinstance(node, cst.SimpleStatementLine):
            yield from node.body
        elif isinstance(node, cst.With):
            yield from _always(node.body)
        elif isinstance(node, cst.If):
            return  # what follows may depend on it


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
