"""The releases that stand in the code already, and how to write one that does not."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import field
from typing import Literal, get_args

import libcst as cst

from leakcheck.fixes.scene import Scene
from leakcheck.fixes.sole import closed_by, only_releases
from leakcheck.fixes.syntax import Try, bare, dotted, inner, is_none, mentions, terminal
from leakcheck.fixes.talk import talks
from leakcheck.fixes.text import Refused
from leakcheck.models import Release
from leakcheck.records import dataclass

Effects = Literal["none", "perhaps", "some"]


@dataclass(slots=True)
class Releases:
    """Statements of a region that do nothing but release the connection, guards included."""

    units: list[ast.stmt] = field(default_factory=list)
    alive_guard: bool = False  # one of them asks whether the connection is still usable
    quiet: bool = False  # one of them swallows the errors of the release
    effects: Effects = "none"  # whether what releases does other things too
    ineffective: bool = False  # one of them lacks its `await`, or loses the slot
    needs: set[str] = field(default_factory=set)  # other variables that a helper is given
    closes: set[str] = field(default_factory=set)  # those of them that it closes: the cursor

    def note(self, effects: Effects) -> None:
        """Of several releases the worst counts."""
        self.effects = max(self.effects, effects, key=get_args(Effects).index)


def find(scene: Scene, region: Iterable[ast.stmt]) -> Releases:
    """The releases in a region, each with the guards that belong to it."""
    found = Releases()
    known = _reported(scene)
    for statement in region:
        for node in inner(statement):
            if isinstance(node, ast.Expr) and is_release(scene, node, known):
                _note_effects(scene, node, found)
                found.ineffective |= _forgot_await(scene, node) or _is_wrong(scene, node)
                unit = _with_guards(scene, node, found)
                if unit not in found.units:
                    found.units.append(unit)
    return found


def _reported(scene: Scene) -> set[tuple[int, int]]:
    """Where the interpreter saw a release, as starts of expressions."""
    spans = (scene.file.module.span(node) for node in scene.site.releases)
    return {(span.line, span.column - 1) for span in spans}


def unaccounted(scene: Scene, units: list[ast.stmt]) -> bool:
    """Whether the interpreter saw the connection released somewhere else than in these statements."""
    ranges = [(unit.lineno, unit.end_lineno or 0) for unit in units]
    for node in scene.site.releases:
        try:
            line = scene.file.module.span(node).line
        except (StopIteration, KeyError):
            return True
        if not any(first <= line <= last for first, last in ranges):
            return True
    return False


def is_release(scene: Scene, statement: ast.Expr, known: set[tuple[int, int]]) -> bool:
    """`conn.close()`, `pool.putconn(conn)`, or a helper that does it."""
    call = bare(statement.value)
    if not isinstance(call, ast.Call) or not mentions(call, scene.name):
        return False
    if scene.tree.start(call) in known or _is_wrong(scene, statement):
        return True
    return any(fits(form, statement.value, scene.name) for form in scene.spec.release) or _forgot_await(
        scene, statement
    )


def _note_effects(scene: Scene, statement: ast.Expr, found: Releases) -> None:
    """A driver's own call only releases. A function of the project must be seen to do no more."""
    call = bare(statement.value)
    if _forgot_await(scene, statement) or _is_wrong(scene, statement):
        return
    assert isinstance(call, ast.Call)
    node = _node(scene, call)
    callees = scene.run.callees.get(node, ()) if node is not None else ()
    if node is None or not callees:
        plain = any(fits(form, statement.value, scene.name) for form in scene.spec.release)
        found.note("none" if plain else "perhaps")
        return
    for callee in callees:
        helper, resolver = callee.info, scene.run.resolver
        if helper.is_async and not isinstance(statement.value, ast.Await):
            found.note("some")  # a coroutine that never runs
        elif (cls := scene.owner or helper.cls) and dotted(call.func) == f"{scene.name}.{helper.name}":
            found.note("none" if only_releases(helper, cls, scene.spec, resolver) else "perhaps")
        else:
            closed = None if any(map(_does, _values(call))) else closed_by(callee, node, scene.spec, resolver)
            found.note("some" if closed is None else "none")
            found.closes |= closed or set()
    found.closes.discard(scene.name)
    found.needs |= {n.id for n in ast.walk(call) if isinstance(n, ast.Name)} - {scene.name, dotted(call.func)}


def _node(scene: Scene, call: ast.Call) -> cst.Call | None:
    """A release as the interpreter saw it."""
    for node in scene.site.releases:
        span = scene.file.module.span(node)
        inside = node.expression if isinstance(node, cst.Await) else node
        if isinstance(inside, cst.Call) and (span.line, span.column - 1) == scene.tree.start(call):
            return inside
    return None


def _values(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def _does(given: ast.expr) -> bool:
    """Whether it does something before the call: `finish(conn, notes.pop())`."""
    return not (dotted(given) or isinstance(given, ast.Constant))


def _forgot_await(scene: Scene, statement: ast.Expr) -> bool:
    """`conn.close()` where only `await conn.close()` closes."""
    if isinstance(statement.value, ast.Await) or any(fits(f, statement.value, scene.name) for f in scene.spec.release):
        return False
    waited = ast.Await(statement.value)
    return any(form.awaited and fits(form, waited, scene.name) for form in scene.spec.release)


def _is_wrong(scene: Scene, statement: ast.Expr) -> bool:
    """`conn.close()` where only `pool.putconn(conn)` gives the slot back."""
    forms = scene.spec.wrong_release if scene.code == "LK104" else ()
    return isinstance(bare(statement.value), ast.Call) and any(fits(f, statement.value, scene.name) for f in forms)


def fits(form: Release, value: ast.expr, name: str) -> bool:
    call = bare(value)
    assert isinstance(call, ast.Call)
    if form.awaited != isinstance(value, ast.Await) or not isinstance(call.func, ast.Attribute):
        return False
    if form.on == "conn":
        return call.func.attr == form.method and dotted(call.func.value) == name
    wanted = form.method.rpartition(".")[2]
    return call.func.attr == wanted and [dotted(argument) for argument in call.args] == [name]


def _with_guards(scene: Scene, release: ast.stmt, found: Releases) -> ast.stmt:
    """The largest statement around a release that has no other purpose."""
    unit = release
    while True:
        up = scene.tree.parent(unit)
        if isinstance(up, ast.If) and up.body == [unit] and not up.orelse and _asks_only(up.test, scene, found):
            unit = up
        elif isinstance(up, (Try, ast.With)) and up.body == [unit] and _swallows(up):
            found.quiet = True
            unit = up
        else:
            return unit


def _asks_only(test: ast.expr, scene: Scene, found: Releases) -> bool:
    """Whether a test asks about nothing but the connection: there, not None, still open."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return all(_asks_only(value, scene, found) for value in test.values)
    if isinstance(test, ast.Name):
        return test.id == scene.name
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) and isinstance(test.operand, ast.Compare):
        asked = test.operand  # `not conn is None`
        same = isinstance(asked.left, ast.Name) and asked.left.id == scene.name
        return same and isinstance(asked.ops[0], (ast.Is, ast.Eq)) and is_none(asked.comparators[0])
    if isinstance(test, ast.Compare):
        same = isinstance(test.left, ast.Name) and test.left.id == scene.name
        return same and isinstance(test.ops[0], (ast.IsNot, ast.NotEq)) and is_none(test.comparators[0])
    if asks_for_method(test, scene):
        return True
    if _predicate(test, scene, scene.spec.alive):
        found.alive_guard = True
        return True
    denied = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    return denied and _predicate(test.operand, scene, scene.spec.closed)  # type: ignore[attr-defined]


def asks_for_method(node: ast.AST | None, scene: Scene) -> bool:
    """`hasattr(conn, "close")`: the driver's connection has its release."""
    if not isinstance(node, ast.Call) or terminal(node.func) != "hasattr" or len(node.args) != 2:
        return False
    names = [form.method for form in scene.spec.release if form.on == "conn"]
    asked = node.args[1].value if isinstance(node.args[1], ast.Constant) else None
    return dotted(node.args[0]) == scene.name and asked in names


def _predicate(node: ast.AST, scene: Scene, forms: tuple[str, ...]) -> bool:
    """`conn.is_connected()`, `conn.open`."""
    called = isinstance(node, ast.Call) and not node.args and not node.keywords
    text = dotted(node.func) + "()" if called and isinstance(node, ast.Call) else dotted(node)
    return text in {f"{scene.name}.{form}" for form in forms}


def _swallows(statement: ast.AST) -> bool:
    """`try: conn.close()` whose handlers do nothing that could matter, or `with suppress(…):`."""
    if isinstance(statement, ast.With):
        calls = [item.context_expr for item in statement.items]
        return all(isinstance(call, ast.Call) and terminal(call.func) == "suppress" for call in calls)
    assert isinstance(statement, Try)
    plain = not statement.orelse and not statement.finalbody
    return plain and all(all(isinstance(s, ast.Pass) or _is_log(s) for s in h.body) for h in statement.handlers)


def _is_log(statement: ast.stmt) -> bool:
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and talks(call)


# -- writing one -------------------------------------------------------------------------------------------------------


def written(scene: Scene, name: str) -> str:
    """A release in the form that fits, for a connection of that name."""
    forms = scene.spec.release[:1] if scene.spec.kind == "checkout" else scene.spec.release  # closing is not returning
    for form in forms:
        text = _write(form, scene, name)
        if text and (not form.awaited or isinstance(scene.function, ast.AsyncFunctionDef)):
            return text
    raise Refused(f"nothing here says how `{name}` is given back")


def _write(form: Release, scene: Scene, name: str) -> str:
    wait = "await " if form.awaited else ""
    if form.on == "conn":
        return f"{wait}{name}.{form.method}()"
    if form.on == "pool":
        pool = pool_of(scene)
        return f"{wait}{pool}.{form.method}({name})" if pool else ""
    if isinstance(scene.call, ast.Call) and scene.spec.acquire and not scene.site.wrappers:
        module = dotted(scene.call.func).rpartition(".")[0]
        return f"{wait}{module}.{form.method.rpartition('.')[2]}({name})" if module else ""
    return ""


def pool_of(scene: Scene) -> str:
    """The pool an acquire call is made on, as written, if writing it again means the same."""
    if scene.site.wrappers or not isinstance(scene.call, ast.Call) or not isinstance(scene.call.func, ast.Attribute):
        return ""
    pool = dotted(scene.call.func.value)
    root = pool.partition(".")[0]
    stores = [
        n
        for s in scene.body
        for n in ast.walk(s)
        if isinstance(n, ast.Name) and n.id == root and isinstance(n.ctx, ast.Store)
    ]
    return pool if len(stores) <= 1 and all(n.lineno < scene.statement.lineno for n in stores) else ""


def closes_plainly(scene: Scene) -> bool:
    """Whether `contextlib.closing` is the right release."""
    return any(form.on == "conn" and form.method == "close" and not form.awaited for form in scene.spec.release)
