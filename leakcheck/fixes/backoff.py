"""LK502: a loop that tries again waits longer each time."""

from __future__ import annotations

import ast
import re

from leakcheck.checks.retries.pauses import STEADY
from leakcheck.fixes.scene import Proposal
from leakcheck.fixes.spot import Spot, loaded, stored
from leakcheck.fixes.syntax import dotted, leaves, terminal
from leakcheck.fixes.text import Draft, Refused
from leakcheck.words import words

_MOST = 60  # seconds between two attempts
_DOUBT = "the attempts take longer"


def back_off(spot: Spot) -> Proposal:
    """A pause that doubles with each attempt, instead of one that stays the same, or of none."""
    loop = spot.loop
    pauses = [node for node in ast.walk(loop) if isinstance(node, ast.Call) and terminal(node.func) == "sleep"]
    draft, delay = spot.draft(), spot.fresh("delay", "retry_delay", "pause")
    if not pauses and STEADY in spot.found.message:
        raise Refused("its pause is made elsewhere")
    pause = _in_time(spot, delay)
    if pauses:
        first = _lengthen(spot, draft, pauses, delay, pause)
    else:
        _insert_pauses(spot, draft, loop, delay, pause)
        first = "1"
    draft.insert(loop.lineno, f"{spot.indent(loop)}{delay} = {first}")
    return Proposal("wait twice as long before each attempt", draft, _DOUBT)


def _in_time(spot: Spot, delay: str) -> str:
    """For how long to pause: not past the deadline in the loop's head. Any other use of a clock would be outrun."""
    watched = {id(node) for node in ast.walk(spot.loop) if _tells_time(node)}
    if not watched:
        return delay
    head = spot.loop.test if isinstance(spot.loop, ast.While) else None
    tests = head.values if isinstance(head, ast.BoolOp) and isinstance(head.op, ast.And) else [head]
    limits = [test for test in tests if isinstance(test, ast.Compare) and _is_deadline(test, spot.loop)]
    if len(limits) != 1 or watched != {id(limits[0].left)}:
        raise Refused("the loop watches a clock, which a longer pause would outrun")
    limit, clock = limits[0].comparators[0], limits[0].left
    return f"min({delay}, max(0, {spot.flat(limit)} - {spot.flat(clock)}))"


def _tells_time(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and terminal(node.func) in (*words().clocks, *words().calendars)


def _is_deadline(test: ast.Compare, loop: ast.AST) -> bool:
    """`time.time() < deadline`, in seconds, where the deadline stays what it is."""
    clock, limit = test.left, test.comparators[0]
    counts = isinstance(clock, ast.Call) and terminal(clock.func) in words().clocks and not clock.args
    plain = all(
        isinstance(n, (ast.Name, ast.Attribute, ast.Constant, ast.BinOp, ast.Add, ast.Load)) for n in ast.walk(limit)
    )
    fixed = not loaded(limit) & stored(loop)
    return counts and plain and fixed and len(test.ops) == 1 and isinstance(test.ops[0], (ast.Lt, ast.LtE))


def _lengthen(spot: Spot, draft: Draft, pauses: list[ast.Call], delay: str, time: str) -> str:
    """The pauses take their time from a variable that grows; its first value."""
    times = {spot.tree.text(pause.args[0]) for pause in pauses if len(pause.args) == 1}
    if len(times) != 1 or any(len(pause.args) != 1 or pause.keywords for pause in pauses):
        raise Refused("its pauses differ")
    if _spoken_of(spot, pauses):
        raise Refused("the loop speaks of its pause elsewhere, which would not be as long any more")
    for pause in pauses:
        statement, argument = spot.tree.statement(pause), pause.args[0]
        spot.alone(statement)
        if not isinstance(statement, ast.Expr) or len(spot.lines(statement)) > 1:
            raise Refused("its pause is part of something else")
        draft.replace(pause.lineno, spot.tree.start(argument)[1], spot.tree.end(argument)[1], time)
        draft.insert(statement.lineno + 1, spot.indent(statement) + _doubled(delay))
    return times.pop()


def _spoken_of(spot: Spot, pauses: list[ast.Call]) -> bool:
    """Whether the loop counts on the pause, or tells somebody of it: by its name, or by its number in a text."""
    time, inside = pauses[0].args[0], {id(node) for pause in pauses for node in ast.walk(pause)}
    others = [node for node in ast.walk(spot.loop) if id(node) not in inside]
    names = {dotted(n) for n in ast.walk(time) if not isinstance(spot.tree.parent(n), ast.Attribute)} - {""}
    if any(dotted(node) in names for node in others):
        return True
    number = re.compile(rf"\b{re.escape(ast.unparse(time))}\b") if isinstance(time, ast.Constant) else None
    texts = (node.value for node in others if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return number is not None and any(map(number.search, texts))


def _insert_pauses(spot: Spot, draft: Draft, loop: ast.For | ast.While, delay: str, time: str) -> None:
    """Each handler that lets the loop go on waits first."""
    if isinstance(spot.function, ast.AsyncFunctionDef):
        (sleep,) = spot.imports("asyncio").use(draft, loop.lineno, "sleep")
        sleep = f"await {sleep}"
    else:
        (sleep,) = spot.imports("time").use(draft, loop.lineno, "sleep")
    tries = [up for up in spot.tree.parents(spot.node) if isinstance(up, ast.Try)]
    for handler in tries[0].handlers if tries else ():
        if leaves(handler.body) and not isinstance(handler.body[-1], ast.Continue):
            continue
        first, last = handler.body[0], handler.body[-1]
        if handler.lineno == first.lineno:
            raise Refused("its handler stands on one line")
        spot.alone(last)
        indent = spot.indent(last)
        lines = [f"{indent}{sleep}({time})", indent + _doubled(delay)]
        if isinstance(last, ast.Pass):
            draft.replace(last.lineno, 0, len(draft.line(last.lineno).rstrip("\r\n")), draft.end.join(lines))
        elif isinstance(last, ast.Continue):
            draft.insert(last.lineno, *lines)
        else:
            draft.insert((last.end_lineno or last.lineno) + 1, *lines)


def _doubled(delay: str) -> str:
    return f"{delay} = min({delay} * 2, {_MOST})"
