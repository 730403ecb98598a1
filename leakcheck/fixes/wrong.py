"""Releases that lose the slot: the wrong call, the wrong pool, or a guard that forbids the right one."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from leakcheck.fixes import releases
from leakcheck.fixes.scene import Proposal, Scene
from leakcheck.fixes.syntax import Try, bare, dotted
from leakcheck.fixes.text import Refused


def use_right_release(scene: Scene) -> Proposal:
    """`conn.close()` becomes `pool.putconn(conn)`."""
    if scene.code != "LK104" or not scene.name or scene.handed_over:
        raise Refused("")
    right = releases.written(scene, scene.name)
    wrong = [
        n
        for n in ast.walk(scene.function or scene.tree.module)
        if isinstance(n, ast.Expr) and _is_wrong(scene, n, right)
    ]
    if not wrong:
        raise Refused("")
    draft = scene.draft()
    for statement in wrong:
        (line, start), (last, end) = scene.tree.start(statement), scene.tree.end(statement)
        if line != last:
            raise Refused("the release spans lines")
        draft.replace(line, start, end, right)
    return Proposal(f"give `{scene.name}` back with `{right}`", draft, next(_doubts(scene, wrong), ""))


def _doubts(scene: Scene, wrong: list[ast.Expr]) -> Iterator[str]:
    """What a pool minds, or tells otherwise, and a closed connection did not."""
    if len({statement.lineno for statement in wrong}) < len(wrong):
        yield "it is released twice on one line"
    if scene.spec.double_release != "safe":
        if any(scene.tree.function(statement) is not scene.function for statement in wrong):
            yield "a nested function may give it back as well"
        if any(_may_come_again(scene, statement, wrong) for statement in wrong):
            yield "it may be given back twice"
    if any(_asks_later(scene, node, wrong) for node in ast.walk(scene.function or scene.tree.module)):
        yield "whether it is closed is asked elsewhere"


def _may_come_again(scene: Scene, last: ast.Expr, wrong: list[ast.Expr]) -> bool:
    """Whether another release stands in a `try` of which this one is in the `finally`."""
    node: ast.AST = last
    for up in scene.tree.parents(last):
        if isinstance(up, Try) and node in up.finalbody:
            within = {id(n) for part in (*up.body, *up.handlers, *up.orelse) for n in ast.walk(part)}
            if any(id(statement) in within for statement in wrong):
                return True
        node = up
    return False


def _asks_later(scene: Scene, node: ast.AST, wrong: list[ast.Expr]) -> bool:
    """`conn.closed`, where it is no guard of a release."""
    if (
        not isinstance(node, ast.Attribute)
        or dotted(node.value) != scene.name
        or node.attr not in scene.spec.predicates
    ):
        return False
    statement = scene.tree.statement(node)
    return not isinstance(statement, ast.If) or not any(statement in scene.tree.parents(each) for each in wrong)


def _is_wrong(scene: Scene, statement: ast.Expr, right: str) -> bool:
    """A call that ends the connection without giving its slot back, or gives it to another pool."""
    call = bare(statement.value)
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return False
    if any(
        form.on == "conn" and dotted(call.func) == f"{scene.name}.{form.method}" for form in scene.spec.wrong_release
    ):
        return True
    where = scene.verdict.leak.resource.where
    if where is None or ast.unparse(statement) == right or scene.verdict.leak.resource.how == "guard":
        return False
    try:
        span = scene.file.module.span(where)
    except (StopIteration, KeyError):
        return False
    return scene.tree.start(call) == (span.line, span.column - 1) and [dotted(a) for a in call.args] == [scene.name]


def drop_guard(scene: Scene) -> Proposal:
    """`if conn and conn.is_connected(): conn.close()` becomes `if conn: conn.close()`."""
    leak = scene.verdict.leak
    if scene.code != "LK104" or leak.resource.how != "guard" or leak.resource.where is None:
        raise Refused("")
    test = scene.tree.at(scene.file.module.span(leak.resource.where))
    draft = scene.draft()
    up = scene.tree.parent(test)
    owner = next((n for n in (up, *scene.tree.parents(test)) if isinstance(n, ast.If)), None)
    whole = owner.test if owner else None
    if isinstance(whole, ast.BoolOp) and isinstance(whole.op, ast.And):
        alive = _alive(scene, whole)
        if alive is None:
            raise Refused("the guard is not understood")
        index = whole.values.index(alive)
        start = scene.tree.end(whole.values[index - 1]) if index else scene.tree.start(alive)
        end = scene.tree.end(alive) if index else scene.tree.start(whole.values[1])
        if start[0] != end[0]:
            raise Refused("the guard spans lines")
        draft.replace(start[0], start[1], end[1], "")
    elif owner is not None and whole is not None and _is_alive(scene, whole):
        start, end = scene.tree.start(whole), scene.tree.end(whole)
        name = dotted(whole.func if isinstance(whole, ast.Call) else whole).rpartition(".")[0]
        draft.replace(start[0], start[1], end[1], name)
    else:
        raise Refused("the guard is not understood")
    return Proposal("release the connection even if it is dead", draft, "the release of a dead connection may raise")


def _alive(scene: Scene, test: ast.BoolOp) -> ast.expr | None:
    return next((value for value in test.values if _is_alive(scene, value)), None)


def _is_alive(scene: Scene, value: ast.expr) -> bool:
    text = dotted(value.func) + "()" if isinstance(value, ast.Call) and not value.args else dotted(value)
    return text.rpartition(".")[2] in scene.spec.alive
