"""What happens between two attempts of a loop: a pause that grows, one that does not, or none."""

from __future__ import annotations

import builtins
from collections.abc import Iterator

import libcst as cst

from leakcheck.checks.assigned import assigned
from leakcheck.checks.held.blocking import Blocking
from leakcheck.checks.retries.loops import Loop, changing
from leakcheck.checks.rows.refusals import enclosing
from leakcheck.checks.sql import mentions
from leakcheck.flow.values import Function
from leakcheck.project.syntax.module import FunctionInfo
from leakcheck.project.syntax.walk import children, code, contains, same_scope, terminal, walk
from leakcheck.words import words

AT_ONCE, STEADY = "without a pause", "after a pause that does not grow"


def impatience(loop: Loop, function: FunctionInfo, blocking: Blocking, acquire: cst.CSTNode | None = None) -> str:
    """`without a pause`, `after a pause that does not grow`; "" if it grows or nothing can be said."""
    if _drains(loop, function) or _waits_between(loop, function, blocking):
        return ""
    if _asks_somebody(loop, function, blocking, acquire):
        return ""
    pauses = _pauses(loop.body, function, blocking)
    if not pauses:
        calls = (node for node in walk(loop.body, same_scope) if isinstance(node, cst.Call))
        unknown = any(_may_pause(node, function, blocking) for node in calls)
        return "" if unknown else _between_rounds(loop, function, blocking)
    differing = changing(loop)
    lengths = [argument for node in pauses for argument in (*node.args, *_limits(node, loop, function, blocking))]
    if mentions(lengths, differing.__contains__):
        return ""
    constant = (cst.Integer, cst.Float, cst.Name, cst.Attribute)
    return STEADY if all(isinstance(argument.value, constant) for argument in lengths) else ""


def _limits(pause: cst.Call, loop: Loop, function: FunctionInfo, blocking: Blocking) -> Iterator[cst.Arg]:
    """What says how long a wait takes at most: `wait_for(stop.wait(), timeout=5)`, `async with timeout(5):`."""
    for node in walk(loop.body, same_scope):
        around = [item.item for item in node.items] if isinstance(node, cst.With) else [node]
        for call in (each for each in around if isinstance(each, cst.Call) and each is not pause):
            callee = blocking.resolver.static(call.func, function, function.module)
            if blocking.resolver.callee_name(callee) in blocking.waits.limits and contains(node, pause):
                yield from (argument for argument in call.args if not contains(argument, pause))


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
    return AT_ONCE


def _only_counts(node: cst.Call) -> bool:
    """`range(5)`, `enumerate(servers)`, `servers.items()`: nothing that could take its time."""
    name = terminal(node.func)
    return name in (*words().counts, *words().same_length, *words().views) or hasattr(builtins, name)


def _waits_between(loop: Loop, function: FunctionInfo, blocking: Blocking) -> bool:
    """`while not stop.wait(5):`, whatever has become of the last round: it is what comes at such times, no retry."""
    tested = walk(loop.test, same_scope) if isinstance(loop, cst.While) else ()
    calls = (node for node in tested if isinstance(node, cst.Call))
    return any(_sleeps(node, function, blocking) or _may_pause(node, function, blocking) for node in calls)


def _asks_somebody(loop: Loop, function: FunctionInfo, blocking: Blocking, acquire: cst.CSTNode | None) -> bool:
    """Whether a person has a word between two attempts: no two of them answer together. What is asked in some cases
    only, or once an attempt has succeeded, does not count."""
    after = frozenset(_behind(acquire, loop)) if acquire is not None else frozenset()
    tested = [loop.test] if isinstance(loop, cst.While) else []
    nodes = (node for part in (*tested, loop.body) for node in (part, *_whatever_is_tested(part)))
    return any(
        isinstance(node, cst.Call) and id(node) not in after and _asks(node, function, blocking) for node in nodes
    )


def _asks(node: cst.Call, function: FunctionInfo, blocking: Blocking) -> bool:
    callee = blocking.resolver.static(node.func, function, function.module)
    return any(pause.wait.asks for pause in blocking.at(callee, node, function.node.body, function.module))


def _whatever_is_tested(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """What a round runs that fails: also handlers and tests, but not what stands under a test."""
    for child in children(node):
        part = child.test if isinstance(child, cst.If) else child
        if same_scope(part) and not isinstance(part, (cst.For, cst.Match)):
            yield part
            yield from _whatever_is_tested(part)


def _behind(acquire: cst.CSTNode, loop: Loop) -> Iterator[int]:
    """The ids of what is only run once the acquire has succeeded: behind it in its `try`, and in the `else` of that."""
    tried = next(iter(enclosing(cst.Try, acquire, loop.body)), None)
    if tried is not None:
        ids = [id(part) for part in walk(tried.body, same_scope)]
        own = frozenset(id(part) for part in walk(acquire))
        yield from (each for each in ids[ids.index(id(acquire)) :] if each not in own)
        yield from (id(part) for part in walk(tried.orelse)) if tried.orelse is not None else ()


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
