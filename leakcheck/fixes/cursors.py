"""LK108: a cursor is closed by a `with` block around what uses it."""

from __future__ import annotations

import ast

from leakcheck.fixes.scene import Proposal
from leakcheck.fixes.spot import Spot
from leakcheck.fixes.syntax import SCOPES, mentions
from leakcheck.fixes.text import Draft, Refused

_DOUBT = "closing it asks the server, which may fail, and what is read from it must not be needed later"
_ENDS = ("commit", "rollback", "close")


def close_cursor(spot: Spot) -> Proposal:
    """`cursor = …` becomes `with … as cursor:`, with `closing` where its own `with` is not known to close it."""
    statement, model = spot.statement, spot.around.cursors.get(spot.found.span)
    if model is None or not isinstance(statement, ast.Assign) or statement.value is not spot.node:
        raise Refused("the cursor is not simply assigned")
    name = ast.unparse(statement.targets[0])
    region = _region(spot, statement, name)
    spot.alone(statement, *region)
    draft = spot.draft()
    closing = (
        "" if model.with_effect == "closes" else spot.imports("contextlib").use(draft, statement.lineno, "closing")[0]
    )
    _write(spot, draft, statement, name, closing)
    last = spot.tree.last_line(region[-1])
    first = (statement.end_lineno or statement.lineno) + 1
    draft.deepen(first, last, spot.indent(statement))
    draft.drop_blank(first)
    return Proposal("close the cursor with a `with` block", draft, _DOUBT)


def _region(spot: Spot, statement: ast.stmt, name: str) -> list[ast.stmt]:
    """The statements behind it, up to the last that mentions the cursor."""
    body = spot.block(statement).body
    start = next(number for number, each in enumerate(body) if each is statement) + 1
    using = [number for number, each in enumerate(body) if number >= start and mentions(each, name)]
    if not using:
        raise Refused("the cursor is not used")
    region = body[start : using[-1] + 1]
    inside = {id(n) for each in (statement, *region) for n in ast.walk(each)}
    if any(id(n) not in inside for n in spot.tree.naming(spot.function, name)):
        raise Refused("the cursor is used outside of the block that makes it")
    for node in (n for each in region for n in ast.walk(each)):
        if isinstance(node, (*SCOPES, ast.GeneratorExp)) and mentions(node, name):
            raise Refused("the cursor may be used later, by a function or a generator")
        if isinstance(node, ast.Attribute) and node.attr in _ENDS:
            raise Refused(f"`{ast.unparse(node)}` is called while the cursor is open")
    return region


def _write(spot: Spot, draft: Draft, statement: ast.Assign, name: str, closing: str) -> None:
    """The head of the block, in the place of the assignment."""
    (line, start), value = spot.tree.start(statement), spot.tree.start(statement.value)
    if value[0] != line:
        raise Refused("the assignment is broken over several lines")
    last, stop = spot.tree.end(statement)
    if last == line:
        text = spot.tree.text(statement.value)
        draft.replace(line, start, stop, f"with {closing}({text}) as {name}:" if closing else f"with {text} as {name}:")
        return
    draft.replace(last, stop, stop, f"{')' if closing else ''} as {name}:")
    draft.replace(line, start, value[1], f"with {closing}(" if closing else "with ")
