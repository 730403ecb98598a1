"""What runs between a release and the end of a region: if the release moves there, does anything change?"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from leakcheck.fixes.syntax import LOOPS, Tree, Try, dotted, inner, leaves
from leakcheck.fixes.talk import talks


def after(tree: Tree, unit: ast.stmt, region: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run after `unit` on the way to the end of the region, those of other branches left out."""
    current: ast.stmt | ast.AST = unit
    while not any(current is statement for statement in region):
        if isinstance(current, (ast.stmt, ast.ExceptHandler)):
            yield from _following(tree, current)
            if isinstance(current, ast.stmt) and leaves(tree.block(current).body):
                yield from _finals(tree, current, region)
                return
        up = tree.parent(current)
        assert up is not None
        current = up
    index = next(n for n, statement in enumerate(region) if statement is current)
    yield from region[index + 1 :]


def _following(tree: Tree, node: ast.AST) -> Iterator[ast.stmt]:
    """The rest of the block, and what its owner runs next."""
    block = tree.block(node)
    if block.field == "handlers":
        yield from getattr(block.owner, "finalbody", ())
        return
    body = block.body
    yield from body[next(n for n, s in enumerate(body) if s is node) + 1 :]
    if isinstance(block.owner, Try) and block.field in ("body", "orelse"):
        yield from block.owner.orelse if block.field == "body" else ()
        yield from block.owner.finalbody
    elif isinstance(block.owner, LOOPS) and not leaves(body):
        yield block.owner  # comes round again


def _finals(tree: Tree, node: ast.AST, region: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The `finally` blocks that a jump out of the region passes."""
    for up in tree.parents(node):
        if isinstance(up, Try) and node not in up.finalbody:
            yield from up.finalbody
        if any(up is statement for statement in region):
            return
        node = up


def above(tree: Tree, unit: ast.stmt, region: list[ast.stmt]) -> Iterator[ast.AST]:
    """The statements around a unit, up to the region's own."""
    node: ast.AST = unit
    while not any(node is statement for statement in region):
        up = tree.parent(node)
        assert up is not None
        node = up
        yield node


def inert(statement: ast.stmt) -> bool:
    """Whether nobody can tell if the connection is released before or after it."""
    if isinstance(
        statement, (ast.Pass, ast.Break, ast.Continue, ast.Global, ast.Nonlocal, ast.Raise, ast.Import, ast.ImportFrom)
    ):
        return True
    if isinstance(statement, ast.If):
        parts = [*statement.body, *statement.orelse]
        return _quiet(statement.test) and all(map(inert, parts))
    if isinstance(statement, (ast.Return, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr)):
        return statement.value is None or _quiet(statement.value)
    return False


def _quiet(value: ast.expr) -> bool:
    """Evaluates without doing anything but, perhaps, tell the user."""
    if isinstance(value, (ast.Yield, ast.YieldFrom, ast.Await)):
        return False
    calls = [n for n in inner(value) if isinstance(n, ast.Call)]
    return all(talks(call) or _builds(call) for call in calls) and not any(
        isinstance(n, (ast.Yield, ast.YieldFrom, ast.Await, ast.NamedExpr)) for n in inner(value)
    )


def _builds(call: ast.Call) -> bool:
    return dotted(call.func) in {"str", "len", "int", "dict", "bool", "float", "list", "tuple", "repr", "format"} or (
        isinstance(call.func, ast.Attribute) and call.func.attr in ("format", "join", "get", "strip", "append")
    )
