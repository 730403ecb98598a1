"""LK501, LK502: acquires that give up at once, or try again without a pause that grows."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Sequence

import libcst as cst

from leakcheck.checks.assigned import assigned
from leakcheck.checks.held.blocking import Blocking
from leakcheck.checks.pools.engines import only_sqlite
from leakcheck.checks.retries.loops import Loop, changing, is_endless, tries
from leakcheck.checks.sql import mentions
from leakcheck.checks.telling import Teller, quoted
from leakcheck.diagnostics import Diagnostic, lowest
from leakcheck.flow.binding import outer_parameters
from leakcheck.flow.interpreter import Interpreter
from leakcheck.flow.sites import Site
from leakcheck.flow.values import Function, Symbol
from leakcheck.project.syntax.module import FunctionInfo
from leakcheck.project.syntax.walk import code, same_scope, terminal, walk
from leakcheck.words import words

_CALLERS = 3  # of callers asked whether they try again
AGAIN = "callers that failed together come back together"
_AT_ONCE, STEADY = "without a pause", "after a pause that does not grow"


def retries(run: Interpreter, tell: Teller, blocking: Blocking) -> Iterable[Diagnostic]:
    """What is wrong with how a function tries again to get a connection."""
    if run.function is None or not run.sites or only_sqlite(run.function):
        return
    loops = [node for node in walk(run.function.node.body, same_scope) if isinstance(node, (cst.For, cst.While))]
    told: set[int] = set()
    patient = dict(_own_decorators(run.function, blocking))
    for site in run.sites:
        if site.parameter or site.spec.embedded:
            continue
        loop = next((loop for loop in reversed(loops) if tries(loop, site.node)), None)
        if loop is not None and id(loop) not in told:
            told.add(id(loop))
            if why := impatience(loop, run.function, blocking):
                why += " and without end" if is_endless(loop) else ""
                message = f"{quoted(site.callee)} is tried again {why}: {AGAIN}"
                yield tell.at("LK502", lowest(site.certainty, "high"), message, site.node)
        elif loop is None and not patient and _gives_up(site, run.function, blocking):
            message = f"{quoted(site.callee)} {site.spec.exhaustion} when the pool is empty, and nothing tries again"
            yield tell.at("LK501", site.certainty, message, site.node)
    if any(not site.parameter and not site.spec.embedded for site in run.sites):
        yield from _decorated(run.function, tell, blocking)
        yield from _gone_over(loops, run, tell, blocking)
        for node, why in patient.items():
            if why:
                yield _of_decorator(node, run.function, why, tell)


def _own_decorators(function: FunctionInfo, blocking: Blocking) -> Iterator[tuple[cst.BaseExpression, str]]:
    """Decorators of the project that try again, each with what is wrong with its pause."""
    for decorator in function.node.decorators:
        node = decorator.decorator
        maker = node.func if isinstance(node, cst.Call) else node
        callee = blocking.resolver.static(maker, function.parent, function.module)
        if not isinstance(callee, Function):
            continue
        for inner in callee.info.chunk.definitions:
            if isinstance(inner, FunctionInfo) and inner.qualname.startswith(f"{callee.info.qualname}."):
                if loop := _retrying(inner):
                    yield node, impatience(loop, inner, blocking)
                    break


def _retrying(wrapper: FunctionInfo) -> Loop | None:
    """The loop in which a decorator's function calls the decorated one until it succeeds."""
    decorated = outer_parameters(wrapper)
    for loop in walk(wrapper.node.body, same_scope):
        if isinstance(loop, (cst.For, cst.While)):
            for node in walk(loop.body, same_scope):
                called = node.func if isinstance(node, cst.Call) else None
                if isinstance(called, cst.Name) and called.value in decorated and tries(loop, node):
                    return loop
    return None


def _of_decorator(node: cst.CSTNode, function: FunctionInfo, why: str, tell: Teller) -> Diagnostic:
    message = f"{quoted(function.name)} is tried again {why}: {AGAIN}"
    return tell.at("LK502", "medium", message, node)


def impatience(loop: Loop, function: FunctionInfo, blocking: Blocking) -> str:
    """`without a pause`, `after a pause that does not grow`; "" if it grows or nothing can be said."""
    if _drains(loop, function) or _waits_between(loop, function, blocking):
        return ""
    pauses = _pauses(loop.body, function, blocking)
    if not pauses:
        calls = (node for node in walk(loop.body, same_scope) if isinstance(node, cst.Call))
        unknown = any(_may_pause(node, function, blocking) for node in calls)
        return "" if unknown else _between_rounds(loop, function, blocking)
    differing = changing(loop)
    if any(mentions(node.args, differing.__contains__) for node in pauses):
        return ""
    constant = all(isinstance(part, (cst.Integer, cst.Float, cst.Name, cst.Attribute, cst.Arg)) for node in pauses
                   for argument in node.args for part in (argument, argument.value))  # fmt: skip
    return STEADY if constant else ""


def _pauses(part: cst.CSTNode, function: FunctionInfo, blocking: Blocking) -> list[cst.Call]:
    """The calls in a part of a function that sleep."""
    calls = (node for node in walk(part, same_scope) if isinstance(node, cst.Call))
    return [node for node in calls if _sleeps(node, function, blocking)]


def _between_rounds(loop: Loop, function: FunctionInfo, blocking: Blocking) -> str:
    """What is wrong with the pause that whoever gives a loop its rounds makes: `for attempt in attempts(5):`."""
    calls = (
        (node for node in walk(loop.iter, same_scope) if isinstance(node, cst.Call))
        if isinstance(loop, cst.For)
        else ()
    )
    for node in calls:
        callee = blocking.resolver.static(node.func, function, function.module)
        giver = callee.info if isinstance(callee, Function) else None
        if giver is None and not _only_counts(node):
            return ""  # what a library does from round to round, nobody knows
        if giver is not None and giver.is_generator and _pauses(giver.node.body, giver, blocking):
            around = [part for part in walk(giver.node.body, same_scope) if isinstance(part, (cst.For, cst.While))]
            rounds = [each for each in around if any(isinstance(part, cst.Yield) for part in walk(each.body))]
            return impatience(rounds[0], giver, blocking) if rounds else ""
    return _AT_ONCE


def _only_counts(node: cst.Call) -> bool:
    """`range(5)`, `enumerate(servers)`, `servers.items()`: nothing that could take its time."""
    name = terminal(node.func)
    return name in (*words().counts, *words().same_length, *words().views) or hasattr(builtins, name)


def _waits_between(loop: Loop, function: FunctionInfo, blocking: Blocking) -> bool:
    """`while not stop.wait(5):`, whatever has become of the last round: it is what comes at such times, no retry."""
    tested = walk(loop.test, same_scope) if isinstance(loop, cst.While) else ()
    calls = (node for node in tested if isinstance(node, cst.Call))
    return any(_sleeps(node, function, blocking) or _may_pause(node, function, blocking) for node in calls)


def _may_pause(node: cst.Call, function: FunctionInfo, blocking: Blocking) -> bool:
    """By its name, or because it waits for its turn for some time: `slots.acquire(timeout=5)`, also in a callee."""
    if _text(node) in words().pauses or words().of_retries.search(_text(node)) or _has_its_turn(node):
        return True
    callee = blocking.resolver.static(node.func, function, function.module)
    if not isinstance(callee, Function) or "timeout" not in callee.info.chunk.statement.text:
        return False
    return any(_has_its_turn(part) for part in walk(callee.info.node.body, same_scope) if isinstance(part, cst.Call))


def _has_its_turn(node: cst.Call) -> bool:
    """Whether a lock or a semaphore is waited for."""
    return _text(node) in words().turns and any(a.keyword and a.keyword.value == "timeout" for a in node.args)


def _drains(loop: Loop, function: FunctionInfo) -> bool:
    """`for _ in range(pool.maxconn + 1)`: what is tried again gets rid of the pool's dead connections."""
    counted = [a.value for a in loop.iter.args] if isinstance(loop, cst.For) and isinstance(loop.iter, cst.Call) else []
    counts = [value for node in counted for value in (node, *assigned(node, function, function.module))]
    return any(words().of_pool_sizes.search(code(value)) for value in counts)


def _sleeps(node: cst.Call, function: FunctionInfo, blocking: Blocking) -> bool:
    callee = blocking.resolver.static(node.func, function, function.module)
    if any(pause.sleeps for pause in blocking.at(callee, node, function.node.body, function.module)):
        return True
    listed = blocking.waits.named(blocking.resolver.callee_name(callee) or "")
    return listed is not None and listed[0].kind != "slow" and _is_fraction(node)  # so short that nobody else minds


def _is_fraction(node: cst.Call) -> bool:
    """`sleep(0.001)`."""
    return len(node.args) == 1 and isinstance(node.args[0].value, cst.Float)


def _text(node: cst.Call) -> str:
    return node.func.attr.value if isinstance(node.func, cst.Attribute) else getattr(node.func, "value", "")


def _gives_up(site: Site, function: FunctionInfo, blocking: Blocking) -> bool:
    """A checkout that raises at once, with no retry around it in sight; said once, where the pool is asked."""
    if site.spec.kind != "checkout" or site.wrappers or not site.spec.exhaustion.startswith("raises"):
        return False
    return not (_speaks_of_retries(function) or _is_tried_by_callers(function, blocking, _CALLERS))


def _speaks_of_retries(function: FunctionInfo) -> bool:
    return any(words().of_retries.search(word) for word in (function.name, *function.decorators, *function.words))


def _is_tried_by_callers(function: FunctionInfo, blocking: Blocking, depth: int) -> bool:
    """Whether whoever uses a function in its file tries again, or is called by somebody who does."""
    mentioned = function.module.mentioning(frozenset({function.name}))
    found = (d for chunk in mentioned for d in chunk.definitions if isinstance(d, FunctionInfo))
    users = [user for user in found if _uses(user, function, blocking)]
    return bool(users) and all(
        _speaks_of_retries(user) or (depth > 1 and _is_tried_by_callers(user, blocking, depth - 1)) for user in users
    )


def _uses(user: FunctionInfo, function: FunctionInfo, blocking: Blocking) -> bool:
    """Whether one function calls another, or hands it to somebody who does."""
    if user is function or function.name not in user.words:
        return False
    names = (node for node in walk(user.node.body) if isinstance(node, (cst.Name, cst.Attribute)))
    found = (node for node in names if terminal(node) == function.name)
    values = (blocking.resolver.static(node, user, user.module) for node in found)
    return any(isinstance(value, Function) and value.info is function for value in values)


def _decorated(function: FunctionInfo, tell: Teller, blocking: Blocking) -> Iterator[Diagnostic]:
    """`@tenacity.retry` without `wait` or `stop`, or with a pause that does not grow; `backoff.constant`."""
    for decorator in function.node.decorators:
        node = decorator.decorator
        if why := carelessness(node, function, blocking):
            yield _of_decorator(node, function, why, tell)


def _gone_over(loops: Sequence[Loop], run: Interpreter, tell: Teller, blocking: Blocking) -> Iterator[Diagnostic]:
    """`for attempt in tenacity.Retrying(…):` around an acquire."""
    for loop in (loop for loop in loops if isinstance(loop, cst.For) and isinstance(loop.iter, cst.Call)):
        inside = {id(part) for part in walk(loop.body, same_scope)}
        site = next((s for s in run.sites if id(s.node) in inside and not (s.parameter or s.spec.embedded)), None)
        if site is not None and run.function is not None and isinstance(loop, cst.For):
            if why := carelessness(loop.iter, run.function, blocking):
                message = f"{quoted(site.callee)} is tried again {why}: {AGAIN}"
                yield tell.at("LK502", "medium", message, loop.iter)


def carelessness(node: cst.BaseExpression, function: FunctionInfo, blocking: Blocking) -> str:
    """What is wrong with a retry of a library, by the arguments it is made with."""
    name = _symbol(node.func if isinstance(node, cst.Call) else node, function, blocking)
    arguments = node.args if isinstance(node, cst.Call) else ()
    if any(argument.star for argument in arguments):
        return ""
    pause = _pause(name, arguments, function, blocking)
    stops = blocking.waits.stops.get(name)
    endless = stops is not None and not any(a.keyword and a.keyword.value in stops for a in arguments)
    return " and ".join([pause] * bool(pause) + ["without end"] * endless)


def _pause(name: str, arguments: Sequence[cst.Arg], function: FunctionInfo, blocking: Blocking) -> str:
    """What is wrong with the pause of such a decorator; "" if nothing is known to be."""
    keyword = blocking.waits.grows.get(name)
    given = [a.value for a in arguments if a.keyword and a.keyword.value == keyword]
    if keyword is not None and not given:
        return _AT_ONCE if name in blocking.waits.needs_wait or not arguments else STEADY
    if keyword is None and blocking.waits.named(name) is not None:
        given = [argument.value for argument in arguments[:1] if argument.keyword is None]
    made = (value.func if isinstance(value, cst.Call) else value for value in given)
    steady = any(_symbol(value, function, blocking) in blocking.waits.constant for value in made)
    return STEADY if steady else ""


def _symbol(node: cst.BaseExpression, function: FunctionInfo, blocking: Blocking) -> str:
    """The qualified name of something imported."""
    value = blocking.resolver.static(node, function.parent, function.module)
    return value.name if isinstance(value, Symbol) else ""
