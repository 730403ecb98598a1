"""LK301: a loop that sends one statement a row becomes one that sends a batch of rows at a time."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from dataclasses import field

from leakcheck.fixes.inert import is_inert, is_materialised
from leakcheck.fixes.reads import is_anothers
from leakcheck.fixes.receivers import is_sqlalchemy, may_end_in_comment, sender, takes_many
from leakcheck.fixes.scene import Proposal
from leakcheck.fixes.spot import Spot, erase, loaded, stored
from leakcheck.fixes.syntax import SCOPES, bare, bound_names, dotted, inner, terminal
from leakcheck.fixes.text import Draft, Refused, has_comment, indentation
from leakcheck.patterns import pattern
from leakcheck.records import dataclass

_WIDEST = 120
_CURSOR = pattern(r"cur(?:s|sor|r)?\d*$", re.IGNORECASE)  # the name of what has `executemany` in every library
_LOOPS = "is a loop)"  # what the drivers' files say of an `executemany` by which nothing is gained
_AUTOCOMMIT = pattern(r"autocommit|isolation_level", re.IGNORECASE)
_PAGE = 100  # rows that such a function sends at a time by itself
_NAMES = (ast.Name, ast.Tuple, ast.List, ast.Starred, ast.expr_context)


@dataclass
class _Round:
    """What a round of the loop does: names something, tests it, sends it, and perhaps commits."""

    sent: ast.stmt
    named: dict[str, ast.expr] = field(default_factory=dict)
    naming: list[ast.stmt] = field(default_factory=list)
    tests: list[ast.If] = field(default_factory=list)
    commit: ast.stmt | None = None


def batch_rows(spot: Spot) -> Proposal:
    """`rows = (…)` and `while batch := list(islice(rows, 100))`: lazy, and right for any iterable. Where a
    Python without `:=` is to run it, `for batch in iter(lambda: …, [])`."""
    call = spot.node
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or terminal(call.func) != "execute":
        raise Refused("the statement is sent by another function")
    loop = spot.loop
    if not isinstance(loop, ast.For) or loop.orelse:
        raise Refused("the loop is no plain `for`")
    round_ = _read(spot, loop.body, call)
    statement, parameters = _arguments(call)
    _check(spot, loop, round_, call, statement)
    doubt = next(_doubts(spot, loop, round_, call, parameters), "")
    draft = spot.draft()
    _write(spot, draft, loop, round_, call, parameters)
    return Proposal(f"send {spot.around.settings.batch_size} rows at a time", draft, doubt)


def _read(spot: Spot, body: list[ast.stmt], call: ast.Call) -> _Round:
    round_ = _Round(spot.statement)
    while True:
        first, *rest = body
        if first is spot.statement:
            break
        if isinstance(first, ast.If) and not rest and not first.orelse:
            round_.tests.append(first)
            body = first.body
        elif rest and isinstance(first, ast.Assign) and isinstance(target := first.targets[0], ast.Name):
            if len(first.targets) > 1 or target.id in round_.named:
                raise Refused("the loop does more than send rows")
            round_.named[target.id] = first.value
            round_.naming.append(first)
            body = rest
        else:
            raise Refused("the loop does more than send rows")
    if bare(getattr(spot.statement, "value", None)) is not call:
        raise Refused("the answer to the statement is used")
    if len(rest) == 1 and _is_commit(rest[0]) and not round_.tests:
        round_.commit = rest[0]
    elif rest:
        raise Refused("the loop does more than send rows")
    return round_


def _is_commit(statement: ast.stmt) -> bool:
    node = bare(statement.value) if isinstance(statement, ast.Expr) else None
    return isinstance(node, ast.Call) and terminal(node.func) == "commit" and not node.args


def _arguments(call: ast.Call) -> tuple[ast.expr, ast.expr]:
    if len(call.args) != 2 or call.keywords or any(isinstance(a, ast.Starred) for a in call.args):
        raise Refused("the row is no argument of its own")
    return call.args[0], call.args[1]


def _check(spot: Spot, loop: ast.For, round_: _Round, call: ast.Call, statement: ast.expr) -> None:
    """What makes the rewrite wrong, whatever the user thinks of it."""
    changing = stored(loop)
    if loaded(statement) & changing:
        raise Refused("the statement's text changes from row to row")
    if "RETURNING" in ast.unparse(statement).upper():
        raise Refused("the statement returns rows")
    receiver = dotted(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    if not receiver or receiver.partition(".")[0] in loaded(loop.iter):
        raise Refused("the rows come from the same connection")
    if not (_CURSOR.search(receiver) or takes_many(spot, call)):
        raise Refused(f"whether `{receiver}` has `executemany` is not in sight")
    answers = spot.around.catalogue.methods("answers") - {"fetchone", "fetchall", "fetchmany"}
    for node in ast.walk(spot.scope):
        if isinstance(node, ast.Attribute) and node.attr in answers and dotted(node.value) == receiver:
            raise Refused(f"`{receiver}.{node.attr}` is read")
    if not all(isinstance(node, _NAMES) for node in ast.walk(loop.target)):
        raise Refused("the loop binds more than names")
    if _needed_later(spot, loop, changing):
        raise Refused("what the loop binds is used elsewhere")
    if any(isinstance(n, (ast.Yield, ast.YieldFrom, ast.NamedExpr, ast.Lambda)) for n in inner(loop)):
        raise Refused("the loop does more than send rows")
    if _LOOPS in spot.found.message and not sender(spot):
        raise Refused("the library's `executemany` is a loop as well")
    if _hides_builtins(spot):
        raise Refused("`list` or `iter` is something else here")
    spot.alone(*round_.naming, *round_.tests, round_.sent, *([round_.commit] if round_.commit else []))
    gone = [spot.lines(each) for each in round_.naming] + [range(t.lineno, t.body[0].lineno) for t in round_.tests]
    if any(has_comment("".join(spot.tree.lines[number - 1] for number in numbers)) for numbers in gone):
        raise Refused("a comment would be lost")
    if loop.lineno == loop.body[0].lineno or (loop.iter.end_lineno or 0) != loop.lineno:
        raise Refused("the loop's head takes several lines, or its body none")


def _needed_later(spot: Spot, loop: ast.For, names: set[str]) -> bool:
    """Whether somebody sees what the loop binds: later, in the next round of a loop around it, or from outside."""
    inside, again = {id(n) for n in ast.walk(loop)}, spot.tree.in_loop(loop)
    for node in ast.walk(spot.scope):
        if isinstance(node, (ast.Global, ast.Nonlocal)) and names & set(node.names):
            return True
        if isinstance(node, ast.Name) and node.id in names and id(node) not in inside:
            if not isinstance(node.ctx, ast.Store) and (again or node.lineno > loop.lineno or _in_closure(spot, node)):
                return True
    return False


def _in_closure(spot: Spot, node: ast.Name) -> bool:
    """Whether it is read when somebody calls what it stands in."""
    ups = itertools.takewhile(lambda up: up is not spot.scope, spot.tree.parents(node))
    later = any(isinstance(up, (*SCOPES, ast.GeneratorExp)) for up in ups)
    return later and not is_anothers(node, node.id, spot.scope, spot.tree)


def _hides_builtins(spot: Spot) -> bool:
    """Whether `list` or `iter` may be something else here."""
    return not {"list", "iter"}.isdisjoint(bound_names(spot.tree.nodes))


def _doubts(spot: Spot, loop: ast.For, round_: _Round, call: ast.Call, parameters: ast.expr) -> Iterator[str]:
    """Why it may not be the same."""
    if round_.commit:
        yield "one commit a batch instead of one a row: a row that fails takes the rest of its batch with it"
    elif sender(spot) and may_end_in_comment(spot, call.args[0]):
        yield "several statements are sent as one, and this one may end in a comment"
    elif any(map(_AUTOCOMMIT.search, _texts(spot))):
        yield "each row may be committed by itself: a row that fails takes the rest of its batch with it"
    if not spot.function:
        yield "other modules may read what the loop binds"
    if isinstance(spot.statement, ast.Expr) and isinstance(spot.statement.value, ast.Await):
        yield "other tasks run between two batches, no longer between two rows"
    if not takes_many(spot, call):
        yield "the cursor comes from elsewhere: whether it is one is not in sight"
    if not is_materialised(loop.iter, spot):
        yield f"`{spot.flat(loop.iter)}` may be a generator: it is read up to a batch ahead of what is written"
    if not all(is_inert(e, spot) for e in (parameters, *round_.named.values(), *(t.test for t in round_.tests))):
        yield "a row may have effects of its own, which now come up to a batch ahead of what is written"
    if _handled(spot, loop):
        yield "a handler around the loop may go on after a failure, with other rows written than before"


def _texts(spot: Spot) -> set[str]:
    """The file's, and those of the project's functions that open its connections."""
    openers = (wrapper for site in spot.around.sites.values() for wrapper in site.wrappers)
    return {spot.file.source, *(opener.module.source for opener in openers)}


def _handled(spot: Spot, loop: ast.For) -> bool:
    """Whether an exception of the loop may end in a handler that does not raise."""
    inside: ast.AST = loop
    for up in spot.tree.parents(loop):
        if isinstance(up, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            return False
        handlers = getattr(up, "handlers", [])
        if inside in getattr(up, "body", []) and any(not isinstance(h.body[-1], ast.Raise) for h in handlers):
            return True
        if isinstance(up, (ast.With, ast.AsyncWith)) and any("suppress" in ast.unparse(i) for i in up.items):
            return True
        inside = up
    return False


def _write(spot: Spot, draft: Draft, loop: ast.For, round_: _Round, call: ast.Call, parameters: ast.expr) -> None:
    rows, batch = spot.fresh("rows", "values", "parameters"), spot.fresh("batch", "chunk")
    (islice,) = spot.imports("itertools").use(draft, loop.lineno, "islice")
    indent, size = spot.indent(loop), spot.around.settings.batch_size
    line = loop.lineno
    draft.insert(line, *_generator(spot, f"{indent}{rows} = ", loop, round_, parameters))
    start, stop = spot.tree.start(loop)[1], len(draft.line(line).rstrip("\r\n"))
    comment = _comment(draft.line(line), spot.tree.end(loop.iter)[1])
    many = f"list({islice}({rows}, {size}))"
    head = f"while {batch} := {many}" if spot.file.style.names_in_tests else f"for {batch} in iter(lambda: {many}, [])"
    draft.replace(line, start, stop, f"{head}:{comment}")
    for statement in round_.naming:
        erase(draft, spot.lines(statement))
    _send(spot, draft, round_, call, parameters, batch)


def _comment(line: str, after: int) -> str:
    rest = line[after:].rstrip("\r\n").partition(":")[2]
    return rest if rest.lstrip().startswith("#") else ""


def _generator(spot: Spot, start: str, loop: ast.For, round_: _Round, parameters: ast.expr) -> list[str]:
    """`rows = ((a, b) for a, b in pairs if a)`, on several lines if it is long."""
    indent, target = indentation(start), spot.flat(loop.target)
    if laid_out := _as_written(spot, indent + spot.unit, round_, parameters):
        rest = [f"for {target} in {spot.flat(loop.iter)}", *(f"if {spot.flat(test.test)}" for test in round_.tests)]
        return [f"{start}(", *laid_out, *(f"{indent}{spot.unit}{part}" for part in rest), f"{indent})"]
    row = _inlined(spot, parameters, round_)
    if not round_.tests and row == target:
        return [f"{start}iter({spot.flat(loop.iter)})"]
    each = [row, f"for {target} in {spot.flat(loop.iter)}"]
    each += [f"if {_inlined(spot, test.test, round_)}" for test in round_.tests]
    if len(start) + sum(map(len, each)) + len(each) + 1 <= _WIDEST:
        return [f"{start}({' '.join(each)})"]
    return [f"{start}(", *(f"{indent}{spot.unit}{part}" for part in each), f"{indent})"]


def _as_written(spot: Spot, indent: str, round_: _Round, parameters: ast.expr) -> list[str]:
    """The lines of a row that are too long for one, or commented; none if it is neither, or has to be put together."""
    text = spot.tree.text(parameters)
    named = any(loaded(each) & set(round_.named) for each in (parameters, *(test.test for test in round_.tests)))
    if named or not (has_comment(text) or len(indent) + len(ast.unparse(parameters)) > _WIDEST):
        return []
    return spot.laid_out(parameters, indent)


def _inlined(spot: Spot, node: ast.expr, round_: _Round) -> str:
    """The expression's text, what the round names put in its place."""
    if not loaded(node) & set(round_.named):
        return spot.flat(node)
    uses = [n.id for e in (node, *round_.named.values(), *(t.test for t in round_.tests)) for n in ast.walk(e)
            if isinstance(n, ast.Name) and n.id in round_.named]  # fmt: skip
    if len(uses) != len(set(uses)):
        raise Refused("what the round names is used more than once")
    if isinstance(node, ast.Name):
        return _inlined(spot, round_.named[node.id], round_)
    if isinstance(node, (ast.Tuple, ast.List)) and all(isinstance(e, (ast.Name, ast.Constant)) or not loaded(e) & set(round_.named) for e in node.elts):  # fmt: skip  # noqa: E501
        inside = ", ".join(_inlined(spot, e, round_) for e in node.elts) + ("," if len(node.elts) == 1 else "")
        return f"({inside})" if isinstance(node, ast.Tuple) else f"[{inside}]"
    raise Refused("what the round names is part of a larger expression")


def _called(spot: Spot, draft: Draft, call: ast.Call) -> tuple[str, str]:
    """What is called instead of `cursor.execute`, and what stands before the statement in its brackets."""
    assert isinstance(call.func, ast.Attribute)
    receiver = spot.tree.text(call.func.value)
    module, _, name = sender(spot).rpartition(".")
    if name and not is_sqlalchemy(spot, call):
        (function,) = spot.imports(module).use(draft, spot.loop.lineno, name)
        return function, f"{receiver}, "
    return f"{receiver}.execute" + "many" * (not is_sqlalchemy(spot, call)), ""


def _send(spot: Spot, draft: Draft, round_: _Round, call: ast.Call, parameters: ast.expr, batch: str) -> None:
    """`execute(statement, row)` becomes `executemany(statement, batch)`, where it stands."""
    function, before = _called(spot, draft, call)
    size = spot.around.settings.batch_size
    batch += f", page_size={size}" * (bool(before) and size != _PAGE)
    if round_.tests:
        statement = round_.sent
        if len(spot.lines(statement)) > 1:
            raise Refused("the statement under a test takes several lines")
        text = spot.tree.text(statement)
        for test in round_.tests:
            erase(draft, range(test.lineno, test.body[0].lineno))
        first = spot.tree.start(statement)[1]
        offset = spot.tree.start(parameters)[1] - first
        stop = spot.tree.end(parameters)[1] - first
        start, end = spot.tree.start(call.func)[1] - first, spot.tree.end(call.func)[1] - first
        bracket = text.index("(", end) + 1
        text = text[:start] + function + text[end:bracket] + before + text[bracket:offset] + batch + text[stop:]
        line, last = statement.lineno, spot.tree.end(statement)[1]
        draft.replace(line, 0, last, spot.indent(round_.tests[0]) + text)
        return
    (line, start), (end_line, end) = spot.tree.start(call.func), spot.tree.end(call.func)
    if line != end_line:
        raise Refused("the call is laid out in an unusual way")
    draft.replace(line, start, end, function)
    bracket = draft.line(line).index("(", end) + 1
    draft.replace(line, bracket, bracket, before)
    (first_line, start), (last_line, end) = spot.tree.start(parameters), spot.tree.end(parameters)
    if first_line == last_line:
        draft.replace(first_line, start, end, batch)
        return
    rest = draft.line(last_line)[end:].rstrip("\r\n")
    draft.replace(first_line, start, len(draft.line(first_line).rstrip("\r\n")), batch + rest)
    erase(draft, range(first_line + 1, last_line + 1))
