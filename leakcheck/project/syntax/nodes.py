"""Ways through the standard library's syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from typing import Any

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (*FUNCTIONS, ast.ClassDef, ast.Lambda)
_CLOSED = frozenset(SCOPES)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(body: Iterable[ast.stmt], prefix: str = "") -> Iterator[tuple[str, Function]]:
    """The functions in some statements, nested ones too, by qualified name."""
    for node in body:
        if isinstance(node, FUNCTIONS):
            yield prefix + node.name, node
            yield from functions(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.ClassDef):
            yield from functions(node.body, f"{prefix}{node.name}.")
        else:
            for block in blocks(node):
                yield from functions(block, prefix)


def statements(body: Iterable[ast.stmt], kinds: tuple[type[ast.AST], ...]) -> Iterator[ast.stmt]:
    """The outermost statements of some kinds, whatever they stand in."""
    for node in body:
        if isinstance(node, kinds):
            yield node
        else:
            for block in blocks(node):
                yield from statements(block, kinds)


def blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The blocks of a compound statement."""
    for part in (node, *getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        for field in ("body", "orelse", "finalbody"):
            if found := getattr(part, field, None):
                yield found


def own(function: Function) -> Iterator[ast.AST]:
    """What is in a function, but not inside functions and classes in it; parents come first."""
    return below(_parts(function), _CLOSED)


def below(nodes: Iterable[ast.AST], closed: Collection[type[ast.AST]] = ()) -> Iterator[ast.AST]:
    """Some nodes and what is below them, but not inside closed kinds of nodes, types left out; parents come first."""
    pending: list[Any] = list(nodes)
    while pending:
        node = pending.pop()
        kind = type(node)
        fields = _PARTS[kind]
        if fields is None:
            continue
        yield node
        if kind not in closed:
            for field in fields:
                value = getattr(node, field, None)
                if type(value) is list:
                    pending += value
                elif value is not None:
                    pending.append(value)


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """The children that are run: an annotation is only there to be read."""
    for field in _PARTS[type(node)] or ():
        value = getattr(node, field, None)
        if isinstance(value, list):
            yield from (item for item in value if isinstance(item, ast.AST))
        elif isinstance(value, ast.AST):
            yield value


class _Parts(dict[type, tuple[str, ...] | None]):
    """For each kind of node the fields that may hold such children; None for what stands beside nodes and is none."""

    def __missing__(self, kind: type) -> tuple[str, ...] | None:
        fields = kind._fields if issubclass(kind, ast.AST) else None
        self[kind] = found = None if fields is None else tuple(field for field in fields if field not in _NO_PARTS)
        return found


_NO_PARTS = frozenset({"annotation", "returns", "ctx", "op", "ops", "id", "attr", "name", "arg", "asname", "kind"})
_PARTS = _Parts()


def used(node: ast.AST) -> Iterator[str]:
    """The name that a node calls, or reads as an attribute."""
    if isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        yield node.func.id


def terminal(node: ast.AST) -> str:
    """The last name of a callee: `c` of `a.b.c`, `x` of `x`, "" of anything else."""
    return node.attr if isinstance(node, ast.Attribute) else name(node)


def path(node: ast.AST) -> str:
    """`a.b.c` of a name or a chain of attributes of one, else ""."""
    if isinstance(node, ast.Attribute):
        owner = path(node.value)
        return owner and f"{owner}.{node.attr}"
    return name(node)


def imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """Each name that an import statement binds, with the qualified name it stands for, as written."""
    base = "" if isinstance(node, ast.Import) else "." * node.level + (node.module or "")
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            yield alias.asname or alias.name, base + "." * (not base.endswith(".")) + alias.name
        else:
            top = alias.name.partition(".")[0]
            yield (alias.asname, alias.name) if alias.asname else (top, top)


def name(node: ast.AST) -> str:
    """Of a name."""
    return node.id if isinstance(node, ast.Name) else ""
