"""Classes of the project: their methods, bases and fields, as far as those can be told without running anything."""

from __future__ import annotations

import libcst as cst

from leakcheck.catalogue import Catalogue
from leakcheck.flow.values import UNKNOWN, Class, Const, Instance, Symbol, Value
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo, Module, Scope
from leakcheck.words import words

DEPTH = 6  # of bases, names and calls followed


class Classes:
    """The part of the resolver that looks into classes."""

    catalogue: Catalogue

    def __init__(self) -> None:
        self._fields: dict[tuple[ClassInfo, str], Value] = {}
        self._bases: dict[ClassInfo, list[ClassInfo | str]] = {}  # where all of them are known

    # The resolver answers these.
    def name(self, name: str, scope: Scope, module: Module, depth: int = DEPTH) -> Value:
        raise NotImplementedError

    def attribute(self, value: Value, name: str, asker: Module) -> Value:
        raise NotImplementedError

    def static(self, node: cst.BaseExpression, scope: Scope, module: Module, depth: int = DEPTH) -> Value:
        raise NotImplementedError

    def canonical(self, name: str) -> str:
        raise NotImplementedError

    def annotation(self, node: cst.BaseExpression, module: Module) -> Value:
        raise NotImplementedError

    def method(self, cls: ClassInfo, name: str, depth: int = DEPTH) -> FunctionInfo | None:
        """A method of a class or of its bases, as far as those are in the project."""
        if name in cls.methods:
            return cls.methods[name]
        for base in self.bases(cls) if depth > 0 else ():
            if isinstance(base, ClassInfo) and (found := self.method(base, name, depth - 1)):
                return found
        return None

    def constructor(self, cls: ClassInfo) -> FunctionInfo | None:
        """What runs when an object is made: `__init__`, or what a dataclass calls at the end of its own."""
        return self.method(cls, "__init__") or self.method(cls, "__post_init__")

    def arguments(self, cls: ClassInfo) -> tuple[str, ...]:
        """What the constructor takes that a decorator makes, by the names of the fields; nothing of any other."""
        if self.method(cls, "__init__") is not None or not self._is_made_by_decorator(cls):
            return ()
        return tuple(dict.fromkeys(name for owner in reversed(self.family(cls)) for name in owner.annotated))

    def _is_made_by_decorator(self, cls: ClassInfo) -> bool:
        makers = words().makes_constructors
        decorators = (self.dotted(name, cls.parent, cls.module) for name in cls.decorators)
        return any(isinstance(value, Symbol) and value.name in makers for value in decorators)

    def bases(self, cls: ClassInfo) -> list[ClassInfo | str]:
        """The direct bases: classes of the project, or qualified names."""
        if cls in self._bases:
            return self._bases[cls]
        self._bases[cls] = []  # while they are being found: `class Compiler(Compiler.base)` ends here
        found: list[ClassInfo | str] = []
        for base in cls.bases:
            value = self.dotted(base, cls.parent, cls.module)
            if isinstance(value, Class):
                found.append(value.info)
            elif isinstance(value, Symbol):
                found.append(value.name)
        del self._bases[cls]
        if len(found) == len(cls.bases):  # else one may be known later, that is just being looked for
            self._bases[cls] = found
        return found

    def parent(self, scope: Scope) -> Value:
        """What `super()` gives in a method: the object as one of its class' first base."""
        while isinstance(scope, FunctionInfo) and scope.cls is None:
            scope = scope.parent
        cls = scope.cls if isinstance(scope, FunctionInfo) else None
        bases = self.bases(cls) if cls is not None else []
        return Instance(bases[0]) if bases else UNKNOWN

    def ancestors(self, cls: ClassInfo, depth: int = DEPTH) -> list[ClassInfo | str]:
        """The class and all its bases, nearest first."""
        found: list[ClassInfo | str] = [cls]
        for base in self.bases(cls) if depth > 0 else ():
            found += self.ancestors(base, depth - 1) if isinstance(base, ClassInfo) else [base]
        return found

    def family(self, cls: ClassInfo) -> list[ClassInfo]:
        """Those of them that are in the project."""
        return [owner for owner in self.ancestors(cls) if isinstance(owner, ClassInfo)]

    def libraries(self, cls: ClassInfo) -> list[str]:
        """The libraries' classes among its bases, by the catalogue's names, nearest first."""
        return [self.canonical(base) for base in self.ancestors(cls) if isinstance(base, str)]

    def inherited_name(self, cls: ClassInfo, method: str) -> str | None:
        """A method that a project class has from a library's class."""
        names = (f"{base}.{method}" for base in self.libraries(cls))
        return next((n for n in names if n in self.catalogue.by_acquire or n in self.catalogue.waits.gives), None)

    def inherited(self, cls: ClassInfo, name: str) -> Value:
        """An attribute that it has from such a class."""
        known = self.catalogue.attributes
        held = (known.get(f"{base}.{name}") for base in self.libraries(cls))
        return next((Instance(type_) for type_ in held if type_), UNKNOWN)

    def field(self, cls: ClassInfo, name: str) -> Value:
        """What `self.name` holds, from the assignments in the class' methods, its body and its bases."""
        key = (cls, name)
        if key not in self._fields:
            self._fields[key] = UNKNOWN
            self._fields[key] = self._field(cls, name)
        return self._fields[key]

    def _field(self, cls: ClassInfo, name: str) -> Value:
        for owner in self.ancestors(cls):
            if isinstance(owner, ClassInfo):
                for function, value in owner.assigned(name):
                    found = self.static(value, function or owner, owner.module)
                    if found is not UNKNOWN and not isinstance(found, Const):
                        return found
                if annotation := owner.annotation(name):
                    return self.annotation(annotation, owner.module)
        return UNKNOWN

    def dotted(self, name: str, scope: Scope, module: Module) -> Value:
        """A dotted name as seen from a scope."""
        first, *rest = name.split(".")
        value = self.name(first, scope, module)
        for part in rest:
            value = self.attribute(value, part, module)
        return value
