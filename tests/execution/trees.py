"""Finding one's way in a program's syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef
ACQUIRERS = {"connect", "getconn", "get_connection", "acquire", "connection", "raw_connection", "SessionLocal"}
OPENERS = {"open_connection", "try_connect", "_connect", "Connection"}
RELEASERS = {"close", "putconn", "release"}
CURSORS = {"cur", "cursor"}


def blocks(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    """Every list of statements inside functions."""
    for function in functions(tree):
        for node in ast.walk(function):
            for name in ("body", "orelse", "finalbody"):
                if isinstance(block := getattr(node, name, None), list) and block and isinstance(block[0], ast.stmt):
                    yield block


def functions(tree: ast.AST) -> list[Function]:
    """Every function."""
    return [node for node in ast.walk(tree) if isinstance(node, Function)]


def places(tree: ast.AST) -> Iterator[tuple[list[ast.stmt], int]]:
    """Every statement inside a function, as a block and an index."""
    seen: set[int] = set()
    for block in blocks(tree):
        if id(block) not in seen:
            seen.add(id(block))
            yield from ((block, index) for index in range(len(block)))


def tries(tree: ast.AST) -> Iterator[tuple[list[ast.stmt], int, ast.Try]]:
    """Every `try`, with its place."""
    for block, index in places(tree):
        if isinstance(found := block[index], ast.Try):
            yield block, index, found


def bare(expression: ast.expr | None) -> ast.expr | None:
    """The expression without `await`."""
    return expression.value if isinstance(expression, ast.Await) else expression


def called(expression: ast.expr | None) -> str:
    """The last name of what is called, or nothing."""
    call = bare(expression)
    if not isinstance(call, ast.Call):
        return ""
    return getattr(call.func, "attr", "") or getattr(call.func, "id", "")


def acquired(statement: ast.stmt) -> str:
    """The name that a statement binds to a new connection, or nothing."""
    if not isinstance(statement, ast.Assign) or called(statement.value) not in ACQUIRERS | OPENERS:
        return ""
    return getattr(statement.targets[0], "id", "")


def released(statement: ast.stmt) -> str:
    """The name of the connection that a statement releases, or nothing."""
    if not isinstance(statement, ast.Expr) or called(statement.value) not in RELEASERS:
        return ""
    call = bare(statement.value)
    assert isinstance(call, ast.Call)
    target = call.args[0] if call.args else getattr(call.func, "value", None)
    name = getattr(target, "id", "")
    return "" if name in CURSORS else name


def parsed(text: str) -> list[ast.stmt]:
    """Statements from text."""
    return ast.parse(text).body


def is_coroutine(tree: ast.AST, block: list[ast.stmt]) -> bool:
    """Is this block inside an async function?"""
    owners = [function for function in functions(tree) if any(block is inner for inner in blocks_of(function))]
    return bool(owners) and isinstance(owners[-1], ast.AsyncFunctionDef)


def blocks_of(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """Every list of statements below a node."""
    for inner in ast.walk(node):
        for name in ("body", "orelse", "finalbody"):
            if isinstance(block := getattr(inner, name, None), list):
                yield block
