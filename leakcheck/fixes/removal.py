"""Takes statements out of a region, and the blocks that are left empty."""

from __future__ import annotations

import ast

from leakcheck.fixes.remarks import with_remarks
from leakcheck.fixes.scene import Scene
from leakcheck.fixes.syntax import Block, Try, dotted
from leakcheck.fixes.text import Draft, Refused


def remove(scene: Scene, draft: Draft, units: list[ast.stmt], dissolve: list[ast.stmt]) -> set[int]:
    """Remove statements. A `try` in `dissolve` that has nothing left to do goes too: gives the lines of its body, which
    stand deep enough already.
    """
    kept_deep: set[int] = set()
    by_block: dict[tuple[int, str], tuple[Block, list[ast.stmt]]] = {}
    for unit in units:
        block = scene.tree.block(unit)
        by_block.setdefault((id(block.owner), block.field), (block, []))[1].append(unit)
    for block, gone in by_block.values():
        if len(gone) < len(block.body):
            if tries := _reraises(scene, block, gone, units, dissolve):
                kept_deep |= _drop_handlers(scene, draft, tries)
                continue
            for unit in gone:
                _erase(scene, draft, unit, gone)
        else:
            kept_deep |= _empty(scene, draft, block, dissolve)
    return kept_deep


def with_tests(scene: Scene, units: list[ast.stmt]) -> list[ast.stmt]:
    """An `if` that has nothing left to do goes with its releases, except where its test does something."""
    while True:
        ups = {id(unit): scene.tree.parent(unit) for unit in units}
        gone = set(map(id, units))
        idle = [up for up in ups.values() if isinstance(up, ast.If) and all(id(s) in gone for s in up.body)]
        idle = [up for up in dict.fromkeys(idle) if _may_go(scene, up)]
        if not idle:
            return units
        units = [*(unit for unit in units if ups[id(unit)] not in idle), *idle]


def _may_go(scene: Scene, test: ast.If) -> bool:
    """Whether nobody misses an `if` whose body is gone. Raises Refused if it asks for what the release is called on."""
    called = (n.func for s in test.body for n in ast.walk(s) if isinstance(n, ast.Call))
    receivers = {dotted(method.value) for method in called if isinstance(method, ast.Attribute)} - {"", scene.name}
    for node in ast.walk(test.test):
        if dotted(node) in receivers:
            raise Refused(f"`{scene.name}` is released only if there is a `{dotted(node)}`")
    asks = not any(isinstance(n, (ast.Call, ast.Await, ast.NamedExpr)) for n in ast.walk(test.test))
    chained = not scene.tree.lines[test.lineno - 1][scene.tree.start(test)[1] :].startswith("if")
    return asks and not chained and not test.orelse and scene.tree.alone(test)


def _erase(scene: Scene, draft: Draft, unit: ast.stmt, gone: list[ast.stmt]) -> None:
    tree = scene.tree
    if tree.alone(unit):
        erase_all(scene, draft, unit)
        return
    body = tree.block(unit).body
    index = body.index(unit)
    before = body[index - 1] if index else None
    after = body[index + 1] if index + 1 < len(body) else None
    if before is not None and before.end_lineno == unit.lineno and before not in gone:
        draft.erase(tree.end(before), tree.end(unit))
    elif after is not None and after.lineno == unit.end_lineno and after not in gone:
        draft.erase(tree.start(unit), tree.start(after))
    else:
        raise Refused(f"line {unit.lineno} holds several statements")


def erase_all(scene: Scene, draft: Draft, unit: ast.stmt) -> None:
    """Erase a release, and the comments that say no more."""
    draft.erase(*with_remarks(scene, unit))


def _empty(scene: Scene, draft: Draft, block: Block, dissolve: list[ast.stmt]) -> set[int]:
    """All of a block goes: with its clause, if the statement can do without, else `pass` stays."""
    owner, tree = block.owner, scene.tree
    if isinstance(owner, Try) and block.field == "finalbody" and all(map(tree.alone, block.body)):
        clause = _clause(scene, owner, "finally", block)
        if clause and owner.handlers:
            return _drop_clause(scene, draft, clause, block)
        if clause and not owner.orelse and _goes_deeper(scene, owner, dissolve) and _opens(scene, owner):
            _drop_header(scene, draft, owner.lineno)
            _drop_clause(scene, draft, clause, block)
            return set(range(owner.lineno + 1, tree.last_line(owner) + 1))
    if block.field == "orelse" and all(map(tree.alone, block.body)):
        clause = _clause(scene, owner, "else", block)
        if clause:
            return _drop_clause(scene, draft, clause, block)
    first, *rest = block.body
    (line, column), (last, stop) = tree.start(first), tree.end(first)
    draft.replace(line, column, stop if last == line else len(tree.lines[line - 1].rstrip("\r\n")), "pass")
    if last > line:
        draft.erase((line + 1, 0), (last, stop))
    for unit in rest:
        _erase(scene, draft, unit, rest)
    return set()


def _reraises(
    scene: Scene, block: Block, gone: list[ast.stmt], units: list[ast.stmt], dissolve: list[ast.stmt]
) -> ast.Try | None:
    """The `try` whose only handler does nothing any more but raise again."""
    handler = block.owner
    if not isinstance(handler, ast.ExceptHandler) or len(block.body) - len(gone) != 1:
        return None
    last, up = block.body[-1], scene.tree.parent(handler)
    again = isinstance(last, ast.Raise) and last.exc is None
    if not again or not isinstance(up, ast.Try) or len(up.handlers) > 1 or up.orelse or up.finalbody:
        return None
    alone = all(map(scene.tree.alone, block.body)) and not any(inside(up, unit) for unit in units if unit not in gone)
    return up if alone and _goes_deeper(scene, up, dissolve) and _opens(scene, up) else None


def _goes_deeper(scene: Scene, owner: ast.stmt, region: list[ast.stmt]) -> bool:
    """Whether a `try` stands in a region, and in no other one there that might go as well."""
    for up in (owner, *scene.tree.parents(owner)):
        if any(up is statement for statement in region):
            return True
        if isinstance(up, Try) and up is not owner:
            return False
    return False


def inside(owner: ast.AST, node: ast.AST) -> bool:
    return any(each is node for each in ast.walk(owner))


def _drop_handlers(scene: Scene, draft: Draft, owner: ast.Try) -> set[int]:
    """`try:` and its only handler go, the body stays where it is; comments stay."""
    (handler,) = owner.handlers
    _drop_header(scene, draft, owner.lineno)
    _drop_header(scene, draft, handler.lineno)
    for unit in handler.body:
        erase_all(scene, draft, unit)
    return set(range(owner.lineno + 1, scene.tree.last_line(owner) + 1))


def _clause(scene: Scene, owner: ast.AST, word: str, block: Block) -> int:
    """The line that says `finally:` or `else:`, if nothing else stands on it."""
    line = block.body[0].lineno - 1
    while line > owner.lineno and not scene.tree.lines[line - 1].lstrip().startswith(word):  # type: ignore[attr-defined]
        line -= 1
    text = scene.tree.lines[line - 1].strip()
    rest = text.removeprefix(word).lstrip()
    return line if text.startswith(word) and rest.startswith(":") and _only_comment(rest[1:]) else 0


def _opens(scene: Scene, owner: ast.AST) -> bool:
    """`try:` alone on its line, its body one level deeper."""
    text = scene.tree.lines[owner.lineno - 1].strip()  # type: ignore[attr-defined]
    body: list[ast.stmt] = owner.body  # type: ignore[attr-defined]
    here, deeper = scene.tree.start(owner)[1], scene.tree.start(body[0])[1]  # type: ignore[arg-type]
    return text.startswith("try:") and _only_comment(text[4:]) and deeper - here == len(scene.unit)


def _only_comment(rest: str) -> bool:
    return not rest.strip() or rest.lstrip().startswith("#")


def _drop_header(scene: Scene, draft: Draft, line: int) -> None:
    """The line goes; a comment on it stays."""
    text = scene.tree.lines[line - 1].rstrip("\r\n")
    start = len(text) - len(text.lstrip())
    colon = text.index(":", start) + 1
    draft.erase((line, start), (line, colon))


def _drop_clause(scene: Scene, draft: Draft, line: int, block: Block) -> set[int]:
    _drop_header(scene, draft, line)
    for unit in block.body:
        erase_all(scene, draft, unit)
    return set()
