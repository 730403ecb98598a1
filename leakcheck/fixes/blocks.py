"""`with` blocks on a connection that do not release it, or release it in the wrong way."""

from __future__ import annotations

import ast

from leakcheck.fixes import releases
from leakcheck.fixes.lazy import Need
from leakcheck.fixes.nones import may_be_none
from leakcheck.fixes.reads import closures, is_own, loads, stored, through, through_one
from leakcheck.fixes.removal import erase_all
from leakcheck.fixes.scene import Proposal, Scene
from leakcheck.fixes.syntax import CROWDED, LOOPS, SCOPES, Place, dotted, inner
from leakcheck.fixes.text import Draft, Refused

With = ast.With | ast.AsyncWith


def drop_await(scene: Scene) -> Proposal:
    """`async with await pool.acquire()` becomes `async with pool.acquire()`."""
    up = scene.statement
    items = up.items if isinstance(up, ast.AsyncWith) else []
    if (
        (scene.code != "LK104" and scene.spec.with_effect != "unsupported")
        or scene.value is scene.call
        or not any(item.context_expr is scene.value for item in items)
    ):
        raise Refused("")
    if scene.spec.enter not in ("closes", "returns"):
        raise Refused("its acquire is no context manager")
    name = next(_name(scene, item) for item in items if item.context_expr is scene.value)
    doubt = _check(scene, name) if name else ""
    if name and _last_use(scene, name) is not None:
        raise Refused(f"`{name}` is used after the block")
    draft = scene.draft()
    start, end = scene.tree.start(scene.value), scene.tree.start(scene.call)
    if start[0] != end[0]:
        raise Refused("the `await` stands on a line of its own")
    draft.replace(start[0], start[1], end[1], "")
    if scene.spec.with_effect == "unsupported":
        doubt = "to enter what `await` gives raises; now the block is run"
    return Proposal("let `async with` acquire the connection", draft, doubt)


def close_after_block(scene: Scene) -> Proposal:
    """`with connect() as c:` becomes `with closing(connect()) as c, c:`: the transaction stays."""
    item = _item(scene, scene.call)
    if item is None or isinstance(scene.statement, ast.AsyncWith) or not releases.closes_plainly(scene):
        raise Refused("")
    if may_be_none(scene):
        raise Refused("the acquire may give None")
    name = _name(scene, item) or scene.fresh_name()
    doubt = _check(scene, name)
    draft = scene.draft()
    last = _last_use(scene, name)
    if (
        last is not None
        and _is_close(last, name)
        and scene.block.body[scene.index + 1] is last
        and scene.tree.alone(last)
    ):
        erase_all(scene, draft, last)
    elif last is not None:
        _around(scene, item, name, last, draft)
        return Proposal("close the connection after its last use", draft, doubt)
    (closing,) = scene.file.imports.use(draft, scene.statement.lineno, "closing")
    _enter_both(scene, item, name, f"{closing}({{}})", draft)
    return Proposal("close the connection after the block", draft, doubt)


def _enter_both(scene: Scene, item: ast.withitem, name: str, closing: str, draft: Draft) -> None:
    """What closes the connection, then the connection itself, in the head of the block."""
    tree = scene.tree
    before, _, after = closing.partition("{}")
    start, end = _bounds(scene)
    stop = tree.end(item.optional_vars) if item.optional_vars else end
    named = "" if item.optional_vars else f" as {name}"
    line = tree.lines[stop[0] - 1].rstrip("\r\n")
    if start[0] == stop[0] and not scene.file.style.fits(f"{line}{before}{after}{named}, {name}"):
        if _enter_shorter(scene, item, name, closing, draft):
            return
    draft.realign(start, end, len(before))
    draft.replace(start[0], start[1], tree.start(scene.call)[1], before)
    draft.replace(end[0], tree.end(scene.call)[1], end[1], after + (f"{named}, {name}" if named else ""))
    if not named:
        draft.replace(stop[0], stop[1], stop[1], f", {name}")


def _bounds(scene: Scene) -> tuple[Place, Place]:
    """Where the acquire begins and ends, with parentheses that stand around nothing else."""
    (line, start), (last, end) = scene.tree.start(scene.call), scene.tree.end(scene.call)
    before, behind = scene.tree.lines[line - 1][:start].rstrip(), scene.tree.lines[last - 1][end:]
    gap = len(behind) - len(behind.lstrip())
    if before.endswith(" (") and behind[gap:].startswith(")"):
        return (line, len(before) - 1), (last, end + gap + 1)
    return (line, start), (last, end)


def _enter_shorter(scene: Scene, item: ast.withitem, name: str, closing: str, draft: Draft) -> bool:
    """The same in shorter lines: acquired before the block, or one item a line where Python allows that."""
    tree, statement = scene.tree, scene.statement
    assert isinstance(statement, ast.With)
    line, base = statement.lineno, draft.indent_of(statement.lineno)
    start, end = _bounds(scene)
    end = tree.end(item.optional_vars) if item.optional_vars else end
    if item is statement.items[0]:
        draft.insert(line, f"{base}{name} = {tree.text(scene.call)}")
        draft.replace(line, start[1], end[1], f"{closing.format(name)}, {name}")
        return True
    last = statement.items[-1]
    head, stop = tree.start(statement.items[0].context_expr), tree.end(last.optional_vars or last.context_expr)
    between = draft.line(line)[tree.start(statement)[1] : head[1]]
    if not scene.file.style.parenthesised or stop[0] != line or between != "with ":
        return False
    texts = [_item_text(scene, each) for each in statement.items]
    texts[statement.items.index(item) : statement.items.index(item) + 1] = [
        f"{closing.format(tree.text(scene.call))} as {name}",
        name,
    ]
    body = "".join(f"{base}{scene.unit}{text},{draft.end}" for text in texts)
    draft.replace(line, head[1], stop[1], f"({draft.end}{body}{base})")
    return True


def _item_text(scene: Scene, item: ast.withitem) -> str:
    text = scene.tree.text(item.context_expr)
    return f"{text} as {scene.tree.text(item.optional_vars)}" if item.optional_vars else text


def _around(scene: Scene, item: ast.withitem, name: str, last: ast.stmt, draft: Draft) -> None:
    """The connection is used after its block: another block around both."""
    tree, statement = scene.tree, scene.statement
    assert isinstance(statement, ast.With)
    if statement.items[0] is not item or not tree.alone(last):
        raise Refused(f"`{name}` is used after the block")
    start, end = _bounds(scene)
    stop = tree.end(item.optional_vars) if item.optional_vars else end
    if start[0] != stop[0]:
        raise Refused("the head of the block spans lines")
    base = draft.indent_of(statement.lineno)
    between = scene.block.body[scene.index + 1 : scene.block.body.index(last)]
    if _is_close(last, name) and between and name not in stored(between):  # else it may close another one
        erase_all(scene, draft, last)
    (closing,) = scene.file.imports.use(draft, statement.lineno, "closing")
    draft.deepen(statement.lineno, tree.last_line(last), base)
    draft.insert(statement.lineno, f"{base}with {closing}({tree.text(scene.call)}) as {name}:")
    draft.replace(start[0], start[1], stop[1], name)


def return_after_block(scene: Scene) -> Proposal:
    """`with pool.getconn() as conn:` becomes a `try` around `with conn:` that gives the connection back."""
    wrapped = scene.tree.parent(scene.call)
    closing = isinstance(wrapped, ast.Call) and dotted(wrapped.func).rpartition(".")[2] in ("closing", "aclosing")
    outer = wrapped if closing and isinstance(wrapped, ast.Call) else scene.value
    item = _item(scene, outer)
    statement = scene.statement
    if item is None or not isinstance(statement, With) or scene.spec.kind != "checkout":
        raise Refused("")
    if scene.spec.with_effect == "unsupported" and not closing:
        raise Refused("what the block enters is no context manager")
    name = _name(scene, item)
    if statement.items[0] is not item or not name:
        raise Refused("the connection is not what the block begins with")
    doubt = _check(scene, name)
    if _last_use(scene, name) is not None:
        raise Refused(f"`{name}` is used after the block")
    rest = statement.items[1:]
    if closing and not rest:
        raise Refused("the block has nothing else to enter")
    tree, draft = scene.tree, scene.draft()
    start = tree.start(outer)
    stop = tree.start(rest[0].context_expr) if closing else tree.end(item.optional_vars or outer)
    if start[0] != stop[0]:
        raise Refused("the head of the block spans lines")
    base, text = draft.indent_of(statement.lineno), releases.written(scene, name)
    draft.deepen(statement.lineno, tree.last_line(statement), base)
    draft.replace(start[0], start[1], stop[1], "" if closing else name)
    draft.insert(statement.lineno, f"{base}{name} = {tree.text(scene.value)}", f"{base}try:")
    draft.insert(tree.last_line(statement) + 1, f"{base}finally:", f"{base}{scene.unit}{text}")
    return Proposal(f"return `{name}` to its pool in a `finally`", draft, doubt)


def _item(scene: Scene, value: ast.expr) -> ast.withitem | None:
    """The item of the statement's head that enters this value."""
    items = scene.statement.items if isinstance(scene.statement, With) else []
    return next((item for item in items if item.context_expr is value), None)


def _name(scene: Scene, item: ast.withitem) -> str:
    if item.optional_vars is None:
        return ""
    if not isinstance(item.optional_vars, ast.Name):
        raise Refused("the connection is bound to no plain name")
    return item.optional_vars.id


def _check(scene: Scene, name: str) -> str:
    """Raises if the block cannot be closed behind; gives what makes it unsafe."""
    statement = scene.statement
    assert isinstance(statement, With)
    if not scene.tree.alone(statement):
        raise Refused(CROWDED)
    if scene.handed_over:
        raise Refused(scene.escape())
    if any(
        isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store)
        for s in statement.body
        for n in inner(s)
    ):
        raise Refused(f"`{name}` is bound to something else in the block")
    closes = [n for s in statement.body for n in ast.walk(s) if _closes(n, name)]
    if scene.spec.double_release != "safe" and (closes or releases.unaccounted(scene, [])):
        raise Refused(f"`{name}` is released in the block already")
    lazy = scene.lazy({name: Need.CERTAIN})
    worst = max(lazy.gets_out(n, scene.manager) for s in statement.body for n in inner(s))
    if worst is Need.CERTAIN:
        raise Refused("a cursor or result that needs the connection outlives the block")
    if worst is Need.PERHAPS:
        return "what is returned may still need the connection"
    if scene.generator:
        return "a generator may be left suspended inside the block"
    scope = scene.function or scene.tree.module
    if any(isinstance(n, SCOPES) and n is not scope and loads(n, name) for n in ast.walk(scope)):
        return f"a nested function uses `{name}`"
    return "" if scene.site.certainty == "high" else "the kind of the connection is a guess"


def _closes(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and dotted(node.func) == f"{name}.close"


def _is_close(statement: ast.stmt, name: str) -> bool:
    """`conn.close()` and nothing more."""
    return isinstance(statement, ast.Expr) and _closes(statement.value, name)


def _last_use(scene: Scene, name: str) -> ast.stmt | None:
    """The last statement after the block that needs the connection; raises if that is in another block."""
    scope = scene.function or scene.tree.module
    if any(isinstance(n, (ast.Global, ast.Nonlocal)) and name in n.names for n in inner(scope)):
        raise Refused(f"`{name}` is bound for other functions too")
    needing = closures(scope, {name})
    lazy = scene.lazy(dict.fromkeys({name, *needing}, Need.CERTAIN))
    names = {n for n, need in lazy.names.items() if need}
    body = scene.block.body[scene.index + 1 :]
    inside = {id(n) for s in (scene.statement, *body) for n in ast.walk(s)}
    for node in ast.walk(scope):
        if (
            isinstance(node, ast.Name)
            and node.id == name
            and id(node) not in inside
            and node.lineno > scene.statement.lineno
        ):
            if isinstance(node.ctx, ast.Load) and not (_owned(scene, node, name) or scene.beside.is_apart(node, name)):
                raise Refused(f"`{name}` is also used outside the block, at line {node.lineno}")
    if _read_next_round(scene, name) or scene.needed_outside([scene.statement, *body], names - {name}):
        raise Refused("what needs the connection is used outside the block it is opened in")
    used = _uses(body, names)
    return used[-1] if used else None


def _uses(body: list[ast.stmt], names: set[str]) -> list[ast.stmt]:
    """The statements that may read one of these names before all that needs the connection has gone from it."""
    used: list[ast.stmt] = []
    held = set(names)
    for statement in body:
        courses = {name: through_one(statement, name) for name in held}
        if any(course.reads for course in courses.values()):
            used.append(statement)
            held |= names & stored([statement])  # from what is read here
        else:
            held = {name for name, course in courses.items() if course.passes}
    return used


def _read_next_round(scene: Scene, name: str) -> bool:
    """Whether a loop around the block reads the name before it comes to the block again."""
    for up in scene.tree.parents(scene.statement):
        if isinstance(up, SCOPES):
            return False
        if isinstance(up, LOOPS):
            test = [up.test] if isinstance(up, ast.While) else []
            if through([*test, *up.body], name).reads:
                return True
    return False


def _owned(scene: Scene, node: ast.AST, name: str) -> bool:
    """Whether an inner `with … as name` or function around the mention gives the name a meaning of its own."""
    for up in scene.tree.parents(node):
        if up is scene.function:
            return False
        if is_own(node, up, name) or (isinstance(up, With) and _binds_again(up, name)):
            return True
    return False


def _binds_again(statement: With, name: str) -> bool:
    """`with other() as name:`"""
    first = statement.items[0]
    return isinstance(first.optional_vars, ast.Name) and first.optional_vars.id == name and not loads(first, name)
