"""Helpers that are given what an object keeps: which of them may release it, by their names and by their text."""

from __future__ import annotations

from collections.abc import Collection

import libcst as cst

from leakcheck.flow.binding import parameters
from leakcheck.flow.byname import BY_NAME
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.values import Function
from leakcheck.patterns import pattern
from leakcheck.project.syntax.module import FunctionInfo
from leakcheck.project.syntax.walk import dotted, terminal, walk

# What a helper is believed to do that is given a connection and has one of these in its name, or that begins a part of
# its name with one of the second line: `find_closest`, `init_skills` and `load_stopwords` release nothing.
_RELEASING = pattern(
    r"(?i:clos(?!est)|releas|dispos|shut|disconn|teardown"
    r"|(?<![a-z])(?:put|free|return|final|clean|stop|kill))"
    r"|(?<=[a-z])(?:Put|Free|Return|Final|Clean|Stop|Kill)"
)
_DEPTH = 3  # of helpers that pass it on


def sounds_like_release(name: str) -> bool:
    """Whether a function of that name may release what it is given."""
    return _RELEASING.search(name) is not None


def calls_of_base(method: FunctionInfo, names: Collection[str]) -> bool:
    """Whether a method calls one of those that its class may override: `super().close()`, `Store.close(self)`."""
    if not names or not method.mentions(frozenset(names)):
        return False
    calls = (node for node in walk(method.node.body) if isinstance(node, cst.Call) and terminal(node.func) in names)
    return any(is_of_base(call) for call in calls)


def is_of_base(call: cst.Call) -> bool:
    """Whether a call is one of a method of the object as its base has it."""
    owner = call.func.value if isinstance(call.func, cst.Attribute) else None
    if isinstance(owner, cst.Call):
        return terminal(owner.func) == "super"
    return owner is not None and any(dotted(argument.value) == "self" for argument in call.args[:1])


def only_uses(
    call: cst.Call, paths: Collection[str], caller: FunctionInfo, ways: Collection[str], resolver: Resolver
) -> bool:
    """Whether a call's callee is there to read, and plainly only works with the arguments that are one of `paths`."""
    return _only_uses(call, paths, caller, frozenset(ways), resolver, _DEPTH)


def _only_uses(
    call: cst.Call, paths: Collection[str], caller: FunctionInfo, ways: frozenset[str], resolver: Resolver, depth: int
) -> bool:
    callee = resolver.static(call.func, caller, caller.module)
    if not isinstance(callee, Function):
        return "borrows" in resolver.catalogue.function(resolver.callee_name(callee) or "")
    function = callee.info
    if depth == 0 or function.decorators or not (ways | BY_NAME).isdisjoint(function.words):
        return False
    filled = zip(parameters(callee, call.args), call.args, strict=True)
    names = {name for name, argument in filled if dotted(argument.value) in paths}
    return bool(names) and "" not in names and all(_stays(name, function, ways, resolver, depth - 1) for name in names)


def _stays(name: str, function: FunctionInfo, ways: frozenset[str], resolver: Resolver, depth: int) -> bool:
    """Whether a function asks its parameter for something, and does nothing else with it."""
    mentioned, known = set(), set()
    for node in walk(function.node.body):
        if isinstance(node, cst.Name) and node.value == name:
            mentioned.add(id(node))
        elif isinstance(node, cst.Attribute):
            known.add(id(node.value))
        elif isinstance(node, cst.Call) and any(dotted(argument.value) == name for argument in node.args):
            if _only_uses(node, {name}, function, ways, resolver, depth):
                known.update(id(argument.value) for argument in node.args)
    return bool(mentioned) and mentioned <= known
