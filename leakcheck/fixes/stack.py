"""A connection that is opened on one branch and used after it: an exit stack closes it if it was opened."""

from __future__ import annotations

import ast

from leakcheck.fixes import releases
from leakcheck.fixes.lazy import Need
from leakcheck.fixes.nones import may_be_none
from leakcheck.fixes.scene import Proposal, Scene
from leakcheck.fixes.syntax import SCOPES, Block, inner, mentions
from leakcheck.fixes.text import Refused


def close_on_stack(scene: Scene) -> Proposal:
    """`if conn is None: conn = connect()` and what needs it go into a `with ExitStack() as stack:`."""
    if not scene.bound_directly or scene.value is not scene.call or scene.function is None:
        raise Refused(scene.nameless)
    if scene.handed_over:
        raise Refused(scene.escape())
    if not releases.closes_plainly(scene) or may_be_none(scene):
        raise Refused("an exit stack does not fit")
    block, first = _outermost(scene)
    region = _region(scene, block, first)
    _check(scene, region)
    return _written(scene, region)


def _outermost(scene: Scene) -> tuple[Block, int]:
    """The block that holds every use of the name that may come after the acquire."""
    tree, node = scene.tree, scene.statement
    while True:
        block = tree.block(node)
        index = next(n for n, s in enumerate(block.body) if s is node)
        if not scene.uses_elsewhere(block.body[index:]):
            return block, index
        up = next((p for p in tree.parents(node) if isinstance(p, (ast.stmt, ast.ExceptHandler))), None)
        if up is None or isinstance(up, (*SCOPES, ast.For, ast.AsyncFor, ast.While)):
            raise Refused(f"`{scene.name}` is used in every round of a loop")
        node = up if isinstance(up, ast.stmt) else tree.statement(up)


def _region(scene: Scene, block: Block, first: int) -> list[ast.stmt]:
    names = {name for name, need in scene.lazy({scene.name: Need.CERTAIN}).names.items() if need}
    body = block.body[first:]
    if scene.needed_outside(body, names - {scene.name}):
        raise Refused("what needs the connection is used outside the block it is opened in")
    used = [n for n, s in enumerate(body) if any(isinstance(x, ast.Name) and x.id in names for x in ast.walk(s))]
    return body[: max(used, default=0) + 1]


def _check(scene: Scene, region: list[ast.stmt]) -> None:
    tree, name = scene.tree, scene.name
    if len(region) == 1 and region[0] is scene.statement:
        raise Refused(f"`{name}` is not used after it is opened")
    if not all(map(tree.alone, (region[0], region[-1], scene.statement))) or scene.captured(region):
        raise Refused(f"`{name}` is used in an unusual way")
    if scene.site.releases or releases.find(scene, region).units or scene.spec.kind == "checkout":
        raise Refused(f"`{name}` is also used outside the block it is opened in")
    stores = [
        n
        for s in region
        for n in inner(s)
        if isinstance(n, ast.Name) and n.id == name and not isinstance(n.ctx, ast.Load)
    ]
    if len(stores) != 1 or any(tree.parent(n) is not scene.statement for n in stores):
        raise Refused(f"`{name}` is bound to something else on the way")
    lazy = scene.lazy({name: Need.CERTAIN})
    if max(lazy.gets_out(n, scene.manager) for s in region for n in inner(s)) is Need.CERTAIN:
        raise Refused("a cursor or result that needs the connection outlives the block")


def _written(scene: Scene, region: list[ast.stmt]) -> Proposal:
    tree, draft = scene.tree, scene.draft()
    first, last = tree.first_line(region[0]), tree.last_line(region[-1])
    base = draft.indent_of(first)
    stack = "stack" if not mentions(tree.module, "stack") else f"{scene.name}_stack"
    opener, closing = scene.file.imports.use(draft, first, "ExitStack", "closing")
    draft.deepen(first, last, base)
    draft.insert(first, f"{base}with {opener}() as {stack}:")
    start, end = tree.start(scene.call), tree.end(scene.call)
    before, after = f"{stack}.enter_context({closing}(", "))"
    line = tree.lines[start[0] - 1].rstrip("\r\n")
    if scene.file.style.fits(scene.unit + line + before + after):
        draft.realign(start, end, len(before))
        draft.replace(start[0], start[1], start[1], before)
        draft.replace(end[0], end[1], end[1], after)
    else:
        deep = draft.indent_of(scene.statement.lineno) + scene.unit
        draft.insert((scene.statement.end_lineno or 0) + 1, f"{deep}{before}{scene.name}{after}")
    lazy = scene.lazy({scene.name: Need.CERTAIN})
    returned = max(lazy.gets_out(n, scene.manager) for s in region for n in inner(s))
    doubt = "what is returned may still need the connection" if returned else ""
    if scene.generator:
        doubt = "a generator may be left suspended inside the block"
    if scene.site.certainty != "high":
        doubt = "the kind of the connection is a guess"
    return Proposal(f"close `{scene.name}` by an `ExitStack`", draft, doubt, stack)
