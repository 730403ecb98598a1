"""LK201, LK202: what waits at the edge of a connection's block moves out of it."""

from __future__ import annotations

import ast

from leakcheck.diagnostics import Span
from leakcheck.fixes.scene import Proposal
from leakcheck.fixes.spot import Spot, erase, loaded, stored
from leakcheck.fixes.syntax import Try, bare, dotted, inner, terminal
from leakcheck.fixes.text import Draft, Refused, indentation
from leakcheck.flow.sites import Site

_INTERRUPTS = frozenset({"BaseException", "KeyboardInterrupt", "SystemExit", "CancelledError", "Cancelled"})
Block = ast.With | ast.AsyncWith | ast.Try


def narrow(spot: Spot) -> Proposal:
    """Wait first and acquire then, or give back first and wait then."""
    acquire = next((step.span for step in spot.found.steps if step.kind == "acquire"), None)
    if acquire is None or " places, " in spot.found.message:
        raise Refused("the connection is held in more than one place")
    site = spot.around.sites.get(acquire)
    if site is None:
        raise Refused("the connection is acquired elsewhere")
    opener, block = _block(spot, acquire)
    number = next((n for n, s in enumerate(block.body) if spot.node in ast.walk(s)), -1)
    if number < 0 or block.body[number] is not spot.statement:
        raise Refused("the wait stands in the middle of the connection's work")
    if _is_awaited_in(block.body[number + 1 :], spot.statement):
        raise Refused("what is begun here is awaited further down")
    before, after = block.body[: number + 1], block.body[number:]
    ours = _bound(opener, block)
    if not ours and any(_asks(each, spot.tree.at(acquire)) for each in block.body):
        raise Refused("the wait may use the connection, which has no name of its own")
    if not any(_concerns(s, ours) for s in before):
        return _ahead(spot, opener, block, before)
    if isinstance(block, Try):
        raise Refused("the wait comes after work with the connection")
    return _behind(spot, block, after, site, ours)


def _block(spot: Spot, acquire: Span) -> tuple[ast.stmt, Block]:
    """The statement that acquires, and the block in which the connection lives."""
    node = spot.tree.at(acquire)
    statement = spot.tree.statement(node)
    if isinstance(statement, (ast.With, ast.AsyncWith)):
        first, *others = statement.items
        given = stored(first)
        if node not in ast.walk(first) or not all(loaded(item.context_expr) & given for item in others):
            raise Refused("the `with` is also for something else")  # a lock, `suppress(…)`
        return statement, statement
    body = spot.tree.block(statement).body
    place = body.index(statement)
    following = body[place + 1] if place + 1 < len(body) else None
    if isinstance(statement, ast.Assign) and isinstance(following, Try) and following.finalbody:
        return statement, following
    raise Refused("the connection has no block of its own")


def _bound(opener: ast.stmt, block: Block) -> set[str]:
    heads: list[ast.AST] = list(block.items) if isinstance(block, (ast.With, ast.AsyncWith)) else [opener]
    return {n for head in heads for n in stored(head)}


def _asks(statement: ast.stmt, acquire: ast.AST) -> bool:
    """Whether a statement mentions the object that was asked for the connection: what it does may use that as well."""
    func = acquire.func if isinstance(acquire, ast.Call) else None
    owner = dotted(func.value) if isinstance(func, ast.Attribute) else ""
    return bool(owner) and any(dotted(node) == owner for node in ast.walk(statement))


def _concerns(statement: ast.stmt, ours: set[str]) -> bool:
    return bool((loaded(statement) | stored(statement)) & ours)


def _is_awaited_in(statements: list[ast.stmt], begun: ast.stmt) -> bool:
    """Whether the tasks or coroutines that a statement makes are waited for by later ones."""
    waits = (node for each in statements for node in ast.walk(each) if isinstance(node, ast.Await))
    return any(loaded(wait) & stored(begun) for wait in waits)


def _movable(spot: Spot, statements: list[ast.stmt]) -> None:
    for statement in statements:
        if not isinstance(statement, (ast.Expr, ast.Assign, ast.AnnAssign)):
            raise Refused("what waits is part of a larger statement")
        if any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in inner(statement)):
            raise Refused("what waits is part of a larger statement")
        if set(spot.lines(statement)[1:]) & spot.file.strings:
            raise Refused("a string that takes several lines would have to move")
    spot.alone(*statements)


def _ahead(spot: Spot, opener: ast.stmt, block: Block, statements: list[ast.stmt]) -> Proposal:
    """Everything up to the wait moves in front of the acquire."""
    _movable(spot, statements)
    if len(statements) == len(block.body):
        raise Refused("nothing would be left of the block")
    if isinstance(block, Try) and block.handlers and not (_never_raises(spot) and _lets_interrupts_pass(block)):
        raise Refused("a handler may be meant for what waits")
    draft = spot.draft()
    _move(spot, draft, block, statements, opener.lineno, spot.indent(opener))
    doubt = "" if _never_raises(spot) and len(statements) == 1 else "it also happens if no connection can be had"
    return Proposal("wait before the connection is acquired", draft, doubt)


def _behind(spot: Spot, block: Block, statements: list[ast.stmt], site: Site, ours: set[str]) -> Proposal:
    """The wait and all that follows it move behind the block."""
    _movable(spot, statements)
    inside = {name for s in block.body[: -len(statements)] for name in stored(s)}
    if any(_concerns(s, ours) for s in statements):
        raise Refused("the connection is used after the wait")
    if site.spec.kind == "session" and any(loaded(s) & inside for s in statements):
        raise Refused("what waits may use objects of the session")
    draft = spot.draft()
    line = spot.tree.last_line(block) + 1
    _move(spot, draft, block, statements, line, spot.indent(block))
    doubt = ""
    if any(loaded(s) & inside for s in statements):
        doubt = "it uses what the block computed"
    elif not _never_raises(spot) or len(statements) > 1:
        doubt = "if it fails, the block has ended already, and what its end commits is committed"
    elif site.spec.with_commits or len(getattr(block, "items", ())) > 1 or site.wrappers:
        doubt = "what the end of the block commits is committed before the wait, not after it"
    return Proposal("wait after the connection was given back", draft, doubt)


def _lets_interrupts_pass(block: ast.Try) -> bool:
    """Whether no handler is for what may end any wait: Ctrl-C, the cancellation of a task."""
    types = [handler.type for handler in block.handlers]
    named = {terminal(node) for type_ in types if type_ for node in ast.walk(type_)}
    return None not in types and named.isdisjoint(_INTERRUPTS)


def _never_raises(spot: Spot) -> bool:
    """A sleep of its own, as long as a constant or a variable says."""
    kinds = [step.kind for step in spot.found.steps]
    direct = "note" in kinds and "via" not in kinds[kinds.index("note") :]
    plain = isinstance(spot.node, ast.Call) and all(isinstance(a, (ast.Constant, ast.Name)) for a in spot.node.args)
    alone = isinstance(spot.statement, ast.Expr) and bare(spot.statement.value) is spot.node
    return spot.found.code == "LK201" and direct and plain and alone


def _move(spot: Spot, draft: Draft, block: Block, statements: list[ast.stmt], line: int, indent: str) -> None:
    """Whole lines, comments between them included, to another place and depth."""
    first, last = statements[0].lineno, spot.tree.last_line(statements[-1])
    base = indentation(spot.tree.lines[first - 1])
    while spot.tree.lines[first - 2].startswith(base + "#"):  # a comment right above goes with it
        first -= 1
    moved = [spot.tree.lines[n - 1].rstrip("\r\n") for n in range(first, last + 1)]
    erase(draft, range(first, last + 1))
    draft.insert(line, *(indent + text.removeprefix(base) if text.strip() else "" for text in moved))
