"""Loops that try again: what leaves them, and what has them go on."""

from __future__ import annotations

import libcst as cst

from leakcheck.checks.rows.refusals import catches_refusals
from leakcheck.checks.sql import mentions
from leakcheck.project.syntax.walk import children, code, is_none, same_scope, terminal, walk
from leakcheck.words import words

Loop = cst.For | cst.While


def tries(loop: Loop, acquire: cst.CSTNode) -> bool:
    """Whether the loop repeats the acquire until it succeeds: success leaves it, a handler lets it go on."""
    if isinstance(loop, cst.For) and mentions(
        [acquire], {n.value for n in walk(loop.target) if isinstance(n, cst.Name)}.__contains__
    ):
        return False  # another server each time
    for node in walk(loop.body, same_scope):
        if isinstance(node, cst.Try) and any(part is acquire for part in walk(node.body, same_scope)):
            return succeeds(node, loop) and any(map(goes_on, node.handlers)) and not is_another(node, loop)
    return False


def is_another(tried: cst.Try, loop: Loop) -> bool:
    """`for query in queries: try: return run(query)`: what is tried next is another thing, not the same again."""
    if isinstance(loop, cst.While) or (isinstance(loop.iter, cst.Call) and terminal(loop.iter.func) in words().counts):
        return False
    names = {part.value for part in walk(loop.target) if isinstance(part, cst.Name)}
    keywords = {id(part.keyword) for part in walk(tried.body) if isinstance(part, cst.Arg)}
    used = (part for part in walk(tried.body, same_scope) if isinstance(part, cst.Name) and id(part) not in keywords)
    return any(part.value in names for part in used)


def succeeds(tried: cst.Try, loop: Loop) -> bool:
    """Whether a loop ends when nothing fails."""
    after = [tried.body, *([tried.orelse] if tried.orelse else [])]
    awaited = _awaited(loop.test) if isinstance(loop, cst.While) else set()
    return any(_leaves(block, changing(loop)) or _gives(block, awaited) for block in after)


def _awaited(test: cst.BaseExpression) -> set[str]:
    """The names that a loop waits for to have a value: `while conn is None`, `while not connected and tries < 5`."""
    if isinstance(test, cst.BooleanOperation) and isinstance(test.operator, cst.And):
        return _awaited(test.left) | _awaited(test.right)
    asked: cst.CSTNode | None = None
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        asked = test.expression
    elif isinstance(test, cst.Comparison) and isinstance(test.comparisons[0].operator, (cst.Is, cst.Equal)):
        asked = test.left if is_none(test.comparisons[0].comparator) else None
    return {asked.value} if isinstance(asked, cst.Name) else set()


def _gives(block: cst.CSTNode, names: set[str]) -> bool:
    """Whether a block gives one of some names a value."""
    assigned = (node for node in walk(block, same_scope) if isinstance(node, cst.Assign) and names)
    return any(
        isinstance(each.target, cst.Name) and each.target.value in names and code(node.value) not in ("None", "False")
        for node in assigned
        for each in node.targets
    )


def goes_on(handler: cst.ExceptHandler) -> bool:
    """Whether a handler has the loop try again what failed."""
    return not (_ends(handler) or catches_refusals(handler.type))


def _leaves(node: cst.CSTNode, made: set[str]) -> bool:
    """Whether success leaves the loop: a `return` or `break`, under no test but those of what the round has made."""
    for child in filter(same_scope, children(node)):
        if isinstance(child, (cst.Return, cst.Break)):
            return True
        if isinstance(child, (cst.For, cst.While)):
            if any(isinstance(part, cst.Return) for part in walk(child.body, same_scope)):
                return True
        elif not (isinstance(child, cst.If) and not mentions([child.test], made.__contains__)) and _leaves(child, made):
            return True
    return False


def _ends(handler: cst.ExceptHandler) -> bool:
    """The handler always leaves the loop."""
    last = handler.body.body[-1] if handler.body.body else None
    if isinstance(last, cst.SimpleStatementLine):
        return isinstance(last.body[-1], (cst.Raise, cst.Return, cst.Break))
    return False


def is_endless(loop: Loop) -> bool:
    """No attempt is the last one: nothing in the loop gives up."""
    raises = any(isinstance(node, cst.Raise) for node in walk(loop.body, same_scope))
    if not isinstance(loop, cst.While) or raises:
        return False
    return code(loop.test) in ("True", "1") or (
        bool(_awaited(loop.test)) and not isinstance(loop.test, cst.BooleanOperation)
    )


def changing(loop: Loop) -> set[str]:
    """Names that differ from round to round."""
    targets: list[cst.CSTNode] = [loop.target] if isinstance(loop, cst.For) else []
    for node in walk(loop.body, same_scope):
        if isinstance(node, (cst.AssignTarget, cst.AugAssign, cst.NamedExpr, cst.AnnAssign)):
            targets.append(node.target)
    return {part.value for target in targets for part in walk(target) if isinstance(part, cst.Name)}
