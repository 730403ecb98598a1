"""What a function makes sure of itself about a parameter: `if not isinstance(engine, AsyncEngine): raise TypeError`."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from leakcheck.project.syntax.module import FunctionInfo

_ARGUMENTS = 2  # of `isinstance`


def proved(parameter: cst.Param, function: FunctionInfo) -> cst.BaseExpression | None:
    """The class without which nothing behind the first lines of the function is run; None if nothing of it is said."""
    if "isinstance" not in function.chunk.words:
        return None
    for statement in function.node.body.body:
        for test in _held_behind(statement):
            if len(test.args) == _ARGUMENTS and _is_named(test.args[0].value, parameter.name.value):
                return test.args[1].value
    return None


def _held_behind(statement: cst.CSTNode) -> Iterator[cst.Call]:
    """The calls of `isinstance` that were true, if a statement has ended normally."""
    if isinstance(statement, cst.If) and statement.orelse is None and _raises(statement.body):
        yield from _true_unless(statement.test)
    elif isinstance(statement, cst.SimpleStatementLine):
        for part in statement.body:
            if isinstance(part, cst.Assert):
                yield from _true_if(part.test)


def _true_if(test: cst.BaseExpression) -> Iterator[cst.Call]:
    """Those that are true where a test is."""
    if isinstance(test, cst.BooleanOperation) and isinstance(test.operator, cst.And):
        yield from _true_if(test.left)
        yield from _true_if(test.right)
    elif isinstance(test, cst.Call) and _is_named(test.func, "isinstance"):
        yield test


def _true_unless(test: cst.BaseExpression) -> Iterator[cst.Call]:
    """Those that are true where a test is not."""
    if isinstance(test, cst.BooleanOperation) and isinstance(test.operator, cst.Or):
        yield from _true_unless(test.left)
        yield from _true_unless(test.right)
    elif isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        yield from _true_if(test.expression)


def _raises(body: cst.BaseSuite) -> bool:
    """Whether a block ends by raising."""
    last = body.body[-1] if body.body else None
    small = last.body[-1] if isinstance(last, cst.SimpleStatementLine) else last
    return isinstance(small, cst.Raise)


def _is_named(node: cst.BaseExpression, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name
