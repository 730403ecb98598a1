"""Loops that nothing but an exception ends."""

from __future__ import annotations

import ast

from leakcheck.fixes.syntax import LOOPS, SCOPES, inner


def is_endless(loop: ast.AST) -> bool:
    """`while True:`"""
    return isinstance(loop, ast.While) and isinstance(loop.test, ast.Constant) and bool(loop.test.value)


def never_ends(statement: ast.stmt) -> bool:
    """Whether there is a loop in it that nothing but an exception ends."""
    loops = (n for n in inner(statement) if isinstance(n, ast.While) and is_endless(n))
    return any(not breaks(loop.body) and not any(isinstance(n, ast.Return) for n in inner(loop)) for loop in loops)


def breaks(body: list[ast.stmt]) -> bool:
    """Whether one of these statements leaves the loop around them."""
    for statement in body:
        parts = ["orelse"] if isinstance(statement, LOOPS) else ["body", "orelse", "finalbody"]
        within = [getattr(statement, part, []) for part in parts if not isinstance(statement, SCOPES)]
        within += [each.body for each in (*getattr(statement, "handlers", []), *getattr(statement, "cases", []))]
        if isinstance(statement, ast.Break) or any(map(breaks, within)):
            return True
    return False
