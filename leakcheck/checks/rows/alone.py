"""Why a statement goes alone although the next one looks the same: what its round does with it, and besides."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from leakcheck.checks.rows.rounds import Loop
from leakcheck.checks.rows.written import works
from leakcheck.checks.sql import mentions
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.values import Function
from leakcheck.project.syntax.module import FunctionInfo
from leakcheck.project.syntax.walk import code, dotted, same_scope, terminal, unawaited, walk
from leakcheck.words import words


def goes_alone(loop: Loop, sent: cst.Call) -> bool:
    """Whether a round looks at what the statement gave, asks somebody, or has an object do something of its own."""
    asked = (terminal(n.func) in words().prompts for n in loop.body if isinstance(n, cst.Call))
    return any(asked) or _looked_at(loop, sent) or any(_moved(loop, sent))


def is_unit_of_work(loop: Loop, sent: cst.Call) -> bool:
    """Whether each round has functions of the project work on the database as well."""
    for node in loop.body:
        if isinstance(node, cst.Call) and node is not sent and mentions(node.args, loop.rows.__contains__):
            callee = loop.resolver.static(node.func, loop.function, loop.module)
            if isinstance(callee, Function) and works(callee.info, loop.resolver):
                return True
    return False


def asks_first(helper: FunctionInfo, sent: cst.Call, resolver: Resolver) -> bool:
    """Whether a helper has others look at the database as well: what, or whether, it writes may depend on that."""
    owner = sent.func.value if isinstance(sent.func, cst.Attribute) else sent.func
    for node in walk(helper.node.body, same_scope):
        if isinstance(node, cst.Call) and node is not sent:
            callee = resolver.static(node.func, helper, helper.module)
            if any(code(argument.value) == code(owner) for argument in node.args):
                return True
            if isinstance(callee, Function) and works(callee.info, resolver):
                return True
    return False


def lends_to_others(loop: Loop, sent: cst.Call) -> bool:
    """Whether the round gives the cursor to somebody else as well: it is a unit of work, not a row."""
    lent = {a.value.value for a in sent.args if isinstance(a.value, cst.Name)}
    if isinstance(sent.func, cst.Attribute) and sent.func.attr.value == "execute":
        lent = {(dotted(sent.func.value) or "").partition(".")[0]} - {"self", "cls", ""}
    lent -= loop.rows
    calls = (n for n in loop.body if isinstance(n, cst.Call) and n is not sent)
    return any(isinstance(a.value, cst.Name) and a.value.value in lent for n in calls for a in n.args)


def sends_inside(loop: Loop, committed: cst.BaseExpression) -> bool:
    """Whether a loop inside a round writes too, by what is committed then: it is many rows, not one."""
    inner = (n for n in walk(loop.node.body, same_scope) if isinstance(n, cst.For))
    calls = (n for part in inner for n in walk(part.body, same_scope) if isinstance(n, cst.Call))
    methods = (call.func for call in calls if isinstance(call.func, cst.Attribute))
    marks = {f"{code(committed)}.{name}" for name in words().marks}
    return any(method.attr.value == "execute" or code(method) in marks for method in methods)


def _looked_at(loop: Loop, sent: cst.Call) -> bool:
    """Whether something is done with the result: it is printed, counted, returned; a name for it alone says nothing."""
    if not loop.uses_result(sent):
        return False
    for node in (n for n in loop.body if isinstance(n, cst.Assign)):
        value = unawaited(node.value)
        if value is sent and all(isinstance(t.target, cst.Name) for t in node.targets):
            names = {t.target.value for t in node.targets if isinstance(t.target, cst.Name)}
            rest = (n for n in loop.body if isinstance(n, cst.Name) and n.value in names)
            return len(list(rest)) > len(names)
    return True


def _moved(loop: Loop, sent: cst.Call) -> Iterator[cst.Call]:
    """Calls that are made for their effect, and save or are awaited, of what the round was given by another call:
    `player = await players.get(id); await player.remove(rights)`. The database is likely to hear of it."""
    made = {
        target.target.value
        for node in loop.body
        if isinstance(node, cst.Assign) and isinstance(unawaited(node.value), cst.Call)
        for target in node.targets
        if isinstance(target.target, cst.Name) and mentions([node.value], loop.rows.__contains__)
    }
    for node in (n.value for n in loop.body if isinstance(n, cst.Expr)):
        call = unawaited(node)
        if isinstance(call, cst.Call) and call is not sent and isinstance(call.func, cst.Attribute):
            saves = call.func.attr.value in set(words().saves) - set(words().fills)
            if (saves or isinstance(node, cst.Await)) and (dotted(call.func) or "").partition(".")[0] in made:
                yield call
