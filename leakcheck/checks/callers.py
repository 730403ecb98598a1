"""What those do who call a function that returns a new engine: whether any of them keeps it."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from leakcheck.checks.fates import Fate, Fates
from leakcheck.flow.values import Function
from leakcheck.project.module import Chunk, ClassInfo, FunctionInfo, Module
from leakcheck.project.walk import same_scope, terminal, walk

_BRIEF = (Fate.LOST, Fate.CLOSED, Fate.GIVEN)

Use = tuple[FunctionInfo | None, cst.Call | None]  # where it stands, if in a function; the call, if it is one


def is_for_one_call(function: FunctionInfo, fates: Fates) -> bool:
    """Whether all who call a function, as far as they are in sight, need what it builds for a call of their own."""
    if function.parent is not None or not fates.is_factory(function):
        return False
    uses = list(_uses(function, fates))
    return bool(uses) and all(caller and call and fates.of_call(call, caller) in _BRIEF for caller, call in uses)


def _uses(function: FunctionInfo, fates: Fates) -> Iterator[Use]:
    module, name = function.module, function.name
    around = fates.resolver.project.modules_around(module, frozenset({module.name.rpartition(".")[2], name}))
    for user in (module, *around):
        if user is not module and name in user.imported_words and (user.is_package or _renames(user, name)):
            yield None, None  # who imports it from there is out of sight
        for part in user.mentioning(frozenset({name})):
            yield from _uses_in(part, function, fates)


def _renames(module: Module, name: str) -> bool:
    """Whether a module gives a name another one."""
    return any(last == name for last, _ in module.renamed)


def _uses_in(part: Chunk, function: FunctionInfo, fates: Fates) -> Iterator[Use]:
    """Its calls, and the places that mention it otherwise: whoever is given the function may call it as he likes."""
    for found in part.definitions:
        body = found.node.body
        if isinstance(found, ClassInfo):
            yield from _of(function, body, None, part.module, fates)
        elif found is not function:
            yield from _of(function, body, found, part.module, fates)
            for around in (found.node.params, *found.node.decorators):
                yield from _of(function, around, None, part.module, fates)
    if part.kind in ("simple", "compound"):
        yield from _of(function, part.tree, None, part.module, fates)


def _of(
    function: FunctionInfo, node: cst.CSTNode, scope: FunctionInfo | None, module: Module, fates: Fates
) -> Iterator[Use]:
    parts = list(walk(node, same_scope))
    others = {id(n.attr) for n in parts if isinstance(n, cst.Attribute)}
    calls = {id(n.func): n for n in parts if isinstance(n, cst.Call)}
    for part in (n for n in parts if isinstance(n, (cst.Name, cst.Attribute)) and id(n) not in others):
        if terminal(part) == function.name:
            meant = fates.resolver.static(part, scope, module)
            if isinstance(meant, Function) and meant.info is function:
                yield scope, calls.get(id(part))
