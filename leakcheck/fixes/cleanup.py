"""A clean-up block in which something before the release may fail."""

from __future__ import annotations

import ast

from leakcheck.fixes import releases
from leakcheck.fixes.scene import Proposal, Scene
from leakcheck.fixes.syntax import CROWDED, Try, is_none
from leakcheck.fixes.text import Refused


def release_anyway(scene: Scene) -> Proposal:
    """`finally: cursor.close(); conn.close()` becomes a `try` with the release in its own `finally`."""
    if not scene.name or scene.code != "LK102":
        raise Refused("")
    tree, draft = scene.tree, scene.draft()
    unit = _only_release(scene)
    body = tree.block(unit).body
    first = body[: body.index(unit)]
    if not first or body is scene.block.body:
        raise Refused("nothing stands before the release")
    if not all(map(tree.alone, (first[0], first[-1], unit))):
        raise Refused(CROWDED)
    start, last = tree.first_line(first[0]), tree.last_line(first[-1])
    base = draft.indent_of(start)
    draft.insert(start, f"{base}try:")
    draft.deepen(start, tree.last_line(unit), base)
    draft.insert(last + 1, f"{base}finally:")
    doubt = "" if _surely_there(scene, unit) else "the release may raise another error where nothing was opened"
    return Proposal(f"release `{scene.name}` whatever else fails", draft, doubt)


def _surely_there(scene: Scene, unit: ast.stmt) -> bool:
    """Whether the release cannot fail for want of a connection: opened before the `try`, or None at first and asked."""
    owners = [up for up in scene.tree.parents(unit) if isinstance(up, Try) and _holds(up.finalbody, unit)]
    if not any(_holds([owner], scene.statement) for owner in owners):
        return True
    before = [
        s for s in scene.body if isinstance(s, ast.Assign) and is_none(s.value) and s.lineno < scene.statement.lineno
    ]
    names = {target.id for s in before for target in s.targets if isinstance(target, ast.Name)}
    return isinstance(unit, ast.If) and scene.name in names


def _only_release(scene: Scene) -> ast.stmt:
    """The one place where the function releases the connection, if that is a place for cleaning up."""
    tree = scene.tree
    units = releases.find(scene, scene.body).units
    if len(units) != 1:
        raise Refused("the connection is released in several places, or nowhere")
    owner = tree.block(units[0]).owner
    cleanup = isinstance(owner, Try) and units[0] not in owner.body + owner.orelse
    if not cleanup and not any(isinstance(up, Try) and _holds(up.finalbody, units[0]) for up in tree.parents(units[0])):
        raise Refused("the release is no clean-up")
    return units[0]


def _holds(body: list[ast.stmt], node: ast.AST) -> bool:
    return any(each is node for statement in body for each in ast.walk(statement))
