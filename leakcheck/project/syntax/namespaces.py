"""What the names in a function are bound to, flow left aside. Read with the standard library's parser."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

from leakcheck.project.syntax.nodes import FUNCTIONS, Function, below, blocks, imported, path
from leakcheck.records import dataclass

_DEFINITIONS = (*FUNCTIONS, ast.ClassDef)
_CLOSED = frozenset(_DEFINITIONS)


@dataclass(frozen=True)
class Entered:
    """What `with` makes of an expression."""

    node: ast.expr


@dataclass(frozen=True)
class Imported:
    """By a qualified name, as written."""

    name: str


@dataclass(frozen=True)
class Parameter:
    """Of the function itself."""

    node: ast.arg
    is_first: bool
    default: ast.expr | None = None


class Unclear:
    """What cannot be told."""


UNCLEAR = Unclear()
Origin = ast.expr | Entered | Imported | Parameter | Unclear
_Bound = Iterator[tuple[str, Origin | None]]


class Namespace:
    """A function's own body with the lambdas in it, or a module's top level."""

    def __init__(self, function: Function | None, body: Sequence[ast.stmt], parent: Namespace | None = None,
                 in_class: bool = False, name: str = "") -> None:  # fmt: skip
        self.function, self.body, self.parent = function, body, parent
        self.in_class, self.name = in_class, name  # qualified within the statement it stands in

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Everything that is run with the function, parents first; types are not."""
        return list(below(self.body, _CLOSED))

    @property
    def has_definitions(self) -> bool:
        """Whether functions or classes are nested in it."""
        return any(isinstance(node, _DEFINITIONS) for node in self.nodes)

    @cached_property
    def mentions(self) -> list[tuple[ast.Name | ast.Attribute, ast.AST | None]]:
        """The names and attributes that are not assigned to, each with the expression it is the head of, if any; those
        that parameters are by default, too."""
        owners: dict[ast.AST, ast.AST] = {}
        found = []
        for node in (*self.nodes, *below(self._defaults.values())):
            kind = type(node)
            if kind is ast.Attribute or kind is ast.Subscript:
                owners[node.value] = node  # type: ignore[attr-defined]
            elif kind is ast.Call:
                owners[node.func] = node  # type: ignore[attr-defined]
            elif kind is ast.Compare:
                owners.update((part, node) for part in (node.left, *node.comparators))  # type: ignore[attr-defined]
            if (kind is ast.Name or kind is ast.Attribute) and type(node.ctx) is not ast.Store:  # type: ignore[attr-defined]
                found.append((node, owners.get(node)))
        return found  # type: ignore[return-value]

    @cached_property
    def bound(self) -> dict[str, list[Origin]]:
        """What each name or dotted path may be; an empty list, if that is nothing anybody knows something of."""
        found: dict[str, list[Origin]] = {}
        for name, origin in self._bindings():
            origins = found.setdefault(name, [])
            if origin is not None:
                origins.append(origin)
        return found

    @cached_property
    def outer(self) -> frozenset[str]:
        """Names that are declared to belong to a space around this one."""
        declared = (node for node in self.nodes if isinstance(node, (ast.Global, ast.Nonlocal)))
        return frozenset(name for node in declared for name in node.names)

    @cached_property
    def stored(self) -> list[ast.expr]:
        """What is put somewhere by an index."""
        assigned = ((node, part) for node in self.nodes if isinstance(node, ast.Assign) for part in node.targets)
        return [node.value for node, target in assigned if any(type(n) is ast.Subscript for n in ast.walk(target))]

    @cached_property
    def _defaults(self) -> dict[str, ast.expr]:
        """By parameter, the name or attribute that it is by default."""
        arguments = self.function.args if self.function else ast.arguments([], [], None, [], [], None, [])
        plain = [*arguments.posonlyargs, *arguments.args]
        given = [*zip(reversed(plain), reversed(arguments.defaults), strict=False)]
        given += [(p, d) for p, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None]
        return {parameter.arg: value for parameter, value in given if isinstance(value, (ast.Name, ast.Attribute))}

    def _bindings(self) -> _Bound:
        arguments = self.function.args if self.function else ast.arguments([], [], None, [], [], None, [])
        stars = [star for star in (arguments.vararg, arguments.kwarg) if star]
        for index, parameter in enumerate([*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *stars]):
            yield parameter.arg, Parameter(parameter, index == 0, self._defaults.get(parameter.arg))
        for node in self.nodes:
            if binder := _BINDERS.get(type(node)):
                yield from binder(node)


def namespaces(body: Iterable[ast.stmt], prefix: str = "", parent: Namespace | None = None, in_class: bool = False
           ) -> Iterator[Namespace]:  # fmt: skip
    """Of the functions in some statements, nested ones too."""
    for node in body:
        if isinstance(node, FUNCTIONS):
            space = Namespace(node, node.body, parent, in_class, prefix + node.name)
            yield space
            yield from namespaces(node.body, f"{space.name}.", space)
        elif isinstance(node, ast.ClassDef):
            yield from namespaces(node.body, f"{prefix}{node.name}.", parent, True)
        else:
            for block in blocks(node):
                yield from namespaces(block, prefix, parent, in_class)


def _assigned(target: ast.expr, origin: Origin | None) -> _Bound:
    """What is unpacked may be any part of it."""
    if isinstance(target, (ast.Tuple, ast.List)):
        values = origin.elts if isinstance(origin, ast.Tuple) and len(origin.elts) == len(target.elts) else ()
        for index, element in enumerate(target.elts):
            yield from _assigned(element, values[index] if values else origin)
    elif isinstance(target, ast.Starred):
        yield from _assigned(target.value, origin)
    elif name := path(target):
        yield name, origin


def _assign(node: ast.Assign) -> _Bound:
    for target in node.targets:
        yield from _assigned(target, node.value)


def _annotate(node: ast.AnnAssign) -> _Bound:
    return _assigned(node.target, node.value)


def _walrus(node: ast.NamedExpr) -> _Bound:
    return _assigned(node.target, node.value)


def _enter(node: ast.withitem) -> _Bound:
    return _assigned(node.optional_vars, Entered(node.context_expr)) if node.optional_vars else iter(())


def _unknown(node: Any) -> _Bound:
    return _assigned(node.target, None)


def _argument(node: ast.arg) -> _Bound:
    """Of a lambda: elsewhere the name may be another's."""
    yield node.arg, UNCLEAR


def _handler(node: ast.ExceptHandler) -> _Bound:
    if node.name:
        yield node.name, None


def _defined(node: Any) -> _Bound:
    """By a definition, or by a pattern."""
    if name := getattr(node, "name", None) or getattr(node, "rest", None):
        yield name, UNCLEAR


def _import(node: ast.Import | ast.ImportFrom) -> _Bound:
    return ((name, Imported(qualified)) for name, qualified in imported(node))


_BINDERS: dict[type[ast.AST], Callable[[Any], _Bound]] = {
    ast.Assign: _assign,
    ast.AnnAssign: _annotate,
    ast.NamedExpr: _walrus,
    ast.withitem: _enter,
    ast.AugAssign: _unknown,
    ast.For: _unknown,
    ast.AsyncFor: _unknown,
    ast.comprehension: _unknown,
    ast.arg: _argument,
    ast.ExceptHandler: _handler,
    **dict.fromkeys(_DEFINITIONS, _defined),
    **dict.fromkeys((ast.MatchAs, ast.MatchStar, ast.MatchMapping), _defined),
    ast.Import: _import,
    ast.ImportFrom: _import,
}
