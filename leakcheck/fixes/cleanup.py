"""A clean-up block in which something before the release may fail."""

from __future__ import annotations

import ast

from leakcheck.fixes import releases
from leakcheck.fixes.scene import Proposal, Scene
from leakcheck.fixes.syntax import Try
from leakcheck.fixes.text import Refused


def release_anyway(scene: Scene) -> Proposal:
    """`finally: cursor.close(); conn.close()` becomes a `try` with the release in its own `finally`."""
    if not scene.name or scene.code != "LK102":
        raise Refused("")
    body = _cleanup(scene)
    units = releases.find(scene, body).units
    if len(units) != 1 or units[0] not in body:
        raise Refused("the clean-up releases the connection in several places")
    index = body.index(units[0])
    first, rest = body[:index], body[index:]
    tree, draft = scene.tree, scene.draft()
    if not first:
        raise Refused("nothing stands before the release")
    if not all(map(tree.alone, (first[0], first[-1], rest[0]))):
        raise Refused("several statements share a line")
    base = draft.indent_of(tree.first_line(first[0]))
    start, middle, end = tree.first_line(first[0]), tree.first_line(rest[0]), rest[0].end_lineno or 0
    last = first[-1].end_lineno or 0
    draft.insert(start, f"{base}try:")
    draft.deepen(start, end, base)
    draft.insert(last + 1, f"{base}finally:")
    assert middle > last
    return Proposal(f"release `{scene.name}` whatever else fails", draft)


def _cleanup(scene: Scene) -> list[ast.stmt]:
    """The `finally` block that is to release the connection: around the acquire, or after it."""
    tree = scene.tree
    around = [up for up in tree.parents(scene.statement) if isinstance(up, Try)]
    after = [n for s in scene.block.body[scene.index + 1 :] for n in ast.walk(s) if isinstance(n, Try)]
    for owner in (*around, *after):
        if tree.function(owner) is scene.function and releases.find(scene, owner.finalbody).units:
            return owner.finalbody
    raise Refused("")
