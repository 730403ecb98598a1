"""Which coroutines and generators that a function makes also run there, to their end."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from leakcheck.flow.interpreter import Interpreter
from leakcheck.project.syntax.walk import code, same_scope, walk
from leakcheck.words import words

_RUNNERS = ("asyncio.run", "anyio.run", ".run_until_complete")
_STARTS = "create_task"  # of a group, which waits for its tasks
_FROM_THREADS = frozenset({"run_coroutine_threadsafe", "result"})  # the latter waits for what the former has started


def driven(body: cst.CSTNode) -> frozenset[int]:
    """The ids of the nodes in expressions that are awaited, iterated or entered, at once or by a name."""
    return frozenset(id(n) for driver in (*_at_once(body), *_by_name(body)) for n in walk(driver, same_scope))


def left_to_run(run: Interpreter) -> frozenset[int]:
    """The ids of the calls that a function starts as tasks of their own, and does not wait for."""
    if run.function is None or not run.started or run.function.words >= _FROM_THREADS:
        return frozenset()
    return frozenset(run.started) - driven(run.function.node.body)


def _at_once(body: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for node in walk(body, same_scope):
        if isinstance(node, cst.Await):
            yield node.expression
        elif isinstance(node, (cst.For, cst.CompFor)):
            yield node.iter
        elif isinstance(node, cst.With) and node.asynchronous:
            yield from (item.item for item in node.items)
        elif isinstance(node, cst.Call) and code(node.func).endswith(_RUNNERS):
            yield node


def _by_name(body: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """`task = create_task(work())`, `jobs.append(work())` where the same block awaits `task` or `jobs`; and what a
    group is given in its block."""
    for region, group in _regions(body):
        awaited = _awaited(region)
        for node in walk(region, _own) if awaited or group else ():
            if isinstance(node, cst.Assign):
                if any(isinstance(t.target, cst.Name) and t.target.value in awaited for t in node.targets):
                    yield node.value
            elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
                owner, method = node.func.value, node.func.attr.value
                name = owner.value if isinstance(owner, cst.Name) else ""
                if (name in awaited and method in words().fills) or (name in group and method == _STARTS):
                    yield from (argument.value for argument in node.args)


def _regions(body: cst.CSTNode) -> Iterator[tuple[cst.CSTNode, set[str]]]:
    """The blocks at whose end a connection may be given back, with the names of the groups that end there as well."""
    yield body, set()
    for node in walk(body, same_scope):
        if isinstance(node, cst.Try):
            yield node.body, set()
        elif isinstance(node, cst.With):
            bound = [item.asname.name for item in node.items if node.asynchronous and item.asname]
            yield node.body, {name.value for name in bound if isinstance(name, cst.Name)}


def _own(node: cst.CSTNode) -> bool:
    """For `walk`: stay out of inner regions."""
    return same_scope(node) and not isinstance(node, (cst.Try, cst.With))


def _awaited(region: cst.CSTNode) -> set[str]:
    waits = (node.expression for node in walk(region, same_scope) if isinstance(node, cst.Await))
    return {part.value for wait in waits for part in walk(wait, same_scope) if isinstance(part, cst.Name)}
