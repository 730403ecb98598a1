"""Rows that may be refused: what a round of a loop does then."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TypeVar

import libcst as cst

from leakcheck.project.syntax.walk import code, same_scope, terminal, walk
from leakcheck.words import words

Block = TypeVar("Block", cst.Try, cst.With)


def may_fail(node: cst.Call, body: cst.BaseSuite) -> bool:
    """Whether the row goes alone because it, or the one before, may be refused."""
    return not any(part is node for part in _tried(body)) or _sent_again(node, body) or _refused(node, body)


def _tried(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """What a round does unless something failed."""
    return walk(node, lambda n: same_scope(n) and not isinstance(n, (cst.ExceptHandler, cst.ExceptStarHandler)))


def _sent_again(node: cst.Call, body: cst.BaseSuite) -> bool:
    """Whether a handler sends what could not be sent again, changed: the rows go one by one so that one may fail."""
    handlers = (handler for tried in enclosing(cst.Try, node, body) for handler in tried.handlers)
    calls = (n for handler in handlers for n in walk(handler.body, same_scope) if isinstance(n, cst.Call))
    return any(code(call.func) == code(node.func) for call in calls)


def passed_over(node: cst.CSTNode, body: cst.BaseSuite) -> bool:
    """Whether a row that the database refuses is given up while the rounds go on: each is a transaction for that."""
    return any(_passes_over(handler) for tried in enclosing(cst.Try, node, body) for handler in tried.handlers)


def _refused(node: cst.Call, body: cst.BaseSuite) -> bool:
    """Whether a row that the database refuses is passed over, and the next one tried."""
    if passed_over(node, body):
        return True
    entered = (item.item for block in enclosing(cst.With, node, body) for item in block.items)
    calls = (call for call in entered if isinstance(call, cst.Call))
    return any(terminal(call.func) == "suppress" and catches_refusals(call) for call in calls)


def enclosing(kind: type[Block], node: cst.CSTNode, body: cst.BaseSuite) -> Iterator[Block]:
    """The statements of a kind in whose own body a call stands."""
    for part in walk(body, same_scope):
        if isinstance(part, kind) and any(inner is node for inner in walk(part.body, same_scope)):
            yield part


def _passes_over(handler: cst.ExceptHandler) -> bool:
    """Whether a handler goes on with the next row after the database refused one."""
    return catches_refusals(handler.type) and not any(isinstance(n, cst.Raise) for n in walk(handler.body, same_scope))


def is_afterwards(node: cst.CSTNode, body: cst.CSTNode) -> bool:
    """Whether something runs only after a failure: it stands in a handler."""
    handlers = (part for part in walk(body, same_scope) if isinstance(part, cst.ExceptHandler))
    return any(part is node for handler in handlers for part in walk(handler.body, same_scope))


def told_apart(node: cst.CSTNode, body: cst.BaseSuite) -> bool:
    """Whether a handler goes on with the next row after whatever the driver raises: it knows which one failed."""
    return any(_goes_on(handler) for tried in enclosing(cst.Try, node, body) for handler in tried.handlers)


def singly(node: cst.Call, body: cst.BaseSuite) -> str:
    """What to do then with rows that fail, to end a sentence."""
    if not told_apart(node, body):
        return ""
    return "; where one fails, send its rows one by one, to tell them apart as here"


def _goes_on(handler: cst.ExceptHandler) -> bool:
    leaves = {type(node) for node in walk(handler.body, same_scope)} & {cst.Raise, cst.Return, cst.Break}
    return not leaves and (handler.type is None or catches(handler.type, words().failures))


def catches_refusals(caught: cst.CSTNode | None) -> bool:
    """Whether a handler is there for rows that the database refuses."""
    return catches(caught, words().refusals)


def catches(caught: cst.CSTNode | None, names: Collection[str]) -> bool:
    """Whether a handler names one of some exceptions."""
    parts = walk(caught) if caught is not None else ()
    return any(terminal(part) in names for part in parts if isinstance(part, (cst.Name, cst.Attribute)))
