"""What one record has a handful of, by its name: `for tag in post.tags`."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from leakcheck.checks.rounds import Loop, around
from leakcheck.flow.beginning import elements
from leakcheck.project.walk import string_value, terminal
from leakcheck.words import words


def is_handful(loop: Loop, root: cst.CSTNode) -> bool:
    """Whether a loop goes over the tags, roles, … of one record: no other loop goes over many such records."""
    named = any(words().of_few.search(name) for name in _names(loop))
    return named and all(outer.is_small for outer in around(loop, root))


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
