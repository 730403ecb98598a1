"""LK401, LK402: the keywords that a pool lacks, or has too small, are written where it is built."""

from __future__ import annotations

import ast

from leakcheck.checks.pools.configured import Configured
from leakcheck.checks.pools.constructors import Built
from leakcheck.fixes.scene import Proposal
from leakcheck.fixes.spot import Spot
from leakcheck.fixes.text import Draft, Refused

_WIDEST = 120
_ASKED = "each use of a connection asks the server first"
_WAITS = "who finds the pool empty waits for another time than before"
_ALLOWED = "the server must allow that many connections"

Options = ast.Call | ast.Dict  # a pool's constructor, or the dictionary from which a framework builds one


def make_resilient(spot: Spot) -> Proposal:
    """Add the options that the engine lacks, with the values of its driver file."""
    if configured := spot.around.configured.get(spot.found.span):
        return _add_entries(spot, configured)
    call, built = _built(spot)
    missing = {key: value for key, value in built.advised.resilient.items() if key not in built.seen}
    if not missing or built.keywords is None:
        raise Refused("its keywords are out of sight")
    draft = spot.draft()
    _append(spot, draft, call, [f"{key}={value}" for key, value in missing.items()])
    return Proposal(_title(missing), draft, _ASKED if missing.keys() <= set(built.pool.anywhere) else _WAITS)


def _title(missing: dict[str, str]) -> str:
    return f"add {', '.join(f'`{key}={value}`' for key, value in missing.items())}"


def _add_entries(spot: Spot, configured: Configured) -> Proposal:
    """The same for the dictionary from which a framework takes the options."""
    options = configured.options
    missing = {key: value for key, value in options.resilient.items() if key not in configured.entries}
    if not missing or any(guard in configured.entries for guard in options.guards):
        raise Refused("it is switched off there")
    if not isinstance(spot.node, (ast.Dict, ast.Call)):
        raise Refused("the options are put together elsewhere")
    draft = spot.draft()
    entry = "{}={}" if isinstance(spot.node, ast.Call) else '"{}": {}'
    _append(spot, draft, spot.node, [entry.format(key, value) for key, value in missing.items()])
    return Proposal(_title(missing), draft, "the framework's version must know these options")


def enlarge(spot: Spot) -> Proposal:
    """Give the pool the recommended size."""
    if configured := spot.around.configured.get(spot.found.span):
        return _enlarge_entry(spot, configured)
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
    return Proposal(f"make `{pool.size}` {size}", draft, _ALLOWED)


def _enlarge_entry(spot: Spot, configured: Configured) -> Proposal:
    size, wanted = configured.options.size, spot.around.settings.pool_size
    node = spot.node
    pairs = zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ()
    keywords = node.keywords if isinstance(node, ast.Call) else ()
    values = [value for key, value in pairs if isinstance(key, ast.Constant) and key.value == size]
    values += [keyword.value for keyword in keywords if keyword.arg == size]
    if not values or not isinstance(values[0], ast.Constant):
        raise Refused("its size is set elsewhere")
    draft = spot.draft()
    line, column = spot.tree.start(values[0])
    draft.replace(line, column, spot.tree.end(values[0])[1], str(wanted))
    return Proposal(f"make `{size}` {wanted}", draft, _ALLOWED)


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


def _append(spot: Spot, draft: Draft, call: Options, keywords: list[str]) -> None:
    """Behind the last argument: on its line, on lines of their own, or with the arguments moved to a new line."""
    arguments = sorted(_arguments(call), key=spot.tree.end)
    last, column = spot.tree.end(call)
    if not arguments:
        draft.replace(last, column - 1, column - 1, ", ".join(keywords))
    elif call.lineno == last:
        _on_one_line(spot, draft, call, arguments[-1], keywords)
    else:
        _on_lines(spot, draft, call, arguments[-1], keywords)


def _on_one_line(spot: Spot, draft: Draft, call: Options, argument: ast.expr, keywords: list[str]) -> None:
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


def _arguments(call: Options) -> list[ast.expr]:
    """What stands between the parentheses or braces; of a pair the value."""
    return call.values if isinstance(call, ast.Dict) else [*call.args, *(k.value for k in call.keywords)]


def _opening(spot: Spot, call: Options) -> int:
    """The column behind the parenthesis or brace that opens the arguments."""
    if isinstance(call, ast.Dict):
        return spot.tree.start(call)[1] + 1
    line, column = spot.tree.end(call.func)
    return spot.tree.lines[line - 1].index("(", column) + 1


def _on_lines(spot: Spot, draft: Draft, call: Options, argument: ast.expr, keywords: list[str]) -> None:
    line, column = spot.tree.end(argument)
    last, close = spot.tree.end(call)
    rest = draft.line(line)[column:].rstrip("\r\n")
    if line == last and close - 1 >= column:  # `)` stands behind the last argument
        draft.replace(line, column, column, "".join(f", {keyword}" for keyword in keywords))
        return
    if not rest.lstrip().startswith(","):
        draft.replace(line, column, column, ",")
    first = min(n.lineno for n in _arguments(call))
    indent = spot.tree.lines[first - 1][: len(spot.tree.lines[first - 1]) - len(spot.tree.lines[first - 1].lstrip())]
    draft.insert(line + 1, *(f"{indent}{keyword}," for keyword in keywords))
