"""Whether a loop surely begins: over something that has items, by its text or by a test before."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from leakcheck.flow.state import State
from leakcheck.project.syntax.walk import dotted, string_value, terminal, walk
from leakcheck.words import words

_NOTHING = {"extend", "update"}  # may add


def elements(node: cst.BaseExpression) -> cst.BaseExpression:
    """`rows` of `enumerate(rows)`, `sorted(rows)`, `rows.items()`: as many rounds."""
    while isinstance(node, cst.Call):
        if node.args and dotted(node.func) in words().same_length:
            node = node.args[0].value
        elif isinstance(node.func, cst.Attribute) and node.func.attr.value in words().views and not node.args:
            node = node.func.value
        else:
            break
    return node


def begins(node: cst.BaseExpression, state: State) -> bool:
    """`range(3)`, a literal list, `rows` after `if not rows: return`, and what is made of each item of these."""
    node = elements(node)
    if isinstance(node, (cst.List, cst.Tuple)):
        return bool(node.elements)
    if isinstance(node, (cst.ListComp, cst.SetComp, cst.DictComp)):
        clause = node.for_in
        return not (clause.ifs or clause.inner_for_in) and begins(clause.iter, state)
    if isinstance(node, cst.Call) and terminal(node.func) == "range" and len(node.args) == 1:
        argument = node.args[0].value
        return isinstance(argument, cst.Integer) and argument.evaluated_value > 0
    if isinstance(node, cst.SimpleString):
        return bool(string_value(node))
    return state.facts.get(dotted(node) or "") is True


def filling(body: cst.BaseSuite) -> Iterator[str]:
    """Containers into which every round of a loop puts something: `found.append(row)`, `by_key[key].append(row)`."""
    for statement in body.body:
        if not isinstance(statement, cst.SimpleStatementLine):
            if any(isinstance(node, (cst.Continue, cst.Break)) for node in walk(statement)):
                return
            continue
        for part in statement.body:
            if isinstance(part, cst.Expr) and isinstance(part.value, cst.Call):
                func = part.value.func
                if isinstance(func, cst.Attribute) and func.attr.value in set(words().fills) - _NOTHING:
                    yield _container(func.value)
            elif isinstance(part, cst.Assign):
                yield from (_container(t.target) for t in part.targets if isinstance(t.target, cst.Subscript))


def _container(node: cst.BaseExpression) -> str:
    while isinstance(node, cst.Subscript):
        node = node.value
    return dotted(node) or ""
