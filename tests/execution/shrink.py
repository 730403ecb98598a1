"""Makes a program smaller while it still shows the same disagreement."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.execution.oracle import Program
from tests.execution.trees import blocks_of

STEPS = 400
# Of the module only these may go: a missing import would look like a fault.
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def shrunk(program: Program, still: Callable[[Program], bool]) -> Program:
    """Drop and unwrap statements as long as `still` holds."""
    steps = STEPS
    smaller = True
    while smaller and steps > 0:
        smaller = False
        for text in candidates(program.source):
            steps -= 1
            attempt = replace(program, source=text)
            if text != program.source and _holds(still, attempt):
                program, smaller = attempt, True
                break
            if steps <= 0:
                break
    return program


def _holds(still: Callable[[Program], bool], program: Program) -> bool:
    try:
        return still(program)
    except Exception:  # whatever a half-deleted program does, it is not the disagreement
        return False


def candidates(source: str) -> Iterator[str]:
    """Every program that is one statement smaller, the later statements first."""
    for number in reversed(range(sum(len(block) for block in blocks_of(ast.parse(source))))):
        for change in (_delete, _unwrap):
            tree = ast.parse(source)
            block, index = _place(tree, number)
            if (block is not tree.body or isinstance(block[index], DEFINITIONS)) and change(block, index):
                yield ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _place(tree: ast.Module, number: int) -> tuple[list[ast.stmt], int]:
    for block in blocks_of(tree):
        if number < len(block):
            return block, number
        number -= len(block)
    raise IndexError(number)


def _delete(block: list[ast.stmt], index: int) -> bool:
    if not isinstance(block[index], ast.stmt) or isinstance(block[index], ast.Pass):
        return False
    statement = block.pop(index)
    if not block:
        block.append(ast.copy_location(ast.Pass(), statement))
    return True


def _unwrap(block: list[ast.stmt], index: int) -> bool:
    """A compound statement becomes its body; a `try` may lose its `finally` that way."""
    statement = block[index]
    if not isinstance(statement, (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.With)):
        return False
    block[index : index + 1] = statement.body
    return True
