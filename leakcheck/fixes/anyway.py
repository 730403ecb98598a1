"""Whether code gives back what it has on every way out that needs no exception, whatever it is that it has."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from leakcheck.fixes.order import above
from leakcheck.fixes.syntax import LOOPS, Tree, Try, inner


def released_anyway(tree: Tree, units: Collection[ast.stmt], region: list[ast.stmt]) -> bool:
    """Whether no end and no jump of the region comes without one of these releases, which ask nothing first."""
    if not units or any(isinstance(unit, ast.If) for unit in units):
        return False
    return _ends(region, units) and all(_is_behind(tree, jump, units, region) for jump in _jumps(tree, region))


def _ends(body: list[ast.stmt], units: Collection[ast.stmt]) -> bool:
    """Whether a block that comes to its end without an exception has released."""
    return any(statement in units or _releases(statement, units) for statement in body)


def _releases(statement: ast.stmt, units: Collection[ast.stmt]) -> bool:
    if isinstance(statement, ast.If):
        return _ends(statement.body, units) and _ends(statement.orelse, units)
    if isinstance(statement, Try):
        return _ends(statement.finalbody, units) or _ends([*statement.body, *statement.orelse], units)
    if isinstance(statement, (ast.With, ast.AsyncWith)):
        return _ends(statement.body, units)
    return isinstance(statement, (ast.Return, ast.Raise))  # which are asked for themselves


def _jumps(tree: Tree, region: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The ways out of a region but for its end; what a handler does comes behind an exception."""
    for statement in region:
        for node in inner(statement):
            if isinstance(node, (ast.Return, ast.Raise, ast.Break, ast.Continue)):
                ups = list(above(tree, node, region))
                stays = isinstance(node, (ast.Break, ast.Continue)) and any(isinstance(up, LOOPS) for up in ups)
                if not stays and not any(isinstance(up, ast.ExceptHandler) for up in ups):
                    yield node


def _is_behind(tree: Tree, jump: ast.stmt, units: Collection[ast.stmt], region: list[ast.stmt]) -> bool:
    """Whether a release comes before a jump, or in a `finally` on its way."""
    for node in (jump, *above(tree, jump, region)):
        if isinstance(node, Try) and _ends(node.finalbody, units):
            return True
        if isinstance(node, ast.stmt):
            body = tree.block(node).body
            if _ends(body[: body.index(node)], units):
                return True
    return False
