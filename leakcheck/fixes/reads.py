"""Which statements may still read the value that a name has before them."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Sequence

from leakcheck.fixes.syntax import LOOPS, SCOPES, Function, Tree, Try, bound_names, children, inner
from leakcheck.records import dataclass

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_IMPORTS = (ast.Import, ast.ImportFrom)
_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)


@dataclass(frozen=True, slots=True)
class Course:
    """What some code does with the old value of a name. In doubt both are true."""

    reads: bool  # it may read it, now or in a function that it makes
    passes: bool  # the name may still have it at the end


def through(body: Sequence[ast.AST], name: str) -> Course:
    """One after the other, until the name surely has another value."""
    reads = False
    for node in body:
        course = through_one(node, name)
        reads |= course.reads
        if not course.passes:
            return Course(reads, passes=False)
    return Course(reads, passes=True)


def through_one(node: ast.AST, name: str) -> Course:
    if isinstance(node, ast.If):
        branches = through(node.body, name), through(node.orelse, name)
        return _either(loads(node.test, name), *branches)
    if isinstance(node, LOOPS):
        return _loop(node, name)
    if isinstance(node, (ast.With, ast.AsyncWith)):
        return _with(node, name)
    if isinstance(node, Try):
        return _try(node, name)
    if isinstance(node, ast.Match):
        cases = (through([*filter(None, [case.guard]), *case.body], name) for case in node.cases)
        return _either(loads(node.subject, name), *cases, Course(reads=False, passes=True))
    if isinstance(node, ast.AugAssign):
        return Course(loads(node, name) or name in stored([node.target]), passes=True)
    return Course(loads(node, name), not (isinstance(node, _LEAVES) or name in _surely_bound(node)))


def _either(before: bool, *ways: Course) -> Course:
    return Course(before or any(way.reads for way in ways), any(way.passes for way in ways))


def _loop(node: ast.For | ast.AsyncFor | ast.While, name: str) -> Course:
    """It may run no round at all."""
    bound = isinstance(node, (ast.For, ast.AsyncFor)) and name in stored([node.target])
    head = loads(node.test if isinstance(node, ast.While) else node.iter, name)
    rounds = not bound and through(node.body, name).reads
    return Course(head or rounds or through(node.orelse, name).reads, passes=True)


def _with(node: ast.With | ast.AsyncWith, name: str) -> Course:
    """What it enters may swallow an error of all that comes behind it."""
    reads = False
    for number, item in enumerate(node.items):
        reads |= loads(item, name)
        if item.optional_vars is not None and name in stored([item.optional_vars]):
            return Course(reads, passes=number > 0)
    return Course(reads or through(node.body, name).reads, passes=True)


def _try(node: ast.Try, name: str) -> Course:
    """An error may come before anything is bound: handlers and `finally` may see the old value."""
    body = through([*node.body, *node.orelse], name)
    handlers = [through(handler.body, name) for handler in node.handlers]
    caught = any(loads(handler.type, name) for handler in node.handlers if handler.type is not None)
    ways = _either(caught, body, *handlers)
    last = through(node.finalbody, name)
    return Course(ways.reads or last.reads, ways.passes and last.passes)


def _surely_bound(node: ast.AST) -> set[str]:
    """The names that have a new value after a simple statement, or none."""
    if isinstance(node, (ast.Assign, ast.Delete)):
        return stored(node.targets)
    if isinstance(node, ast.AnnAssign) and node.value is not None:
        return stored([node.target])
    return {*bound_names([node])} if isinstance(node, (*_IMPORTS, Function, ast.ClassDef)) else set()


def stored(targets: Sequence[ast.AST]) -> set[str]:
    nodes = (node for target in targets for node in ast.walk(target))
    return {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}


def loads(node: ast.AST, name: str) -> bool:
    """Whether it reads the variable, here or in functions that it makes; those may have one of their own."""
    if isinstance(node, ast.Name):
        return node.id == name and isinstance(node.ctx, ast.Load)
    if isinstance(node, (ast.Global, ast.Nonlocal)):
        return name in node.names
    parts = _evaluated_outside(node) if name in own_names(node) else children(node)
    return any(loads(part, name) for part in parts)


def touches(node: ast.AST, name: str) -> bool:
    """Whether it mentions the variable at all, apart from what functions that it makes have under the same name."""
    if isinstance(node, ast.Name):
        return node.id == name
    parts = _evaluated_outside(node) if name in own_names(node) else children(node)
    return any(touches(part, name) for part in parts)


def is_own(node: ast.AST, up: ast.AST, name: str) -> bool:
    """Whether a function or comprehension around a mention gives the name a meaning of its own."""
    return name in own_names(up) and not any(node in ast.walk(part) for part in _evaluated_outside(up))


def is_anothers(node: ast.AST, name: str, scope: ast.AST | None, tree: Tree) -> bool:
    """Whether a function or comprehension nested in a scope, the module if there is none, has the name of a mention for
    something of its own."""
    return any(is_own(node, up, name) for up in itertools.takewhile(lambda up: up is not scope, tree.parents(node)))


class Beside:
    """What stands beside a statement that binds a name. A function may mention it often: each block is read once."""

    def __init__(self, tree: Tree, binding: ast.stmt) -> None:
        self._tree, self._binding = tree, binding
        self._leading: dict[ast.AST, ast.AST] = {}  # from what is around the statement to it
        self._behind: dict[tuple[ast.AST, str], tuple[list[ast.AST], bool]] = {}
        way: ast.AST = binding
        for up in tree.parents(binding):
            self._leading[up], way = way, up

    def is_apart(self, node: ast.AST, name: str) -> bool:
        """Whether a mention of a name is for another value: it stands in another branch, or behind, where the name
        gets a value before it is read."""
        up, way = self._parting(node)
        if (up, name) not in self._behind:
            behind = _behind(up, self._leading.get(up, way))
            self._behind[up, name] = behind, through(behind, name).reads
        behind, reads = self._behind[up, name]
        return (not reads and way in behind) or self.runs_instead(node, name)

    def runs_instead(self, node: ast.AST, name: str) -> bool:
        """Whether something stands in another branch of an `if` or a `match`, and does not read what the name has from
        an earlier round of a loop around both."""
        up, way = self._parting(node)
        mine, other = _branch(up, self._leading.get(up, way)), _branch(up, way)
        apart = bool(mine and other) and mine is not other
        return apart and not (self._tree.in_loop(self._binding, node) and through(other, name).reads)

    def _parting(self, node: ast.AST) -> tuple[ast.AST, ast.AST]:
        """The innermost node around both, and the one of its parts that leads to another node."""
        for up in self._tree.parents(node):
            if up in self._leading:
                return up, node
            node = up
        return node, node  # the module itself


def _branch(up: ast.AST, way: ast.AST) -> Sequence[ast.AST]:
    """The branch by which that leads further down, with what is asked before it."""
    if isinstance(way, ast.match_case):
        return [*filter(None, [way.guard]), *way.body]
    branches = (up.body, up.orelse) if isinstance(up, ast.If) else ()
    return next((branch for branch in branches if way in branch), ())


def _behind(up: ast.AST, way: ast.AST) -> list[ast.AST]:
    """What follows a statement in its block."""
    for field in ("body", "orelse", "finalbody"):
        block = getattr(up, field, None)
        if isinstance(block, list) and way in block:
            return block[block.index(way) + 1 :]
    return []


def _evaluated_outside(scope: ast.AST) -> list[ast.AST]:
    """What of a function or a comprehension is evaluated where it stands."""
    if isinstance(scope, _COMPREHENSIONS):
        return [scope.generators[0].iter]
    return [part for part in children(scope) if part not in _body(scope)]


def _body(scope: ast.AST) -> list[ast.AST]:
    body = getattr(scope, "body", [])
    return body if isinstance(body, list) else [body]


def own_names(node: ast.AST) -> set[str]:
    """The names that mean something else inside a function or comprehension: its parameters, and what it binds."""
    if isinstance(node, _COMPREHENSIONS):
        return stored([generator.target for generator in node.generators])
    if not isinstance(node, (Function, ast.Lambda)):
        return set()
    nodes = [each for each in inner(node) if each is not node]
    outer = {name for each in nodes if isinstance(each, (ast.Global, ast.Nonlocal)) for name in each.names}
    iterated = {id(n) for each in nodes if isinstance(each, ast.comprehension) for n in ast.walk(each.target)}
    return {*bound_names(each for each in nodes if id(each) not in iterated)} - outer


def closures(scope: ast.AST, names: set[str]) -> set[str]:
    """The functions and classes made in a scope that read one of its variables, or each other, by name."""
    made = [n for n in ast.walk(scope) if n is not scope and isinstance(n, SCOPES) and not isinstance(n, ast.Lambda)]
    found: set[str] = set()
    while True:
        more = {n.name for n in made if any(loads(n, name) for name in names | found)} - found
        if not more:
            return found
        found |= more


__all__ = [
    "Beside",
    "Course",
    "closures",
    "is_anothers",
    "is_own",
    "loads",
    "stored",
    "through",
    "through_one",
    "touches",
]
