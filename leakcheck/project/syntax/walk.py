"""A slim walk over LibCST nodes: only the fields that carry meaning, no visitor dispatch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import get_origin

import libcst as cst

from leakcheck.project.syntax.remembered import remembered

# Punctuation and layout: never holds an expression or a statement.
_LAYOUT = frozenset(
    [
        "lpar",
        "rpar",
        "lbracket",
        "rbracket",
        "lbrace",
        "rbrace",
        "header",
        "footer",
        "leading_lines",
        "leading_whitespace",
        "lines_after_decorators",
        "trailing_whitespace",
        "comma",
        "colon",
        "first_colon",
        "second_colon",
        "separator",
        "trailing_comma",
        "semicolon",
        "dot",
        "equal",
        "star",
        "indent",
        "encoding",
        "default_indent",
        "default_newline",
        "has_trailing_newline",
        "asynchronous",
        "lines_after_def",
    ]
)
_Parts = Callable[[cst.CSTNode], list[cst.CSTNode]]


class _Children(dict[type[cst.CSTNode], _Parts]):
    """For each kind of node, what lists the parts in all its fields that carry meaning: one at a time is slow."""

    def __missing__(self, kind: type[cst.CSTNode]) -> _Parts:
        parts = [_part(f.name, f.type) for f in fields(kind) if f.type is not str and _means_something(f.name)]
        self[kind] = listed = eval(f"lambda node: [{', '.join(parts)}]", {"some": _some})
        return listed  # type: ignore[no-any-return]


def _means_something(field: str) -> bool:
    return field not in _LAYOUT and not field.startswith(("whitespace", "_"))


def _part(field: str, type_: object) -> str:
    """The expression for what is in a field."""
    if isinstance(type_, type) and issubclass(type_, cst.CSTNode):
        return f"node.{field}"
    return f"*node.{field}" if get_origin(type_) is Sequence else f"*some(node.{field})"


def _some(value: object) -> Sequence[cst.CSTNode]:
    """A node, several, or none."""
    if isinstance(value, (list, tuple)):
        return value
    return () if value is None or isinstance(value, (str, cst.MaybeSentinel)) else (value,)  # type: ignore[return-value]


_CHILDREN = _Children()


def children(node: cst.CSTNode) -> list[cst.CSTNode]:
    """The node's direct parts in source order; the list is the caller's."""
    return _CHILDREN[type(node)](node)


SCOPES = (cst.FunctionDef, cst.ClassDef, cst.Lambda)
Into = Callable[[cst.CSTNode], bool]


def walk(node: cst.CSTNode, into: Into | None = None) -> Iterator[cst.CSTNode]:
    """The node and everything below it; `into` says whether to go below a node."""
    if type(node) is cst.IndentedBlock and (into is None or into is same_scope):
        return iter(_below(node, into))
    return _descend(node, into)


# Every check walks the same bodies, and an editor's text keeps most of its trees from one keystroke to the next.
@remembered(2048)
def _below(node: cst.CSTNode, into: Into | None) -> tuple[cst.CSTNode, ...]:
    return tuple(_descend(node, into))


def _descend(node: cst.CSTNode, into: Into | None) -> Iterator[cst.CSTNode]:
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        if into is None or current is node or into(current):
            below = _CHILDREN[type(current)](current)
            below.reverse()
            pending += below


def contains(node: cst.CSTNode, inner: cst.CSTNode) -> bool:
    """Whether a node stands in another one, and in no nested function or class of it."""
    return any(part is inner for part in walk(node, same_scope))


def same_scope(node: cst.CSTNode) -> bool:
    """For `walk`: stay out of nested functions, classes and lambdas."""
    return type(node) not in SCOPES


def dotted(node: cst.CSTNode) -> str | None:
    """`a.b.c` as text if the node is a name or a chain of attributes of one; None otherwise."""
    parts: list[str] = []
    while type(node) is cst.Attribute:
        parts.append(node.attr.value)
        node = node.value
    if type(node) is not cst.Name:
        return None
    parts.append(node.value)
    return ".".join(reversed(parts))


def is_none(node: cst.CSTNode) -> bool:
    """Whether it is written so."""
    return isinstance(node, cst.Name) and node.value == "None"


def unawaited(node: cst.BaseExpression) -> cst.BaseExpression:
    """What is awaited, or the expression itself."""
    return node.expression if isinstance(node, cst.Await) else node


def terminal(node: cst.CSTNode) -> str:
    """The last name of a callee: `c` of `a.b.c`, `x` of `x`, "" of anything else."""
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""


_EMPTY = cst.Module([])


@remembered(4096)
def code(node: cst.CSTNode) -> str:
    """The node's source text on one line, for messages and as a key for equal tests."""
    return " ".join(_EMPTY.code_for_node(node).split())


def string_value(node: cst.CSTNode) -> str | None:
    """The value of a plain string literal (also implicitly concatenated); None for anything else."""
    if type(node) is cst.SimpleString:
        return _evaluated(node)
    if type(node) is cst.ConcatenatedString:
        left, right = string_value(node.left), string_value(node.right)
        return left + right if left is not None and right is not None else None
    return None


@remembered(4096)  # it parses the text, and an expression is evaluated in many states
def _evaluated(node: cst.SimpleString) -> str | None:
    value = node.evaluated_value
    return value if isinstance(value, str) else None


def alternatives(node: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """The expressions of which one is the value: those of `a or b`, `a if test else b`."""
    if isinstance(node, cst.BooleanOperation):
        parts = (node.left, node.right)
    elif isinstance(node, cst.IfExp):
        parts = (node.body, node.orelse)
    else:
        yield node
        return
    for part in parts:
        yield from alternatives(part)
