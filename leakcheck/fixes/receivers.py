"""What takes many rows in one call: cursors, some connections, and SQLAlchemy's by the `execute` they have."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from leakcheck.fixes.spot import Spot
from leakcheck.fixes.syntax import dotted, terminal
from leakcheck.project.syntax.walk import string_value


def takes_many(spot: Spot, call: ast.Call) -> bool:
    """Whether the receiver is a cursor made in this function, a connection that takes many, or SQLAlchemy's."""
    if is_sqlalchemy(spot, call):
        return True
    receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
    if not isinstance(receiver, ast.Name):
        return False
    values = [_opened(value) for target, value in _bindings(spot) if target == receiver.id]
    return bool(values) and all(
        isinstance(value, ast.Call) and (terminal(value.func) == "cursor" or _runs_many(spot, value))
        for value in values
    )


def _opened(node: ast.expr) -> ast.expr:
    """Without `await` and `closing(…)`."""
    node = node.value if isinstance(node, ast.Await) else node
    if isinstance(node, ast.Call) and terminal(node.func) in ("closing", "aclosing") and node.args:
        return _opened(node.args[0])
    return node


def _runs_many(spot: Spot, node: ast.expr) -> bool:
    found = (site for span, site in spot.around.sites.items() if spot.tree.start(node) == (span.line, span.column - 1))
    return any(site.spec.runs_many for site in found)


def _bindings(spot: Spot) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(spot.scope):
        if isinstance(node, ast.Assign):
            yield from ((t.id, node.value) for t in node.targets if isinstance(t, ast.Name))
        elif isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
            yield node.optional_vars.id, node.context_expr
        elif isinstance(node, ast.arg):
            yield node.arg, ast.Constant(None)


def is_sqlalchemy(spot: Spot, call: ast.Call) -> bool:
    """`conn.execute(text("…"), {…})`: the same method takes a list."""
    made = call.args[0]
    if isinstance(made, ast.Name):
        made = next((value for name, value in _bindings(spot) if name == made.id), made)
    name = dotted(made.func) if isinstance(made, ast.Call) else ""
    origin = spot.file.module.imports.get(name.partition(".")[0], "")
    return bool(name) and origin.partition(".")[0] in ("sqlalchemy", "sqlmodel")


def sender(spot: Spot) -> str:
    """The function by which the library that the finding's advice is for sends many rows, as a qualified name."""
    said = spot.found.message
    advised = (d for d in spot.around.catalogue.drivers if any(f in said for f in (d.bulk, *d.bulk_of.values()) if f))
    return next((driver.batch_call for driver in advised if driver.batch_call), "")


def may_end_in_comment(spot: Spot, statement: ast.expr) -> bool:
    """Whether what is sent behind a statement might be commented out."""
    if isinstance(statement, ast.Name):
        values = spot.file.module.assigned(statement.id)
        text: object = string_value(values[0]) if len(values) == 1 else None
    else:
        text = statement.value if isinstance(statement, ast.Constant) else None
    return not isinstance(text, str) or "--" in text.rpartition("\n")[2]
