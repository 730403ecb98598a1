"""Loops of workers: they go on until somebody tells them to stop, and wait for their next item meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from leakcheck.checks.held.blocking import Pause
from leakcheck.checks.purpose import EVER, for_ever
from leakcheck.checks.sql import mentions
from leakcheck.flow.sites import Site
from leakcheck.project.syntax.module import FunctionInfo
from leakcheck.project.syntax.walk import children, code, contains, dotted, same_scope, terminal, unawaited, walk
from leakcheck.words import words


def is_workers(wait: cst.CSTNode, pause: Pause, site: Site, function: FunctionInfo) -> bool:
    """Whether a wait stands in a loop like that, for which a connection was made before it. Who only sleeps between
    two looks could do so without one, unless it is for ever, or until the flag is set that ends the loop."""
    if any(id(wait) in loop and id(site.node) not in loop for loop in for_ever(function)):
        return True
    loops = (node for node in walk(function.node.body, same_scope) if isinstance(node, cst.While))
    around = (loop for loop in loops if contains(loop, wait) and not contains(loop, site.node))
    mine = (loop for loop in around if not pause.sleeps or _is_for_flag(pause, loop))
    return any(bool(site.name) and _works(loop, site) and _until_told(loop, wait, function) for loop in mine)


def _is_for_flag(pause: Pause, loop: cst.While) -> bool:
    """`stop.wait(5)` below `while not stop.is_set():`, directly or in what is called: whoever sets it ends both."""
    _, last = pause.chain[-1]
    waited = dotted(last.func) if isinstance(last, cst.Call) else None
    asked = [dotted(node.func) or "" for node in walk(loop.test) if isinstance(node, cst.Call)]
    flags = {path.rpartition(".")[0] for path in asked if path.rpartition(".")[2] in words().stops}
    return waited is not None and waited.rpartition(".")[0] in flags


def _works(loop: cst.While, site: Site) -> bool:
    return mentions([loop.body], site.name.__eq__)


def _until_told(loop: cst.While, wait: cst.CSTNode, function: FunctionInfo) -> bool:
    """Whether nothing ends the loop but a flag that others set, or an item that says so."""
    items = {name for node in walk(loop, same_scope) if (name := _bound_to(node, wait))}
    if code(loop.test) not in EVER:
        return _says_so(loop.test, True, items, function)  # whatever else may end it: it was not made for one answer
    leaving = list(_leaving(loop.body))
    return all(test is not None and _says_so(test, False, items, function) for test in leaving)


def _bound_to(node: cst.CSTNode, wait: cst.CSTNode) -> str:
    """The name that gets what was waited for."""
    target: cst.CSTNode | None = None
    if isinstance(node, cst.Assign) and len(node.targets) == 1:
        target = node.targets[0].target
    elif isinstance(node, cst.NamedExpr):
        target = node.target
    is_it = isinstance(node, (cst.Assign, cst.NamedExpr)) and contains(node.value, wait)
    return target.value if isinstance(target, cst.Name) and is_it else ""


def _leaving(node: cst.CSTNode, test: cst.BaseExpression | None = None) -> Iterator[cst.BaseExpression | None]:
    """The innermost test of each statement that ends the loop; None for one without."""
    for child in filter(same_scope, children(node)):
        if isinstance(child, (cst.Return, cst.Break)):
            yield test
        elif isinstance(child, (cst.For, cst.While)):
            yield from (None for part in walk(child.body, same_scope) if isinstance(part, cst.Return))
        elif isinstance(child, cst.If):
            yield from _leaving(child.body, child.test)
            yield from _leaving(child.orelse) if child.orelse is not None else ()
        else:
            yield from _leaving(child, test)


def _says_so(test: cst.BaseExpression, goes_on: bool, items: set[str], function: FunctionInfo) -> bool:
    """Whether only what others say decides a test: `stop.is_set()`, `self.running`, `item is None`, `not item`. One of
    an item must be true where the loop goes on, or ends: a loop that waits for its first item is no worker's."""
    if isinstance(test, cst.BooleanOperation):
        return all(_says_so(part, goes_on, items, function) for part in (test.left, test.right))
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        return _says_so(test.expression, not goes_on, items, function)
    if isinstance(test, cst.Comparison):
        wanted = cst.IsNot if goes_on else cst.Is
        return isinstance(test.comparisons[0].operator, wanted) and _name(test.left) in items
    if isinstance(test, (cst.Name, cst.NamedExpr)) and _name(test) in items:
        return goes_on
    asked = unawaited(test)
    if isinstance(asked, cst.Call):
        return terminal(asked.func) in words().stops and not asked.args
    return _is_flag(test, function)


def _name(node: cst.BaseExpression) -> str:
    """`item`, `(item := items.get())`."""
    node = node.target if isinstance(node, cst.NamedExpr) else node
    return node.value if isinstance(node, cst.Name) else ""


def _is_flag(node: cst.BaseExpression, function: FunctionInfo) -> bool:
    """A field of the object, or a name of the module, to which the function itself assigns nothing."""
    path = dotted(node) or ""
    owner, _, field = path.partition(".")
    own = {parameter.name.value for parameter in function.parameters}
    if not field:
        return bool(path) and path not in EVER and path not in own | function.bindings.names | function.bindings.outer
    stored = (
        n.target for n in walk(function.node.body) if isinstance(n, (cst.AssignTarget, cst.AugAssign, cst.AnnAssign))
    )
    return function.cls is not None and owner in own and all(dotted(target) != path for target in stored)
