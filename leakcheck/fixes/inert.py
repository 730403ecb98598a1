"""Expressions whose evaluation nobody notices: they may be moved ahead of a statement that goes to the database."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from leakcheck.fixes.spot import Spot
from leakcheck.fixes.syntax import terminal

_DISPLAYS = (ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp, ast.Constant)
_SIZED = frozenset({
    "list", "tuple", "dict", "set", "frozenset", "List", "Tuple", "Dict", "Set", "Sequence", "Mapping", "Collection",
    "FrozenSet",
})  # fmt: skip
_READS_ALL = frozenset({"list", "tuple", "sorted", "set", "dict", "frozenset", "range"})
_READ = frozenset({"fetchall", "fetchmany", "split", "splitlines", "readlines", "copy", "all"})
_VIEWS = frozenset({"items", "values", "keys"})
_AROUND = frozenset({"enumerate", "zip", "reversed"})


def is_inert(node: ast.expr, spot: Spot) -> bool:
    """Names, literals, items, attributes, operators, and calls of functions that are known to do nothing else."""
    for part in ast.walk(node):
        if isinstance(part, (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr, ast.Lambda)):
            return False
        if isinstance(part, ast.Call) and not _is_plain(part, spot):
            return False
    return True


def _is_plain(call: ast.Call, spot: Spot) -> bool:
    """`str(x)`, `name.strip()`, `json.dumps(x)`."""
    function = spot.around.catalogue.function
    if isinstance(call.func, ast.Name):
        imported = spot.file.module.imports.get(call.func.id)
        known = function(imported or f"builtins.{call.func.id}")
        return "never-raises" in known or call.func.id in ("int", "float")
    name = terminal(call.func)
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    module = spot.file.module.imports.get(owner.id) if isinstance(owner, ast.Name) else None
    known = function(f"{module}.{name}") if module else function(f"*.{name}")
    return "never-raises" in known and name not in ("clear", "append", "add", "extend", "discard", "appendleft")


def is_materialised(node: ast.expr, spot: Spot) -> bool:
    """Whether an iterable is a collection that stands in memory: reading it ahead reads nothing else."""
    if isinstance(node, _DISPLAYS):
        return True
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Slice)
    if isinstance(node, ast.Call):
        return _gives_collection(node, spot)
    return isinstance(node, ast.Name) and _is_collection(node.id, spot)


def _gives_collection(call: ast.Call, spot: Spot) -> bool:
    name = terminal(call.func)
    if isinstance(call.func, ast.Name):
        if name in _AROUND:
            return all(is_materialised(argument, spot) for argument in call.args)
        return name in _READS_ALL
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    return name in _READ or (name in _VIEWS and isinstance(owner, ast.expr) and is_materialised(owner, spot))


def _is_collection(name: str, spot: Spot) -> bool:
    """By everything the function binds it to, by its annotation, or because its length is asked for."""
    given = list(_given(name, spot))
    if given and all(isinstance(g, ast.expr) and is_materialised(g, spot) for g in given):
        return True
    asked = (n for n in ast.walk(spot.scope) if isinstance(n, ast.Call) and terminal(n.func) == "len" and n.args)
    return any(isinstance(n.args[0], ast.Name) and n.args[0].id == name for n in asked)


def _given(name: str, spot: Spot) -> Iterator[ast.expr | None]:
    """What a name may stand for; None for what is not in sight."""
    for node in ast.walk(spot.scope):
        if isinstance(node, ast.Assign) and any(name in _targets(target) for target in node.targets):
            yield node.value if any(isinstance(t, ast.Name) for t in node.targets) else None
        elif isinstance(node, ast.AnnAssign) and name in _targets(node.target):
            yield node.value
        elif any(name in _targets(target) for target in _others(node)):
            yield None
        elif isinstance(node, ast.arg) and node.arg == name:
            sized = node.annotation is not None and terminal(_outer(node.annotation)) in _SIZED
            yield ast.List([], ast.Load()) if sized else None
    if spot.function is None or not any(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store)
                                        for n in ast.walk(spot.scope)):  # fmt: skip
        for statement in spot.tree.module.body if spot.function else ():
            if isinstance(statement, ast.Assign) and any(name in _targets(t) for t in statement.targets):
                yield statement.value


def _others(node: ast.AST) -> list[ast.expr]:
    """Targets that get one after the other, or what a block gives."""
    if isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
        return [node.target]
    return [node.optional_vars] if isinstance(node, ast.withitem) and node.optional_vars else []


def _outer(annotation: ast.expr) -> ast.expr:
    return annotation.value if isinstance(annotation, ast.Subscript) else annotation


def _targets(node: ast.expr) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
