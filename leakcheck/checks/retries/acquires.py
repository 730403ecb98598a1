"""LK501, LK502: acquires that give up at once, or try again without a pause that grows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import libcst as cst

from leakcheck.checks.held.blocking import Blocking
from leakcheck.checks.pools.engines import only_sqlite
from leakcheck.checks.retries.loops import Loop, is_endless, tries
from leakcheck.checks.retries.pauses import AT_ONCE, STEADY, impatience
from leakcheck.checks.telling import Teller, quoted
from leakcheck.diagnostics import Diagnostic, lowest
from leakcheck.flow.binding import outer_parameters
from leakcheck.flow.interpreter import Interpreter
from leakcheck.flow.sites import Site
from leakcheck.flow.values import Function, Symbol
from leakcheck.project.syntax.module import FunctionInfo
from leakcheck.project.syntax.walk import same_scope, terminal, walk
from leakcheck.words import words

_CALLERS = 3  # of callers asked whether they try again
AGAIN = "callers that failed together come back together"


def retries(run: Interpreter, tell: Teller, blocking: Blocking) -> Iterable[Diagnostic]:
    """What is wrong with how a function tries again to get a connection."""
    if run.function is None:
        yield from _at_import(run, tell, blocking)
        return
    if not run.sites or only_sqlite(run.function):
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
            yield from _impatient(loop, site, run.function, tell, blocking)
        elif loop is None and not patient and _gives_up(site, run.function, blocking):
            message = f"{quoted(site.callee)} {site.spec.exhaustion} when the pool is empty, and nothing tries again"
            yield tell.at("LK501", site.certainty, message, site.node)
    if any(not site.parameter and not site.spec.embedded for site in run.sites):
        yield from _decorated(run.function, tell, blocking)
        yield from _gone_over(loops, run, tell, blocking)
        for node, why in patient.items():
            if why:
                yield _of_decorator(node, run.function, why, tell)


def _impatient(
    loop: Loop, site: Site, function: FunctionInfo, tell: Teller, blocking: Blocking
) -> Iterator[Diagnostic]:
    if why := impatience(loop, function, blocking, site.node):
        why += " and without end" if is_endless(loop) else ""
        message = f"{quoted(site.callee)} is tried again {why}: {AGAIN}"
        yield tell.at("LK502", lowest(site.certainty, "high"), message, site.node)


def _at_import(run: Interpreter, tell: Teller, blocking: Blocking) -> Iterator[Diagnostic]:
    """The loops of a module's own statements: whoever imports it waits for them. Each is looked at as if a function had
    it, whose names are the module's where the statement binds none."""
    told: set[int] = set()
    for site in run.sites:
        chunk = run.module.chunk_of(site.node)
        if site.spec.embedded or chunk.kind != "compound":
            continue
        body = cst.IndentedBlock(list(chunk.tree.body))
        loops = [node for node in walk(body, same_scope) if isinstance(node, (cst.For, cst.While))]
        loop = next((loop for loop in reversed(loops) if tries(loop, site.node)), None)
        if loop is not None and id(loop) not in told:
            told.add(id(loop))
            around = cst.FunctionDef(cst.Name("import"), cst.Parameters(), body)
            yield from _impatient(loop, site, FunctionInfo(around, chunk, "", None), tell, blocking)


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
        return AT_ONCE if name in blocking.waits.needs_wait or not arguments else STEADY
    if keyword is None and blocking.waits.named(name) is not None:
        given = [argument.value for argument in arguments[:1] if argument.keyword is None]
    made = (value.func if isinstance(value, cst.Call) else value for value in given)
    steady = any(_symbol(value, function, blocking) in blocking.waits.constant for value in made)
    return STEADY if steady else ""


def _symbol(node: cst.BaseExpression, function: FunctionInfo, blocking: Blocking) -> str:
    """The qualified name of something imported."""
    value = blocking.resolver.static(node, function.parent, function.module)
    return value.name if isinstance(value, Symbol) else ""
