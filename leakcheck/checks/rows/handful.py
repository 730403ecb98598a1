"""What one record has a handful of, by its name: `for tag in post.tags`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import libcst as cst

from leakcheck.checks.assigned import assigned
from leakcheck.checks.rows.rounds import Loop, around
from leakcheck.checks.sql import mentions
from leakcheck.flow.beginning import elements
from leakcheck.project.syntax.walk import same_scope, string_value, terminal, walk
from leakcheck.words import words


def is_handful(loop: Loop, root: cst.CSTNode) -> bool:
    """Whether a loop goes over the tags, roles, … of one record, or what is new among its rows: no other loop goes over
    many such records."""
    few = any(words().of_few.search(name) for name in _names(loop)) or any(map(_is_difference, _made(loop)))
    return few and all(outer.is_small for outer in around(loop, root))


def is_over_files(loop: Loop) -> bool:
    """`for path in glob.glob("*.sql")`: to read what is in a file takes longer than what is sent for it."""
    made = (node for node in (elements(loop.node.iter), *_made(loop)) if isinstance(node, cst.Call))
    return any(terminal(node.func) in words().file_lists for node in made)


def works_on_file(body: cst.CSTNode, named: Callable[[str], bool]) -> bool:
    """Whether code opens, or fetches, a file by one of some names: `open(path)`, `path.read_text()`."""
    for node in walk(body, same_scope):
        if isinstance(node, cst.Call) and terminal(node.func) in words().file_reads and mentions([node], named):
            return True
    return False


def _made(loop: Loop) -> list[cst.BaseExpression]:
    """What the loop goes over, or all that its name is assigned."""
    node = elements(loop.node.iter)
    return [elements(value) for value in assigned(node, loop.function, loop.module)] or [node]


def _is_difference(node: cst.BaseExpression) -> bool:
    """`set(given) - set(known)`, `given.difference(known)`: what has changed since the last time."""
    if isinstance(node, cst.BinaryOperation):
        return isinstance(node.operator, cst.Subtract)
    return isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and terminal(node.func) == "difference"


def _names(loop: Loop) -> Iterator[str]:
    """What the loop goes over, and its variable."""
    node = elements(loop.node.iter)
    if isinstance(node, cst.BooleanOperation):  # `tags or []`
        node = node.left
    yield terminal(loop.node.target) or ""
    yield _key(node) or terminal(node) or ""


def _key(node: cst.BaseExpression) -> str | None:
    """`tags` of `post["tags"]` and `post.get("tags", [])`."""
    if isinstance(node, cst.Subscript) and isinstance(part := node.slice[0].slice, cst.Index):
        return string_value(part.value)
    if isinstance(node, cst.Call) and terminal(node.func) == "get" and node.args:
        return string_value(node.args[0].value)
    return None
