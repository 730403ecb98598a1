"""LK401, LK402: the keywords that a pool lacks, or has too small, are written where it is built."""

from __future__ import annotations

import ast

from leakcheck.checks.constructors import Built
from leakcheck.fixes.scene import Proposal
from leakcheck.fixes.spot import Spot
from leakcheck.fixes.text import Draft, Refused

_WIDEST = 120


def make_resilient(spot: Spot) -> Proposal:
    """Add the options that the engine lacks, with the values of its driver file."""
    call, built = _built(spot)
    missing = {key: value for key, value in built.pool.resilient.items() if key not in built.seen}
    if not missing or built.keywords is None:
        raise Refused("its keywords are out of sight")
    draft = spot.draft()
    _append(spot, draft, call, [f"{key}={value}" for key, value in missing.items()])
    title = f"add {', '.join(f'`{key}={value}`' for key, value in missing.items())}"
    doubt = "who finds the pool empty waits for another time than before"
    if built.url is None:
        doubt = "should the URL name an SQLite database, not all of these options fit"
    return Proposal(title, draft, doubt)


def enlarge(spot: Spot) -> Proposal:
    """Give the pool the recommended size."""
    call, built = _built(spot)
    pool, settings = built.pool, spot.around.settings
    size = min(settings.pool_size, pool.most or settings.pool_size)
    node = _size_argument(call, built)
    draft = spot.draft()
    if node is None:
        _append(spot, draft, call, [f"{pool.size}={size}"])
    elif isinstance(node, ast.Constant):
        line, column = spot.tree.start(node)
        draft.replace(line, column, spot.tree.end(node)[1], str(size))
    else:
        raise Refused("its size is set elsewhere")
    return Proposal(f"make `{pool.size}` {size}", draft, "the server must allow that many connections")


def _built(spot: Spot) -> tuple[ast.Call, Built]:
    built = spot.around.pools.get(spot.found.span)
    if built is None or not isinstance(spot.node, ast.Call):
        raise Refused("the pool is built elsewhere")
    return spot.node, built


def _size_argument(call: ast.Call, built: Built) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == built.pool.size:
            return keyword.value
    if built.pool.size in built.seen:
        raise Refused("its size is set elsewhere")
    position = built.pool.position
    return call.args[position] if 0 <= position < len(call.args) else None


def _append(spot: Spot, draft: Draft, call: ast.Call, keywords: list[str]) -> None:
    """Behind the last argument: on its line, on lines of their own, or with the arguments moved to a new line."""
    arguments = sorted([*call.args, *(k.value for k in call.keywords)], key=spot.tree.end)
    last, column = spot.tree.end(call)
    if not arguments:
        draft.replace(last, column - 1, column - 1, ", ".join(keywords))
    elif call.lineno == last:
        _on_one_line(spot, draft, call, arguments[-1], keywords)
    else:
        _on_lines(spot, draft, call, arguments[-1], keywords)


def _on_one_line(spot: Spot, draft: Draft, call: ast.Call, argument: ast.expr, keywords: list[str]) -> None:
    line, added = call.lineno, "".join(f", {keyword}" for keyword in keywords)
    text = draft.line(line).rstrip("\r\n")
    end, close = spot.tree.end(argument)[1], spot.tree.end(call)[1] - 1
    if len(text) + len(added) <= _WIDEST:
        draft.replace(line, end, end, added)
        return
    opened = _opening(spot, call)
    indent = spot.indent(spot.statement)
    inner, outer = draft.end + indent + spot.unit, draft.end + indent
    draft.replace(line, opened, opened, inner)
    draft.replace(line, end, close, added + outer)


def _opening(spot: Spot, call: ast.Call) -> int:
    """The column behind the parenthesis that opens the arguments."""
    line, column = spot.tree.end(call.func)
    return spot.tree.lines[line - 1].index("(", column) + 1


def _on_lines(spot: Spot, draft: Draft, call: ast.Call, argument: ast.expr, keywords: list[str]) -> None:
    line, column = spot.tree.end(argument)
    last, close = spot.tree.end(call)
    rest = draft.line(line)[column:].rstrip("\r\n")
    if line == last and close - 1 >= column:  # `)` stands behind the last argument
        draft.replace(line, column, column, "".join(f", {keyword}" for keyword in keywords))
        return
    if not rest.lstrip().startswith(","):
        draft.replace(line, column, column, ",")
    first = min(n.lineno for n in (*call.args, *(k.value for k in call.keywords)))
    indent = spot.tree.lines[first - 1][: len(spot.tree.lines[first - 1]) - len(spot.tree.lines[first - 1].lstrip())]
    draft.insert(line + 1, *(f"{indent}{keyword}," for keyword in keywords))
