"""Puts the region that needs a connection into a `with` block, or a `try` with a `finally`, that releases it."""

from __future__ import annotations

import ast
from dataclasses import field

from leakcheck.fixes import order, releases
from leakcheck.fixes.anyway import released_anyway
from leakcheck.fixes.ending import ending_for
from leakcheck.fixes.lazy import Lazy, Need
from leakcheck.fixes.reads import through, touches
from leakcheck.fixes.releases import Releases
from leakcheck.fixes.removal import inside, remove, with_tests
from leakcheck.fixes.scene import Proposal, Scene
from leakcheck.fixes.syntax import CROWDED, Block, Try, bare, bound_names, dotted, inner, leaves, rebinds, terminal
from leakcheck.fixes.text import Refused
from leakcheck.records import dataclass

_HARMLESS = frozenset(
    {"closing", "open", "suppress"}
)  # context managers that cannot tell when a connection is released


@dataclass(slots=True)
class Region:
    """The statements that go into the block, what is taken out of them, and what may be wrong with that."""

    body: list[ast.stmt]
    rest: list[ast.stmt]  # what follows after the connection was closed, or the name got another value
    found: Releases = field(default_factory=Releases)
    doubts: list[str] = field(default_factory=list)
    longer: bool = False  # it reaches past something that ran without the connection


def wrap(scene: Scene) -> Proposal:
    """`conn = acquire()` and what needs it become one block."""
    if not scene.name:
        raise Refused(scene.nameless)
    if scene.handed_over:
        raise Refused(scene.escape())
    block, start, late = _where(scene)
    region = _region(scene, block, start)
    if _needed_outside(scene, block):
        raise Refused("what needs the connection is used outside the block it is opened in")
    _check_names(scene, region)
    _check_values(scene, region)
    _check_order(scene, region)
    return _written(scene, region, late)


# -- the region --------------------------------------------------------------------------------------------------------


def _where(scene: Scene) -> tuple[Block, int, bool]:
    """The block that uses the connection, from which statement on, and whether that is apart from the acquire."""
    up = scene.block.owner
    own = scene.block.body[scene.index + 1 :]
    if isinstance(up, Try) and scene.block.field == "body" and not own and not up.finalbody:
        stays_out = all(leaves(handler.body) and not touches(handler, scene.name) for handler in up.handlers)
        if up.handlers and stays_out:
            if up.orelse:
                return Block(up, "orelse"), 0, True
            outer = scene.tree.block(up)
            return outer, outer.body.index(up) + 1, True
    if isinstance(up, ast.If) and not own and (after := _after_branches(scene, up)):
        return after
    if own and (block := _caught_inside(scene, own)) and not _needed_outside(scene, block):
        return block, 0, True
    return scene.block, scene.index + 1, False


def _after_branches(scene: Scene, up: ast.If) -> tuple[Block, int, bool] | None:
    """What follows an `if` whose every branch ends by acquiring for the same name, or leaves."""
    while isinstance(outer := scene.tree.parent(up), ast.If) and outer.orelse == [up]:
        up = outer
    sites = [scene.file.module.span(site.node) for site in scene.run.sites if site.spec is scene.spec]
    starts = {(span.line, span.column - 1) for span in sites}
    ends = [branch[-1] if branch else None for branch in _branches(up)]
    for end in (end for end in ends if end is None or not leaves([end])):
        named = isinstance(end, ast.Assign) and [dotted(target) for target in end.targets] == [scene.name]
        if not named or not isinstance(end, ast.Assign) or scene.tree.start(end.value) not in starts:
            return None
        scene.twins.append(end)
    block = scene.tree.block(up)
    return block, block.body.index(up) + 1, True


def _branches(up: ast.If) -> list[list[ast.stmt]]:
    """Those of an `if` with its `elif`s; the last one is empty if there is no `else`."""
    chained = len(up.orelse) == 1 and isinstance(up.orelse[0], ast.If)
    return [up.body, *(_branches(up.orelse[0]) if chained and isinstance(up.orelse[0], ast.If) else [up.orelse])]


def _caught_inside(scene: Scene, own: list[ast.stmt]) -> Block | None:
    """The body of a `try` or `with` right after the acquire, if that catches what a release in it raises."""
    first = own[0]
    if any(touches(statement, scene.name) for statement in own[1:]):
        return None
    if isinstance(first, Try) and first.handlers:
        others = [*first.handlers, *first.orelse, *first.finalbody]
    elif isinstance(first, ast.With) and not any(item.optional_vars for item in first.items):
        others = [item.context_expr for item in first.items]
    else:
        return None
    block = Block(first, "body")
    apart = not any(touches(other, scene.name) for other in others)
    return block if apart and releases.find(scene, block.body).units else None


def _region(scene: Scene, block: Block, start: int) -> Region:
    body = block.body
    stop = _gone(scene, body, start)
    used = [n for n in range(start, stop) if touches(body[n], scene.name)]
    needing = [start + n for n in _needing(scene, body[start:stop])] if scene.forgotten else []
    if not used and not needing:
        raise Refused(f"`{scene.name}` is used elsewhere than where it is opened")
    last = max(*used, *needing, start)
    _lazy(scene).bounded(body[(used[-1] + 1 if used else start) : last + 1])
    region = Region(body[start : last + 1], body[stop:], longer=bool(used) and last > used[-1])
    region.found = releases.find(scene, region.body)
    return region


def _gone(scene: Scene, body: list[ast.stmt], start: int) -> int:
    """The first statement that the name's value is not for: it has another one, or is closed for good."""
    for number in range(start, len(body)):
        if rebinds(body[number], scene.name):
            return number
        found = releases.find(scene, body[number : number + 1])
        if found.units == [body[number]] and not found.ineffective and not scene.spec.reusable:
            return number + 1
    return len(body)


def _needing(scene: Scene, statements: list[ast.stmt]) -> list[int]:
    """Which statements mention something that still needs the connection."""
    lazy = _lazy(scene)
    return [n for n, statement in enumerate(statements) if lazy.within(statement)]


def _needed_outside(scene: Scene, block: Block) -> bool:
    """Whether a cursor or result gets out of a block, where the connection did not end with it before."""
    names = {name for name, need in _lazy(scene).names.items() if need} - {scene.name}
    return scene.forgotten and scene.needed_outside(block.body, names)


def _lazy(scene: Scene) -> Lazy:
    return scene.lazy({scene.name: Need.CERTAIN})


# -- what forbids it ---------------------------------------------------------------------------------------------------


def _check_names(scene: Scene, region: Region) -> None:
    if scene.function is None:
        raise Refused(f"`{scene.name}` is a global")
    outside = scene.uses_elsewhere([*region.body, *region.rest])
    if outside:
        line = getattr(outside[0], "lineno", 0)
        raise Refused(f"`{scene.name}` is also used outside the block it is opened in, at line {line}")
    stores = (n for s in region.body for n in ast.walk(s) if isinstance(n, ast.Name) and n.id == scene.name)
    if any(isinstance(n.ctx, ast.Store) for n in stores):
        raise Refused(f"`{scene.name}` is bound to something else on the way")
    if scene.deletes(region.body):
        region.doubts.append(f"`{scene.name}` is deleted in the block")
    if scene.captured(region.body) and scene.forgotten:
        region.doubts.append(f"a nested function uses `{scene.name}`")
    if scene.generator and any(isinstance(n, (ast.Yield, ast.YieldFrom)) for s in region.body for n in inner(s)):
        region.doubts.append("a generator may be left suspended inside the block")


def _check_values(scene: Scene, region: Region) -> None:
    """Nothing that needs the connection may outlive the block, where it did not end before."""
    lazy = _lazy(scene)
    if not scene.forgotten:
        lazy.names = {scene.name: Need.CERTAIN}  # what else gets out did so before
    if any(need and name != scene.name and through(region.rest, name).reads for name, need in lazy.names.items()):
        raise Refused("what needs the connection is used behind the block")
    worst = Need.NONE
    for statement in region.body:
        for node in inner(statement):
            worst = max(worst, lazy.gets_out(node, scene.manager))
    if worst is Need.CERTAIN:
        raise Refused("a cursor or result that needs the connection outlives the block")
    if worst is Need.PERHAPS:
        region.doubts.append("what is returned may still need the connection")


def _check_order(scene: Scene, region: Region) -> None:
    """A release that moves to the end of the block must not pass anything that could tell, or become a second one."""
    again = scene.spec.double_release == "safe" and scene.spec.kind != "checkout"
    if not again and releases.unaccounted(scene, region.found.units):
        raise Refused(f"`{scene.name}` is released in a way that cannot be moved")
    gone = {id(unit) for unit in region.found.units}
    for unit in region.found.units:
        for statement in order.after(scene.tree, unit, region.body):
            if not again and any(inside(statement, other) for other in region.found.units):
                raise Refused(f"`{scene.name}` is released twice")
            if id(statement) not in gone and (not order.inert(statement) or _asks(scene, statement, gone)):
                region.doubts.append(f"line {statement.lineno} would run before the release")
                region.longer = True
                return
        around = list(order.above(scene.tree, unit, region.body))
        if any(_catches(scene, up, unit) for up in around):
            region.doubts.append("an error of the release would no longer be caught")
        if any(_matters(scene, up) for up in around):
            region.doubts.append("a block around the release would end before it")


def _asks(scene: Scene, statement: ast.stmt, gone: set[int]) -> bool:
    """Whether it reads something of the connection, apart from what releases it: `return conn.closed`."""
    inside = {id(n) for part in ast.walk(statement) if id(part) in gone for n in ast.walk(part)}
    asked = (n.value for n in ast.walk(statement) if isinstance(n, ast.Attribute) and id(n) not in inside)
    return any(isinstance(value, ast.Name) and value.id == scene.name for value in asked)


def _matters(scene: Scene, up: ast.AST) -> bool:
    """Whether a `with` block does something at its end that has to do with neither the connection nor a file."""
    if not isinstance(up, (ast.With, ast.AsyncWith)):
        return False
    names = {name for name, need in _lazy(scene).names.items() if need}
    values = [item.context_expr for item in up.items]
    ours = (any(touches(value, name) for name in names) for value in values)
    calls = (terminal(call.func) if isinstance(call := bare(value), ast.Call) else "" for value in values)
    return not all(own or call in _HARMLESS for own, call in zip(ours, calls, strict=True))


def _catches(scene: Scene, up: ast.AST, unit: ast.stmt) -> bool:
    """Whether an error raised by a release inside `up` may stop there."""
    if isinstance(up, Try) and up.handlers:
        within = {id(n) for s in up.body for n in ast.walk(s)}
        return id(unit) in within
    calls = [bare(item.context_expr) for item in up.items] if isinstance(up, ast.With) else []
    return any(isinstance(call, ast.Call) and dotted(call.func).endswith("suppress") for call in calls)


# -- writing it --------------------------------------------------------------------------------------------------------


def _made_ready(scene: Scene, region: Region, body: list[ast.stmt]) -> int:
    """How many statements stay in front of the block, as they make what the release is given: `cur = conn.cursor()`."""
    ready = 0
    needs = region.found.needs & _bound(body)
    while ready < len(body) and needs & _bound(body[ready : ready + 1]):
        made = body[ready]
        call = bare(made.value) if isinstance(made, ast.Assign) else None
        if not isinstance(call, ast.Call) or dotted(call.func) != f"{scene.name}.cursor":
            break
        ready += 1
    if needs & _bound(body[ready:]):
        raise Refused(f"what releases `{scene.name}` is given something that is made on the way")
    if others := region.found.closes - _bound([scene.statement, *body[:ready]]):
        raise Refused(f"what releases `{scene.name}` closes `{min(others)}` as well")
    gone = {id(node) for unit in region.found.units for node in ast.walk(unit)}
    calls = (node for statement in body for node in inner(statement) if isinstance(node, ast.Call))
    closed = {dotted(call.func).removesuffix(".close") for call in calls if id(call) not in gone}
    region.doubts += [f"`{name}` would be closed twice" for name in sorted(closed & region.found.needs)]
    return ready


def _bound(statements: list[ast.stmt]) -> set[str]:
    return set(bound_names(node for statement in statements for node in ast.walk(statement)))


def _written(scene: Scene, region: Region, late: bool) -> Proposal:
    tree, body = scene.tree, region.body
    anyway = released_anyway(tree, region.found.units, body)
    units = with_tests(scene, region.found.units)
    while body and body[-1] in units:
        body = body[:-1]
    ready = _made_ready(scene, region, body)
    body, late = body[ready:], late or ready > 0
    if not body:
        raise Refused("there is nothing between the acquire and the release")
    if not all(tree.alone(statement, units) for statement in (scene.statement, body[0], body[-1])):
        raise Refused(CROWDED)
    if region.found.effects == "some":
        raise Refused(f"what releases `{scene.name}` does more than that")
    if region.found.effects == "perhaps":
        region.doubts.append(f"what releases `{scene.name}` may do more than that")
    ending = ending_for(scene, region.found, late)
    draft = scene.draft()
    doubts = [*region.doubts, *ending.doubts]
    deep = remove(scene, draft, units, body)
    doubt = doubts[0] if doubts else ""
    if not deep and len(body) == 1 and ending.join(draft, body[0], late):
        return Proposal(ending.title, draft, doubt, "", ending.instead, region.longer, anyway)
    first = tree.first_line(body[0]) if late else (scene.statement.end_lineno or 0) + 1
    last = tree.last_line(body[-1])
    base = draft.indent_of(tree.first_line(body[0]))
    for line in range(first, last + 1):
        if line not in deep:
            draft.deepen(line, line, base)
    if not late:
        draft.drop_blank(first)
    ending.write(draft, first, last, base, late)
    return Proposal(ending.title, draft, doubt, "", ending.instead, region.longer, anyway)
