"""Functions and classes of one module, and what their text binds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import libcst as cst

from leakcheck.project.walk import code, dotted, same_scope, string_value, terminal, walk

if TYPE_CHECKING:
    from leakcheck.project.module import Chunk

_ASSIGNING = (cst.AssignTarget, cst.AugAssign, cst.NamedExpr, cst.Assign, cst.AnnAssign, cst.AsName)
_DECLARING = (cst.Import, cst.ImportFrom, cst.Global, cst.Nonlocal, cst.FunctionDef, cst.ClassDef)
_BINDING = frozenset((*_ASSIGNING, *_DECLARING, cst.CompFor, cst.For, cst.MatchAs, cst.MatchStar))


class Bindings:
    """The names a function's own body binds, with the expressions they are assigned where those are plain."""

    def __init__(self, node: cst.FunctionDef) -> None:
        self.assigned: dict[str, list[cst.BaseExpression]] = {}
        self.imports: dict[str, str] = {}
        self.outer: set[str] = set()  # global and nonlocal
        self.names: set[str] = set()
        for part in walk(node.params):
            if type(part) is cst.Param:
                self.names.add(part.name.value)  # a default's lambda may add names: harmless
        for part in walk(node.body, same_scope):
            self._collect(part)
        self.names -= self.outer

    def _collect(self, node: cst.CSTNode) -> None:
        if type(node) not in _BINDING:
            return
        if isinstance(node, (cst.AssignTarget, cst.AugAssign, cst.CompFor, cst.For, cst.NamedExpr)):
            self._bind(node.target)
        elif isinstance(node, cst.Assign):
            for assigned in node.targets:
                for target, value in pairs(assigned.target, node.value):
                    if isinstance(target, cst.Name):
                        self.assigned.setdefault(target.value, []).append(value)
        elif isinstance(node, cst.AnnAssign):
            self._bind(node.target)
            if isinstance(node.target, cst.Name) and node.value is not None:
                self.assigned.setdefault(node.target.value, []).append(node.value)
        elif isinstance(node, cst.AsName):
            self._bind(node.name)
        elif isinstance(node, (cst.Import, cst.ImportFrom)):
            self.imports.update(imported_names(node))
            self.names.update(self.imports)
        elif isinstance(node, (cst.Global, cst.Nonlocal)):
            self.outer.update(item.name.value for item in node.names)
        elif isinstance(node, (cst.FunctionDef, cst.ClassDef)):
            self.names.add(node.name.value)
        elif isinstance(node, (cst.MatchAs, cst.MatchStar)) and node.name is not None:
            self._bind(node.name)

    def _bind(self, target: cst.CSTNode) -> None:
        if isinstance(target, cst.Name):
            self.names.add(target.value)
        elif isinstance(target, (cst.Tuple, cst.List)):
            for element in target.elements:
                self._bind(element.value)


@lru_cache(maxsize=1024)
def _bindings(node: cst.FunctionDef) -> Bindings:
    return Bindings(node)


def pairs(target: cst.BaseExpression, value: cst.BaseExpression) -> Iterator[tuple[cst.BaseExpression, ...]]:
    """Which expression each target is assigned: `a, b = x, y` is two assignments."""
    if isinstance(target, cst.Tuple) and isinstance(value, cst.Tuple) and len(target.elements) == len(value.elements):
        for left, right in zip(target.elements, value.elements, strict=True):
            yield from pairs(left.value, right.value)
    else:
        yield target, value


class FunctionInfo:
    """A function or method definition; compared by identity."""

    def __init__(self, node: cst.FunctionDef, chunk: Chunk, qualname: str, parent: Scope) -> None:
        self.node, self.chunk, self.module, self.qualname, self.parent = node, chunk, chunk.module, qualname, parent
        self.cls = parent if isinstance(parent, ClassInfo) else None
        self.name = node.name.value
        self.place: cst.CSTNode = node.name  # where to point for it

    @cached_property
    def is_generator(self) -> bool:
        return any(type(n) is cst.Yield for n in walk(self.node.body, same_scope))

    @cached_property
    def is_async(self) -> bool:
        return self.node.asynchronous is not None

    @cached_property
    def words(self) -> frozenset[str]:
        """Every name and attribute mentioned in the body, nested functions included."""
        return _words(self.node)

    @cached_property
    def strings(self) -> frozenset[str]:
        """Every string constant of one word in the body."""
        found = (string_value(n) for n in walk(self.node.body) if type(n) is cst.SimpleString)
        return frozenset(text for text in found if text and text.isidentifier())

    @cached_property
    def parameters(self) -> tuple[cst.Param, ...]:
        """All parameters in the order a call fills them: positional, then keyword-only; star ones last."""
        p = self.node.params
        stars = [s for s in (p.star_arg, p.star_kwarg) if isinstance(s, cst.Param)]
        return (*p.posonly_params, *p.params, *p.kwonly_params, *stars)

    @cached_property
    def decorators(self) -> tuple[str, ...]:
        """Dotted names of the decorators as written, innermost last; calls are reduced to their callee."""
        names = []
        for decorator in self.node.decorators:
            node = decorator.decorator
            names.append(dotted(node.func if isinstance(node, cst.Call) else node) or "?")
        return tuple(names)

    @cached_property
    def bindings(self) -> Bindings:
        return _bindings(self.node)

    @cached_property
    def returned(self) -> tuple[cst.BaseExpression, ...]:
        """The expressions returned or yielded."""
        nodes = (n for n in walk(self.node.body, same_scope) if isinstance(n, (cst.Return, cst.Yield)))
        return tuple(n.value for n in nodes if isinstance(n.value, cst.BaseExpression))

    @cached_property
    def local_classes_and_functions(self) -> dict[str, FunctionInfo | ClassInfo]:
        """Functions and classes defined in this function's own body, by name."""
        return {d.name: d for d in self.chunk.definitions if d.parent is self}

    def __repr__(self) -> str:
        return f"<function {self.module.name}:{self.qualname}>"


class ClassInfo:
    """A class definition with its methods; compared by identity."""

    def __init__(self, node: cst.ClassDef, chunk: Chunk, qualname: str, parent: Scope) -> None:
        self.node, self.module, self.qualname, self.parent = node, chunk.module, qualname, parent
        self.name = node.name.value
        self.methods: dict[str, FunctionInfo] = {}

    def add_method(self, method: FunctionInfo) -> None:
        """A property's setter has the getter's name: the getter is the one that gives a value."""
        if not any(d.endswith((".setter", ".deleter")) for d in method.decorators):
            self.methods[method.name] = method

    @cached_property
    def bases(self) -> tuple[str, ...]:
        return tuple(filter(None, (dotted(arg.value) for arg in self.node.bases)))

    @cached_property
    def field_assignments(self) -> dict[str, list[tuple[FunctionInfo | None, cst.BaseExpression]]]:
        """`self.x = expression` in the methods and `x = expression` in the class body, by field."""
        found: dict[str, list[tuple[FunctionInfo | None, cst.BaseExpression]]] = {}
        for method in self.methods.values():
            for node in walk(method.node.body, same_scope):
                if type(node) is cst.Assign:
                    for target in node.targets:
                        if name := _self_field(target.target):
                            found.setdefault(name, []).append((method, node.value))
                elif type(node) is cst.AnnAssign and node.value is not None and (name := _self_field(node.target)):
                    found.setdefault(name, []).append((method, node.value))
        for node in walk(self.node.body, same_scope):
            if type(node) is cst.Assign:
                for target in node.targets:
                    if isinstance(target.target, cst.Name):
                        found.setdefault(target.target.value, []).append((None, node.value))
        return found

    @cached_property
    def field_annotations(self) -> dict[str, cst.BaseExpression]:
        """`x: T` in the class body (dataclass fields too) and `self.x: T = …` in the methods."""
        found: dict[str, cst.BaseExpression] = {}
        for body in (self.node.body, *(m.node.body for m in self.methods.values())):
            for node in walk(body, same_scope):
                if type(node) is cst.AnnAssign:
                    name = _self_field(node.target) or (node.target.value if isinstance(node.target, cst.Name) else "")
                    if name and (body is self.node.body or _self_field(node.target)):
                        found.setdefault(name, node.annotation.annotation)
        return found

    def __repr__(self) -> str:
        return f"<class {self.module.name}:{self.qualname}>"


Scope = FunctionInfo | ClassInfo | None


def function_of(node: cst.Lambda, chunk: Chunk, parent: Scope) -> FunctionInfo:
    """A lambda as the function it abbreviates."""
    body = cst.IndentedBlock([cst.SimpleStatementLine([cst.Return(node.body)])])
    info = FunctionInfo(cst.FunctionDef(cst.Name("lambda_"), node.params, body), chunk, "<lambda>", parent)
    info.name, info.place = "lambda", node
    return info


def _self_field(target: cst.CSTNode) -> str:
    """`x` of `self.x`, else ""."""
    if (
        isinstance(target, cst.Attribute)
        and isinstance(target.value, cst.Name)
        and target.value.value in ("self", "cls")
    ):
        return target.attr.value
    return ""


@lru_cache(maxsize=1024)
def _words(node: cst.CSTNode) -> frozenset[str]:
    return frozenset(n.value for n in walk(node) if type(n) is cst.Name)


def imported_names(node: cst.Import | cst.ImportFrom, stars: list[str] | None = None) -> dict[str, str]:
    """What an import statement binds: name -> qualified name as written (`from .db import get` gives `.db.get`)."""
    bound: dict[str, str] = {}
    if isinstance(node, cst.Import):
        for alias in node.names:
            name = code(alias.name)
            if alias.asname is not None:
                bound[terminal(alias.asname.name)] = name
            else:
                top = name.split(".")[0]
                bound[top] = top
        return bound
    base = "." * len(node.relative) + (code(node.module) if node.module else "")
    if isinstance(node.names, cst.ImportStar):
        if stars is not None:
            stars.append(base)
        return bound
    for alias in node.names:
        name = code(alias.name)
        target = terminal(alias.asname.name) if alias.asname else name
        bound[target] = f"{base}{name}" if base.endswith(".") else f"{base}.{name}"
    return bound
