"""By which names a text hands out what it acquires. Read with the standard library's parser, for it is asked of many
texts and few of them matter."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from leakcheck.project.syntax.nodes import SCOPES, Function, below, blocks, functions, name, own, terminal, used

_NAMING = ("id", "attr", "name", "arg", "asname")  # fields of nodes that are names
_MANAGERS = frozenset({"contextmanager", "asynccontextmanager"})


class Giver(NamedTuple):
    """Something with a name; it gives a connection if one of the others acquires one."""

    name: str  # of a function or method: with those of what it stands in
    others: frozenset[str]


def givers(body: Iterable[ast.stmt], prefix: str = "") -> Iterator[Giver]:
    """The functions in some statements, nested ones too, that return or yield anything."""
    for found, function in functions(body, prefix):
        if others := _handed_over(function):
            yield Giver(found, others)


def aliases(body: Iterable[ast.stmt]) -> Iterator[Giver]:
    """Names that some statements give to what may acquire: `open_db = sqlite3.connect`, partials, lambdas."""
    for node in body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            others = _meant(node.value)
            yield from (Giver(target.id, others) for target in targets if isinstance(target, ast.Name) and others)
        elif isinstance(node, ast.ClassDef) or not isinstance(node, SCOPES):
            for block in blocks(node):
                yield from aliases(block)


def makers(body: Iterable[ast.stmt]) -> Iterator[Giver]:
    """Names and fields that hold what a call makes: `SessionLocal = sessionmaker(...)`, with the name called."""
    for node in (part for statement in body for part in ast.walk(statement)):
        for target, value in _assignments(node):
            if isinstance(value, ast.Call) and (held := name(target) or _field(target)):
                yield Giver(held, frozenset({terminal(value.func)}))


def _meant(value: ast.expr) -> frozenset[str]:
    """What an alias stands for."""
    if isinstance(value, ast.Call) and terminal(value.func) == "partial" and value.args:
        value = value.args[0]
    if isinstance(value, ast.Lambda):
        return frozenset(_called(value.body))
    return frozenset(filter(None, [terminal(value)]))


def _handed_over(function: Function) -> frozenset[str]:
    """What is called, or read as an attribute, for the sake of what the function returns or yields."""
    if any(terminal(d.func if isinstance(d, ast.Call) else d) in _MANAGERS for d in function.decorator_list):
        return frozenset(_mentioned(function))  # one that yields only a cursor has the connection for its block
    pending: list[ast.expr] = []
    assigned: dict[str, list[ast.expr]] = {}
    nodes = list(own(function))
    given = {argument.arg for argument in (*function.args.posonlyargs, *function.args.args)}
    yields = any(isinstance(node, ast.Yield) for node in nodes)  # what it yields out of a block is open still
    for node in nodes:
        if isinstance(node, (ast.Return, ast.Yield)):
            pending += [node.value] if node.value is not None else []
        elif isinstance(node, ast.withitem):
            if yields and node.optional_vars is not None:
                assigned.setdefault(name(node.optional_vars), []).append(node.context_expr)
        else:
            for target, value in _assignments(node):
                owner = target.value if isinstance(target, ast.Attribute) else None  # `store.conn = connect()`
                if owner is None or name(owner) not in given:
                    assigned.setdefault(name(owner or target), []).append(value)
    others: set[str] = set()
    while pending:
        expression = pending.pop()
        others.update(_called(expression))
        for held in _held(expression):
            pending += assigned.pop(held, ())
    return frozenset(others)


def _assignments(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Each target with its expression: `a, b = x, y` is two assignments, and so is `a, b = pair()`."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _pairs(target, node.value)
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        yield node.target, node.value


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for left, right in zip(target.elts, value.elts, strict=True):
            yield from _pairs(_unstarred(left), _unstarred(right))
    elif isinstance(target, (ast.Tuple, ast.List)):
        for part in target.elts:
            yield from _pairs(_unstarred(part), value)
    else:
        yield target, value


def _held(node: ast.expr) -> Iterator[str]:
    """Names whose value may be in that of an expression."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, (ast.Tuple, ast.List, ast.Dict, ast.IfExp, ast.BoolOp, ast.Await)):
        for part in ast.iter_child_nodes(node):
            if isinstance(part, ast.expr):
                yield from _held(part)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        yield from _held(node.func.value)
    elif isinstance(node, ast.Call):
        for argument in (*map(_unstarred, node.args), *(keyword.value for keyword in node.keywords)):
            yield from _held(argument)


def _called(node: ast.AST) -> Iterator[str]:
    """Names that are called somewhere in an expression, or read as an attribute."""
    return (found for part in below([node]) for found in used(part))


def _mentioned(function: ast.AST) -> Iterator[str]:
    """Every name in a function, but for types and for the keywords of calls."""
    for part in below([function]):
        for value in (getattr(part, field, None) for field in _NAMING if type(part) is not ast.keyword):
            if isinstance(value, str):
                yield from value.split(".")
        if isinstance(part, (ast.Global, ast.Nonlocal)):
            yield from part.names


def _unstarred(node: ast.expr) -> ast.expr:
    return node.value if isinstance(node, ast.Starred) else node


def _field(node: ast.expr) -> str:
    """`x` of `self.x`, else ""."""
    return node.attr if isinstance(node, ast.Attribute) and name(node.value) in ("self", "cls") else ""
