"""What is written: by a statement, and by a helper that is lent the cursor."""

from __future__ import annotations

import re

import libcst as cst

from leakcheck.checks.rows.rounds import Loop
from leakcheck.checks.sql import Reader, Statement, mentions
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.values import Function
from leakcheck.patterns import pattern
from leakcheck.project.syntax.module import FunctionInfo
from leakcheck.project.syntax.walk import dotted, same_scope, terminal, walk
from leakcheck.words import words

_SENDING = frozenset({"execute", "executemany", "flush", "commit"})
_DEPTH = 3  # of functions of the project followed
_ABOUT_ROWS = pattern(r"\bWHERE\b|[?%:$]", re.IGNORECASE)


def is_whole(statement: Statement) -> bool:
    """`DELETE FROM version`: it concerns the table, not a row."""
    return bool(statement.text) and not statement.data and not _ABOUT_ROWS.search(statement.text)


def is_shaped(node: cst.Call, loop: Loop) -> bool:
    """Whether a row may have columns of its own."""
    return _is_filled_under_test(node, loop) or _names_its_keys(node, loop)


def may_be_many(node: cst.Call, loop: Loop) -> bool:
    """`for table, rows in dump.items(): connection.execute(insert(users), rows)`: SQLAlchemy takes a list of rows."""
    made, given = [argument.value for argument in (*node.args, node.args[0])][:2]
    asked = loop.node.iter.func if isinstance(loop.node.iter, cst.Call) else None
    pair = loop.node.target
    if not isinstance(made, cst.Call) or terminal(asked or pair) != "items" or not isinstance(pair, cst.Tuple):
        return False
    return isinstance(given, cst.Name) and given.value == terminal(pair.elements[-1].value)


def _names_its_keys(node: cst.Call, loop: Loop) -> bool:
    """`"INSERT INTO t ({})".format(", ".join(row.keys()))`, also by a variable of the round."""
    statement = node.args[0].value if node.args else node
    named = {part.value for part in walk(statement) if isinstance(part, cst.Name)}
    assigned = (part for part in loop.body if isinstance(part, cst.Assign))
    made = (node.value for node in assigned if any(terminal(each.target) in named for each in node.targets))
    calls = (part.func for value in (statement, *made) for part in walk(value) if isinstance(part, cst.Call))
    asked = (func.value for func in calls if isinstance(func, cst.Attribute) and func.attr.value == "keys")
    return any(_root(owner) in loop.rows for owner in asked)


def _root(node: cst.BaseExpression) -> str:
    """`row` of `row["a"].b`."""
    while isinstance(node, (cst.Attribute, cst.Subscript)):
        node = node.value
    return terminal(node)


def _is_filled_under_test(node: cst.Call, loop: Loop) -> bool:
    """`values(**changes)`, where a round puts some keys into `changes` only under a test."""
    starred = (part.value for part in walk(node) if isinstance(part, cst.Arg) and part.star == "**")
    names = {value.value for value in starred if isinstance(value, cst.Name)}
    targets = (part.target for part in loop.body if isinstance(part, cst.AssignTarget) and id(part) in loop.tested)
    owners = (target.value for target in targets if isinstance(target, cst.Subscript))
    return any(isinstance(owner, cst.Name) and owner.value in names for owner in owners)


def single_write(helper: FunctionInfo) -> cst.Call | None:
    """The one `execute` of a helper on a cursor it is given, if it writes and is in no loop."""
    if "execute" not in helper.chunk.words or helper.is_generator:
        return None
    given = {p.name.value for p in helper.parameters} - {"self", "cls"}
    nodes = list(walk(helper.node.body, same_scope))
    sent = [
        n
        for n in nodes
        if isinstance(n, cst.Call) and isinstance(n.func, cst.Attribute) and terminal(n.func) == "execute"
    ]
    if len(sent) != 1 or not sent[0].args or any(isinstance(n, (cst.For, cst.While)) for n in nodes):
        return None
    receiver = dotted(sent[0].func.value) if isinstance(sent[0].func, cst.Attribute) else None
    statement = Reader(helper, helper.module).read(sent[0].args[0].value)
    if receiver not in given or statement is None or statement.verb not in words().writes:
        return None
    return sent[0] if mentions([*statement.data, *sent[0].args[1:]], given.__contains__) else None


def works(function: FunctionInfo, resolver: Resolver, depth: int = _DEPTH) -> bool:
    """Whether a function works on a database, itself or by others of the project."""
    if not _SENDING.isdisjoint(function.words):
        return True
    for node in walk(function.node.body, same_scope) if depth > 0 else ():
        callee = resolver.static(node.func, function, function.module) if isinstance(node, cst.Call) else None
        if isinstance(callee, Function) and works(callee.info, resolver, depth - 1):
            return True
    return False
