"""A function that closes the pool it builds in a straight line: not if the work in between raises."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from leakcheck.checks.pools.fates import Fates
from leakcheck.checks.pools.trails import Fate, Trail
from leakcheck.checks.sql import mentions
from leakcheck.project.syntax.module import FunctionInfo
from leakcheck.project.syntax.walk import same_scope, terminal, unawaited, walk

_NAMED = (cst.Assign, cst.AnnAssign)


def skips_closing(node: cst.Call, function: FunctionInfo, fates: Fates) -> cst.Call | None:
    """What may raise between the call that builds a pool and the statement of the same block that is all that closes
    it, of a pool that nobody else knows."""
    body = function.node.body
    name = _name(node, body)
    if name is None or fates.of_call(node, function, counts_closing=False) is not Fate.LOST:
        return None
    trail = Trail(node, function, fates)
    after = _after(node, body)
    closing = [n for n, each in enumerate(after) if _closes(each, name, fates.releases)]
    if not closing or len(closing) != len(list(_closings(body, trail.pools, fates.releases))):
        return None
    known = trail.pools | trail.derived
    between = filter(_may_leave, after[: closing[0]])
    calls = (part for each in between for part in walk(each, _may_leave) if isinstance(part, cst.Call))
    return next((call for call in calls if mentions([call], known.__contains__) and _may_raise(call, fates)), None)


def _may_raise(call: cst.Call, fates: Fates) -> bool:
    """Not where it only tells of it, or asks what it is."""
    name = terminal(call.func)
    return "never-raises" not in fates.catalogue.function(name) | fates.catalogue.function(f"*.{name}")


def _may_leave(node: cst.CSTNode) -> bool:
    """Whether what raises in there may leave the function: a handler may have it go on."""
    return same_scope(node) and not (isinstance(node, (cst.Try, cst.TryStar)) and node.handlers)


def _name(node: cst.Call, body: cst.CSTNode) -> str | None:
    """The only name that a statement gives it."""
    for part in walk(body, same_scope):
        if isinstance(part, _NAMED) and part.value is not None and unawaited(part.value) is node:
            targets = [part.target] if isinstance(part, cst.AnnAssign) else [each.target for each in part.targets]
            return targets[0].value if len(targets) == 1 and isinstance(targets[0], cst.Name) else None
    return None


def _after(node: cst.Call, body: cst.CSTNode) -> Sequence[cst.BaseStatement]:
    """The statements behind it in its block."""
    for block in walk(body, same_scope):
        lines = block.body if isinstance(block, cst.IndentedBlock) else ()
        for number, line in enumerate(lines):
            if isinstance(line, cst.SimpleStatementLine) and any(part is node for part in walk(line)):
                return lines[number + 1 :]
    return ()


def _closes(line: cst.BaseStatement, name: str, releases: frozenset[str]) -> bool:
    """`pool.close()`, `await pool.wait_closed()` as a statement."""
    first = line.body[0] if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else None
    call = unawaited(first.value) if isinstance(first, cst.Expr) else None
    return isinstance(call, cst.Call) and len(list(_closings(call.func, {name}, releases))) == 1


def _closings(node: cst.CSTNode, names: set[str], releases: frozenset[str]) -> Iterator[cst.Attribute]:
    """Where something that closes is asked for of a pool, called or handed on."""
    for part in walk(node):
        if isinstance(part, cst.Attribute) and part.attr.value in releases:
            if isinstance(part.value, cst.Name) and part.value.value in names:
                yield part
