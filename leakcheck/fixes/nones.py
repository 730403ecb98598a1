"""Whether a name may hold None instead of a connection: what the functions that give it return."""

from __future__ import annotations

import ast
import copy
import operator
from collections import Counter
from collections.abc import Callable
from functools import lru_cache

from leakcheck.fixes.endless import breaks, is_endless
from leakcheck.fixes.scene import Scene
from leakcheck.fixes.syntax import Function, Try, bound_names, dotted, inner, is_none, terminal
from leakcheck.flow.summaries import ENDS_PROCESS
from leakcheck.project.syntax.definitions import FunctionInfo

Numbers = dict[str, int]  # the values that names are known to have

_COMPARISONS: dict[type[ast.cmpop], Callable[[int, int], bool]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}  # fmt: skip


def may_be_none(scene: Scene) -> bool:
    """Whether the name may hold None: a project function gives it, one that nobody has read might, or `… else None`."""
    if isinstance(getattr(scene.statement, "value", None), ast.IfExp):
        return True
    return any(_gives_none(scene, wrapper) for wrapper in scene.site.wrappers)


def _gives_none(scene: Scene, wrapper: FunctionInfo) -> bool:
    """Whether a function may return None: it says so, or runs off its end."""
    own = wrapper.module is scene.file.module
    module = scene.tree.module if own else _parsed(wrapper.module.source)
    function = _defined(module, wrapper.qualname)
    if function is None:
        return True
    nodes = list(inner(function))
    returns = [n for n in nodes if isinstance(n, ast.Return)]
    if any(n.value is None or _none_inside(n.value) for n in returns):
        return True
    emptied = [n for n in nodes if isinstance(n, ast.Assign) and is_none(n.value)]
    nones = {target.id for n in emptied for target in n.targets if isinstance(target, ast.Name)}
    if any(isinstance(n.value, ast.Name) and n.value.id in nones for n in returns):
        return True
    call = scene.call if wrapper is scene.site.wrappers[0] else None
    tries = any(isinstance(n, ast.For) for n in nodes)  # what its rounds do may depend on numbers
    return not _always_leaves(function.body, _numbers(module, function, call) if tries else {})


def _defined(module: ast.Module, qualname: str) -> Function | None:
    """The only function that is called so, with the classes and functions it stands in."""
    found: list[ast.AST] = [module]
    for name in qualname.split("."):
        inside = (node for each in found for node in inner(each) if node is not each)
        found = [node for node in inside if isinstance(node, (Function, ast.ClassDef)) and node.name == name]
    return found[0] if len(found) == 1 and isinstance(found[0], Function) else None


@lru_cache(maxsize=8)
def _parsed(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def _none_inside(value: ast.expr) -> bool:
    if isinstance(value, ast.IfExp):
        return _none_inside(value.body) or _none_inside(value.orelse)
    if isinstance(value, ast.Tuple):
        return any(is_none(e) for e in value.elts)
    return is_none(value)


def _always_leaves(body: list[ast.stmt], numbers: Numbers) -> bool:
    """Whether a function cannot get beyond the end of a block of it."""
    return any(_leaves(statement, numbers) for statement in body)


def _leaves(statement: ast.stmt, numbers: Numbers) -> bool:
    if isinstance(statement, ast.If):
        return _always_leaves(statement.body, numbers) and _always_leaves(statement.orelse, numbers)
    if isinstance(statement, (ast.With, ast.AsyncWith)):
        swallows = any(_callee(item.context_expr) == "suppress" for item in statement.items)
        return not swallows and _always_leaves(statement.body, numbers)
    if isinstance(statement, Try):
        ends = _always_leaves([*statement.body, *statement.orelse], numbers)
        handled = all(_always_leaves(handler.body, numbers) for handler in statement.handlers)
        return _always_leaves(statement.finalbody, numbers) or (ends and handled)
    if isinstance(statement, (ast.While, ast.For)):
        return _loop_leaves(statement, numbers)
    ended = statement.value if isinstance(statement, ast.Expr) else None
    ends = isinstance(ended, ast.Call) and dotted(ended.func) in ENDS_PROCESS
    return ends or isinstance(statement, (ast.Return, ast.Raise))


def _callee(value: ast.expr) -> str:
    return terminal(value.func) if isinstance(value, ast.Call) else ""


# -- loops that try again ----------------------------------------------------------------------------------------------


def _loop_leaves(loop: ast.While | ast.For, numbers: Numbers) -> bool:
    """It has no end, or what follows it in its `else` leaves, or its last round does."""
    if is_endless(loop) or _always_leaves(loop.orelse, numbers):
        return not breaks(loop.body)
    last = _last_round(loop, numbers) if isinstance(loop, ast.For) else None
    if last is None:
        return False
    body = [each for s in copy.deepcopy(loop.body) for each in _Round(last).kept(s)]
    goes_on = any(isinstance(n, ast.Continue) for s in body for n in inner(s))
    return not goes_on and not breaks(body) and _always_leaves(body, last)


class _Round(ast.NodeTransformer):
    """Leaves of each `if` whose test is known in a round what is run in it."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    def kept(self, statement: ast.stmt) -> list[ast.stmt]:
        found = self.visit(statement)
        return found if isinstance(found, list) else [found]

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        taken = _holds(node.test, self._numbers)
        return node if taken is None else node.body if taken else node.orelse


def _last_round(loop: ast.For, numbers: Numbers) -> Numbers | None:
    """What the numbers are in the last round of `for n in range(…)`, if there is one for sure."""
    call = loop.iter
    if not isinstance(call, ast.Call) or _callee(call) != "range" or call.keywords or not 1 <= len(call.args) <= 2:
        return None
    *starts, stop = (_value(argument, numbers) for argument in call.args)
    start = starts[0] if starts else 0
    if start is None or stop is None or stop <= start or not isinstance(loop.target, ast.Name):
        return None
    again = Counter(bound_names(n for s in loop.body for n in inner(s)))
    return None if again[loop.target.id] else {**numbers, loop.target.id: stop - 1}


def _numbers(module: ast.Module, function: Function, call: ast.expr | None) -> Numbers:
    """The numbers that names stand for in a call: constants of the module, and parameters."""
    bound = Counter(bound_names(ast.walk(module)))
    found = _constants(module.body)
    found = {name: value for name, value in found.items() if bound[name] == 1}
    inside = Counter(bound_names(inner(function)))
    own = _parameters(function, call) if isinstance(call, ast.Call) else {}
    return found | {name: value for name, value in own.items() if inside[name] == 1}


def _constants(body: list[ast.stmt]) -> Numbers:
    assigned = (s for s in body if isinstance(s, ast.Assign) and len(s.targets) == 1)
    named = ((s.targets[0], _value(s.value, {})) for s in assigned)
    return {target.id: value for target, value in named if isinstance(target, ast.Name) and value is not None}


def _parameters(function: Function, call: ast.Call) -> Numbers:
    """What a call gives them, or their defaults."""
    arguments = function.args
    if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
        return {}
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
    values = dict(zip(reversed(names), reversed(arguments.defaults), strict=False))
    values |= {a.arg: d for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None}
    values |= dict(zip(names[names[:1] in (["self"], ["cls"]) :], call.args, strict=False))
    values |= {k.arg: k.value for k in call.keywords if k.arg is not None}
    read = ((name, _value(value, {})) for name, value in values.items())
    return {name: value for name, value in read if value is not None}


def _value(node: ast.expr, numbers: Numbers) -> int | None:
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) is int else None
    if isinstance(node, ast.Name):
        return numbers.get(node.id)
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        left, right = _value(node.left, numbers), _value(node.right, numbers)
        if left is not None and right is not None:
            return left + right if isinstance(node.op, ast.Add) else left - right
    return None


def _holds(test: ast.expr, numbers: Numbers) -> bool | None:
    """Whether a comparison of numbers is true; None if it is not known."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return None
    compare = _COMPARISONS.get(type(test.ops[0]))
    left, right = _value(test.left, numbers), _value(test.comparators[0], numbers)
    return compare(left, right) if compare and left is not None and right is not None else None
