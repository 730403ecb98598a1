"""Branches of a function that are not taken while a connection is held: a call of it excludes them by a constant
argument, `request("GET", url)`, or they ask whether there is anything that could hold one."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import libcst as cst

from leakcheck.flow.binding import parameters
from leakcheck.flow.names import literal
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.values import LITERALS, Class, Const, Function
from leakcheck.project.syntax.module import FunctionInfo
from leakcheck.project.syntax.walk import same_scope, terminal, walk

Constants = Mapping[str, object]
_EQUAL, _UNEQUAL = (cst.Equal, cst.Is), (cst.NotEqual, cst.IsNot)
_ORDERS: dict[type[cst.BaseCompOp], Callable[[float, float], bool]] = {
    cst.LessThan: operator.lt,
    cst.LessThanEqual: operator.le,
    cst.GreaterThan: operator.gt,
    cst.GreaterThanEqual: operator.ge,
}
_CHANGES: dict[str, Callable[[str], str]] = {
    "lower": str.lower,
    "upper": str.upper,
    "casefold": str.casefold,
    "strip": str.strip,
}
_BINDING = (cst.AssignTarget, cst.AugAssign, cst.AnnAssign, cst.For, cst.CompFor, cst.NamedExpr)
_LEAVING = (cst.Return, cst.Raise, cst.Continue, cst.Break)


def excluded(callee: Function, call: cst.CSTNode) -> frozenset[int]:
    """The ids of what a function's body surely does not run in this call of it."""
    function = callee.info
    by_name = isinstance(call, cst.Call) and terminal(call.func) == function.name  # else others pass the arguments on
    if not isinstance(call, cst.Call) or not by_name or isinstance(callee.receiver, Class):
        return frozenset()
    constants, changing = _constants(callee, call), set[str]()
    while constants:
        copies = dict(_copies(function, constants))
        known = {name: value for name, value in {**constants, **copies}.items() if name not in changing}
        skipped = frozenset(id(n) for part in _skipped(function.node.body, known) for n in walk(part, same_scope))
        changed = _bound(function, skipped, copies).intersection(known) if skipped else set()
        if not changed:
            return skipped
        changing |= changed
        constants = {name: value for name, value in constants.items() if name not in changing}
    return frozenset()


def _copies(function: FunctionInfo, constants: Constants) -> Iterator[tuple[str, object]]:
    """Variables that begin as one of the constants: `left = timeout`."""
    own = {parameter.name.value for parameter in function.parameters}
    for line in function.node.body.body:
        for node in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            if isinstance(node, cst.Assign) and isinstance(node.value, cst.Name) and node.value.value in constants:
                target = node.targets[0].target
                if len(node.targets) == 1 and isinstance(target, cst.Name) and target.value not in own:
                    yield target.value, constants[node.value.value]


def never_held(function: FunctionInfo, resolver: Resolver) -> frozenset[int]:
    """The ids of what runs only where no framework can hold a session: `if not has_app_context():`."""
    holding = resolver.catalogue.waits.holding
    if function.words.isdisjoint(name.rpartition(".")[2] for name in holding):
        return frozenset()
    parts: list[cst.CSTNode | None] = []
    for node in (part for part in walk(function.node.body, same_scope) if isinstance(part, cst.If)):
        negated = isinstance(node.test, cst.UnaryOperation) and isinstance(node.test.operator, cst.Not)
        asked = node.test.expression if isinstance(node.test, cst.UnaryOperation) else node.test
        if isinstance(asked, cst.Call):
            callee = resolver.static(asked.func, function, function.module)
            if resolver.callee_name(callee) in holding:
                parts.append(node.body if negated else node.orelse)
    return frozenset(id(inner) for part in parts if part is not None for inner in walk(part, same_scope))


def _constants(callee: Function, call: cst.Call) -> Constants:
    """The parameters that are a literal when the call begins, given or left at the default."""
    if any(argument.star for argument in call.args):
        return {}
    given = dict(zip(parameters(callee, call.args), (argument.value for argument in call.args), strict=True))
    values = {p.name.value: given.get(p.name.value, p.default) for p in callee.info.parameters if not p.star}
    found = {name: known for name, value in values.items() if value is not None and (known := _literal(value))}
    return {name: known.value for name, known in found.items()}


def _literal(node: cst.BaseExpression) -> Const | None:
    if isinstance(node, cst.Float):
        return Const(node.evaluated_value)
    return LITERALS.get(node.value) if isinstance(node, cst.Name) else literal(node)


def _bound(function: FunctionInfo, skipped: frozenset[int], copies: Constants) -> set[str]:
    """The names that a function's body binds anew, other than in what it does not run; of copies, more than once."""
    nodes = [node for node in walk(function.node.body) if id(node) not in skipped]  # a nested function may do so, too
    targets: list[cst.CSTNode] = [node.target for node in nodes if isinstance(node, _BINDING)]
    targets += [node.name for node in nodes if isinstance(node, (cst.AsName, cst.MatchAs)) and node.name is not None]
    bound = Counter(part.value for target in targets for part in walk(target) if isinstance(part, cst.Name))
    return {name for name, times in bound.items() if times > 1 or name not in copies}


def _skipped(body: cst.CSTNode, constants: Constants) -> Iterator[cst.CSTNode]:
    """The suites that no run with these constants comes to, and what stands behind a branch that always leaves."""
    for node in walk(body, same_scope):
        if isinstance(node, (cst.If, cst.IfExp)) and (answer := _holds(node.test, constants)) is not None:
            skipped = node.orelse if answer else node.body
            if skipped is not None:
                yield skipped
        if isinstance(node, cst.While) and _holds(node.test, constants) is False:
            yield node.body
        if isinstance(node, (cst.IndentedBlock, cst.SimpleStatementSuite)):
            yield from _behind(node.body, constants)


def _behind(statements: Sequence[cst.CSTNode], constants: Constants) -> Sequence[cst.CSTNode]:
    """The statements of a block behind the first `if` of which the branch that is taken leaves."""
    for index, statement in enumerate(statements):
        if isinstance(statement, cst.If) and _leaves(statement, constants):
            return statements[index + 1 :]
    return ()


def _leaves(node: cst.CSTNode | None, constants: Constants) -> bool:
    """Whether a branch surely ends by leaving its block."""
    if isinstance(node, cst.If):
        answer = _holds(node.test, constants)
        ways = [node.body] if answer else [node.orelse] if answer is False else [node.body, node.orelse]
        return all(_leaves(way, constants) for way in ways)
    if isinstance(node, cst.Else):
        return _leaves(node.body, constants)
    if isinstance(node, (cst.IndentedBlock, cst.SimpleStatementLine, cst.SimpleStatementSuite)) and node.body:
        return _leaves(node.body[-1], constants)
    return isinstance(node, _LEAVING)


def _holds(test: cst.BaseExpression, constants: Constants) -> bool | None:
    """What a test is for these constants; None where that cannot be told."""
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        inner = _holds(test.expression, constants)
        return None if inner is None else not inner
    if isinstance(test, cst.BooleanOperation):
        sides = {_holds(test.left, constants), _holds(test.right, constants)}
        decisive = isinstance(test.operator, cst.Or)  # one such side is enough
        return decisive if decisive in sides else None if None in sides else not decisive
    if isinstance(test, cst.Comparison):
        known = _value(test.left, constants) if len(test.comparisons) == 1 else None
        return None if known is None else _compared(known.value, test.comparisons[0])
    known = _value(test, constants)
    return None if known is None else known.truth


def _value(node: cst.BaseExpression, constants: Constants) -> Const | None:
    """What an expression is for these constants: one of them, or `method.lower()`."""
    if isinstance(node, cst.Name):
        return Const(constants[node.value]) if node.value in constants else None
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and not node.args:
        change, owner = _CHANGES.get(node.func.attr.value), _value(node.func.value, constants)
        if change is not None and owner is not None and isinstance(owner.value, str):
            return Const(change(owner.value))
    return None


def _compared(value: object, comparison: cst.ComparisonTarget) -> bool | None:
    """Whether a known value compares so with what is written."""
    how, other = comparison.operator, comparison.comparator
    if isinstance(how, (cst.In, cst.NotIn)) and isinstance(other, (cst.Tuple, cst.List, cst.Set)):
        known = [_literal(element.value) for element in other.elements]
        among = any(each is not None and each.value == value for each in known)
        return None if not among and None in known else among is isinstance(how, cst.In)
    written = _literal(other)
    if written is not None and type(how) in _ORDERS:
        return _in_order(value, how, written.value)
    if written is None or not isinstance(how, (*_EQUAL, *_UNEQUAL)):
        return None
    same = value == written.value and (isinstance(how, (cst.Equal, cst.NotEqual)) or type(value) is type(written.value))
    return same is isinstance(how, _EQUAL)


def _in_order(value: object, how: cst.BaseCompOp, written: object) -> bool | None:
    """`timeout > 0`; None unless both are numbers."""
    if not isinstance(value, (int, float)) or not isinstance(written, (int, float)):
        return None
    return _ORDERS[type(how)](value, written)
