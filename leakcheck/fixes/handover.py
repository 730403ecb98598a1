"""A connection that the function hands on: released if something fails before it does."""

from __future__ import annotations

import ast

from leakcheck.fixes import releases
from leakcheck.fixes.nones import may_be_none
from leakcheck.fixes.scene import Proposal, Scene
from leakcheck.fixes.syntax import CROWDED, inner, mentions, terminal
from leakcheck.fixes.text import Refused
from leakcheck.flow.state import Status


def guard_hand_over(scene: Scene) -> Proposal:
    """`conn = connect(); set up; return conn`: the set-up goes into a `try` that closes and raises again."""
    if scene.code != "LK102" or not scene.handed_over or not scene.name:
        raise Refused("")
    setup = _setup(scene)
    _check(scene, setup)
    tree, draft = scene.tree, scene.draft()
    first, last = tree.first_line(setup[0]), tree.last_line(setup[-1])
    base = draft.indent_of(first)
    text = releases.written(scene, scene.name)
    inner_ = base + scene.unit
    lines = (
        [f"{inner_}if {scene.name} is not None:", f"{inner_}{scene.unit}{text}"]
        if may_be_none(scene)
        else [inner_ + text]
    )
    draft.deepen(first, last, base)
    draft.insert(first, f"{base}try:")
    draft.insert(last + 1, f"{base}except BaseException:", *lines, f"{inner_}raise")
    doubt = "" if scene.site.certainty == "high" else "the kind of the connection is a guess"
    return Proposal(f"release `{scene.name}` if what follows raises", draft, doubt)


def _setup(scene: Scene) -> list[ast.stmt]:
    """What stands between the acquire and the hand-over."""
    following = scene.block.body[scene.index + 1 :]
    count = next((n for n, statement in enumerate(following) if _hands_over(statement, scene.name)), None)
    if count is None:
        raise Refused(scene.escape())
    if count == 0:
        raise Refused("nothing stands between the acquire and the hand-over")
    return following[:count]


def _hands_over(statement: ast.stmt, name: str) -> bool:
    """`return conn`, `return Wrapper(conn)`, `self.conn = conn`, `local.conn = conn`."""
    if isinstance(statement, ast.Return):
        return statement.value is not None and _gives(statement.value, name)
    if isinstance(statement, ast.Assign):
        stored = all(isinstance(t, (ast.Attribute, ast.Subscript)) for t in statement.targets)
        return stored and not _setting(statement, name) and _gives(statement.value, name)
    return False


def _setting(statement: ast.Assign, name: str) -> bool:
    """`conn.row_factory = …`"""
    return all(
        isinstance(t, ast.Attribute) and isinstance(t.value, ast.Name) and t.value.id == name for t in statement.targets
    )


def _gives(value: ast.expr, name: str) -> bool:
    """Whether the value is the connection or something built around it."""
    if isinstance(value, ast.Name):
        return value.id == name
    if isinstance(value, (ast.Tuple, ast.List)):
        return any(_gives(element, name) for element in value.elts)
    if isinstance(value, ast.Call):
        made = terminal(value.func)
        return (made[:1].isupper() or made == "cls") and any(
            _gives(a, name) for a in (*value.args, *(k.value for k in value.keywords))
        )
    return False


def _check(scene: Scene, setup: list[ast.stmt]) -> None:
    tree, name = scene.tree, scene.name
    if scene.function is None:
        raise Refused(f"`{name}` is a global")
    if not all(map(tree.alone, (scene.statement, setup[0], setup[-1]))):
        raise Refused(CROWDED)
    if releases.find(scene, setup).units:
        raise Refused(f"`{name}` is released on the way already")
    nodes = [n for s in setup for n in inner(s)]
    if any(
        isinstance(n, (ast.Return, ast.Yield, ast.YieldFrom, ast.Break, ast.Continue))
        for n in nodes
        if not _in_loop(n, setup)
    ):
        raise Refused("another way out stands between the acquire and the hand-over")
    if any(isinstance(n, ast.Name) and n.id == name and not isinstance(n.ctx, ast.Load) for n in nodes):
        raise Refused(f"`{name}` is bound to something else on the way")
    lines = range(tree.first_line(setup[0]), (setup[-1].end_lineno or 0) + 1)
    if any(scene.line_of(r) in lines for r in scene.handed_over if r.status is Status.ESCAPED):
        raise Refused(scene.escape())
    if any(mentions(handler, name) for handler in _handlers(scene)):
        raise Refused(f"a handler further out uses `{name}`")


def _in_loop(node: ast.AST, setup: list[ast.stmt]) -> bool:
    """`break` and `continue` of a loop inside the set-up leave nothing but that."""
    if not isinstance(node, (ast.Break, ast.Continue)):
        return False
    loops = (n for s in setup for n in inner(s) if isinstance(n, (ast.For, ast.AsyncFor, ast.While)))
    return any(node in ast.walk(loop) for loop in loops)


def _handlers(scene: Scene) -> list[ast.AST]:
    """Handlers and `finally` blocks around the acquire."""
    found: list[ast.AST] = []
    for up in scene.tree.parents(scene.statement):
        if up is scene.function:
            break
        found += [*getattr(up, "handlers", ()), *getattr(up, "finalbody", ())]
    return found
