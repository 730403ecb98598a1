"""A connection that no variable ever holds."""

from __future__ import annotations

import ast

from leakcheck.fixes import releases
from leakcheck.fixes.lazy import Need
from leakcheck.fixes.nones import may_be_none
from leakcheck.fixes.reads import touches
from leakcheck.fixes.scene import Proposal, Scene
from leakcheck.fixes.syntax import CROWDED, dotted, inner, rebinds
from leakcheck.fixes.text import Refused

# What is evaluated later, perhaps, in each round, or in a scope of its own.
_APART = (
    *(ast.IfExp, ast.BoolOp, ast.Lambda, ast.comprehension, ast.NamedExpr, ast.JoinedStr),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)


def close_at_once(scene: Scene) -> Proposal:
    """`connect(dsn)` as a statement becomes `connect(dsn).close()`."""
    statement = scene.statement
    if not isinstance(statement, ast.Expr) or statement.value is not scene.call or not releases.closes_plainly(scene):
        raise Refused("")
    if scene.spec.needs_await or may_be_none(scene) or not isinstance(scene.call, ast.Call):
        raise Refused("")
    draft = scene.draft()
    line, column = scene.tree.end(scene.call)
    draft.replace(line, column, column, ".close()")
    return Proposal("close the connection at once", draft)


def close_unused(scene: Scene) -> Proposal:
    """`conn = connect()` that nobody uses is followed by its release."""
    if not scene.name or scene.code != "LK101" or scene.handed_over or may_be_none(scene):
        raise Refused("")
    following = scene.block.body[scene.index + 1 :]
    again = next((n for n, s in enumerate(following) if rebinds(s, scene.name)), len(following))
    if any(touches(s, scene.name) for s in following[:again]) or scene.uses_elsewhere(following[again:]):
        raise Refused("")
    if scene.function is None or not scene.tree.alone(scene.statement):
        raise Refused("")
    draft = scene.draft()
    line = scene.statement.end_lineno or 0
    draft.insert(line + 1, f"{draft.indent_of(scene.statement.lineno)}{releases.written(scene, scene.name)}")
    return Proposal(f"release `{scene.name}`, which nothing uses", draft)


def name_it(scene: Scene) -> Proposal:
    """`return connect().execute(q).fetchall()`: a `with` around gives the connection a name and closes it."""
    tree, statement, block = scene.tree, scene.statement, scene.block
    if scene.name or scene.value is not scene.call or not releases.closes_plainly(scene) or scene.spec.needs_await:
        raise Refused("")
    if not isinstance(statement, (ast.Return, ast.Assign, ast.Expr, ast.For)) or scene.function is None:
        raise Refused(scene.nameless)
    up = tree.parent(scene.call)
    if isinstance(up, ast.Call) and dotted(up.func).rpartition(".")[2] in ("closing", "enter_context", "push"):
        raise Refused("an exit stack that is never closed holds the connection")
    if scene.handed_over:
        raise Refused(scene.escape())
    if scene.site.releases:
        raise Refused(scene.nameless)
    if may_be_none(scene) or scene.generator or not _evaluated_first(scene):
        raise Refused(scene.nameless)
    last, doubt = _last(scene, block.body[scene.index + 1 :])
    (line, column), (end, stop) = tree.start(scene.call), tree.end(scene.call)
    if line != end or not tree.alone(statement) or not tree.alone(last):
        raise Refused(CROWDED)
    name, draft = scene.fresh_name(), scene.draft()
    base = draft.indent_of(statement.lineno)
    (closing,) = scene.file.imports.use(draft, line, "closing")
    draft.deepen(statement.lineno, tree.last_line(last), base)
    header = f"{base}with {closing}({tree.text(scene.call)}) as {name}:"
    if scene.file.style.fits(header):
        draft.insert(statement.lineno, header)
    else:
        draft.insert(statement.lineno, f"{base}{name} = {tree.text(scene.call)}", f"{base}with {closing}({name}):")
    draft.replace(line, column, stop, name)
    if scene.spec.cursor_dies:
        doubt = "what this driver makes of a connection that nobody holds is dead or shared; now it works"
    if scene.site.certainty != "high":
        doubt = doubt or "the kind of the connection is a guess"
    return Proposal("give the connection a name and close it", draft, doubt, name)


def _evaluated_first(scene: Scene) -> bool:
    """Whether the acquire is the first thing the statement does, and does once and surely."""
    statement = scene.statement
    value = statement.iter if isinstance(statement, ast.For) else getattr(statement, "value", None)
    node: ast.AST = scene.call
    while node is not value:
        up = scene.tree.parent(node)
        if up is None or isinstance(up, _APART):
            return False
        for child in ast.iter_child_nodes(up):
            if child is node:
                break
            if any(isinstance(n, (ast.Call, ast.Await, ast.Subscript)) for n in ast.walk(child)):
                return False
        node = up
    return True


def _last(scene: Scene, following: list[ast.stmt]) -> tuple[ast.stmt, str]:
    """The last statement that needs the connection, and what is doubtful about ending there."""
    lazy = scene.lazy({})
    names = {name for name, need in lazy.names.items() if need}
    needing = [s for s in following if lazy.within(s)]
    last = needing[-1] if needing else scene.statement
    region = [scene.statement, *following[: following.index(last) + 1 if needing else 0]]
    lazy.bounded(region[1:])
    inside = {id(n) for s in region for n in ast.walk(s)}
    outside = (
        n for n in ast.walk(scene.function or scene.tree.module) if isinstance(n, ast.Name) and id(n) not in inside
    )
    if any(n.id in names and isinstance(n.ctx, ast.Load) for n in outside):
        raise Refused("what needs the connection is used outside the block it is opened in")
    worst = max(lazy.gets_out(n, scene.manager) for s in region for n in inner(s))
    if worst is Need.CERTAIN:
        raise Refused("a cursor or result that needs the connection outlives the block")
    return last, "what is returned may still need the connection" if worst else ""
