"""LK303: a connection of each round's own becomes one for the whole loop."""

from __future__ import annotations

import ast

from leakcheck.fixes.scene import Proposal
from leakcheck.fixes.spot import Spot, loaded
from leakcheck.fixes.syntax import Try, bare
from leakcheck.fixes.text import Draft, Refused

_DOUBT = "all rounds share one connection: what one leaves behind, an open transaction or a failure, the next one meets"


def hoist(spot: Spot) -> Proposal:
    """Swap the heads: `with connect() as conn:` outside, `for … in …:` inside."""
    loop = spot.loop
    if not isinstance(loop, ast.For) or loop.orelse or loop.body[0].lineno == loop.lineno:
        raise Refused("the loop is no plain `for`")
    head = range(loop.lineno, loop.body[0].lineno)
    if any(not spot.tree.lines[n - 1].strip() or spot.tree.lines[n - 1].lstrip().startswith("#") for n in head):
        raise Refused("a comment stands between the loop and the acquire")
    first, *rest = loop.body
    draft = spot.draft()
    if isinstance(first, ast.With) and not rest:
        _swap_with(spot, draft, loop, first)
    elif isinstance(first, ast.Assign) and len(rest) == 1 and isinstance(rest[0], Try):
        _swap_try(spot, draft, loop, first, rest[0])
    else:
        raise Refused("a round does more than the connection's block")
    return Proposal("connect once, before the loop", draft, _DOUBT)


def _head(spot: Spot, loop: ast.For) -> list[str]:
    """The lines of `for … in …:`, without their ends."""
    return [spot.tree.lines[n - 1].rstrip("\r\n") for n in range(loop.lineno, loop.body[0].lineno)]


def _swap_with(spot: Spot, draft: Draft, loop: ast.For, block: ast.With) -> None:
    item, *others = block.items
    if item.context_expr is not spot.node and spot.node not in ast.walk(item.context_expr):
        raise Refused("the acquire is not the first of its `with`")
    if block.lineno != block.body[0].lineno - 1:
        raise Refused("the head of its `with` takes several lines")
    indent, inner = spot.indent(loop), spot.indent(block)
    last = item.optional_vars or item.context_expr
    line = draft.line(block.lineno)
    start, end = spot.tree.start(block)[1], spot.tree.end(last)[1]
    for number in range(loop.lineno, block.lineno):
        draft.replace(number, 0, len(draft.line(number).rstrip("\r\n")), "")
    heads = [f"{indent}{line[start:end]}:", *(spot.unit + each for each in _head(spot, loop))]
    if not others:
        draft.replace(block.lineno, 0, len(line.rstrip("\r\n")), draft.end.join(heads))
        return
    column = spot.tree.start(others[0].context_expr)[1]
    inside = f"{inner}{spot.unit}with {line[column:].rstrip()}"
    draft.replace(block.lineno, 0, len(line.rstrip("\r\n")), draft.end.join([*heads, inside]))
    draft.deepen(block.body[0].lineno, block.end_lineno or block.lineno, inner)


def _swap_try(spot: Spot, draft: Draft, loop: ast.For, acquire: ast.Assign, block: ast.Try) -> None:
    if block.handlers or block.orelse or not block.finalbody or block.lineno == block.body[0].lineno:
        raise Refused("the connection's `try` does more than give it back")
    released = [bare(each.value) if isinstance(each, ast.Expr) else each for each in block.finalbody]
    if any(isinstance(call, ast.Call) and isinstance(call.func, ast.Name) for call in released):
        raise Refused("what gives the connection back may do more for each round, as to commit")
    target = acquire.targets[0]
    if acquire.value is not spot.node or not isinstance(target, ast.Name):
        raise Refused("the connection has no name of its own")
    if loaded(loop.iter) & {target.id} or len(spot.lines(acquire)) > 1:
        raise Refused("the acquire takes several lines")
    spot.alone(acquire)
    indent, inner = spot.indent(loop), spot.indent(acquire)
    heads = [spot.unit + each for each in _head(spot, loop)]
    for number in range(loop.lineno, acquire.lineno):
        draft.replace(number, 0, len(draft.line(number).rstrip("\r\n")), "")
    outer = [acquire.lineno, block.lineno, *range(block.body[-1].end_lineno or 0, (block.end_lineno or 0) + 1)]
    for number in outer[:2] + [n for n in outer[2:] if n > (block.body[-1].end_lineno or 0)]:
        text = draft.line(number)
        if text.startswith(inner) and text.strip():
            draft.replace(number, 0, len(inner), indent)
    end = len(draft.line(block.lineno).rstrip("\r\n"))
    draft.replace(block.lineno, end, end, draft.end + draft.end.join(heads))
