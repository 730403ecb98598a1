"""What those do who call a function that returns a new engine: whether any of them keeps it."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from leakcheck.checks.pools.fates import Fates
from leakcheck.checks.pools.trails import Fate
from leakcheck.checks.purpose import is_test
from leakcheck.flow.values import Function
from leakcheck.project.syntax.module import Chunk, ClassInfo, FunctionInfo, Module
from leakcheck.project.syntax.walk import same_scope, terminal, unawaited, walk
from leakcheck.records import dataclass

_BRIEF = (Fate.LOST, Fate.CLOSED, Fate.GIVEN)


@dataclass(frozen=True)
class Use:
    """Where it stands, if in a function; the call, if it is one, and whether nothing is done with what that gives."""

    caller: FunctionInfo | None = None
    call: cst.Call | None = None
    dropped: bool = False

    def is_brief(self, fates: Fates) -> bool:
        """Whether it is for this one call: a name of a module's own is there for as long as the process."""
        if self.call is None or self.caller is None:
            return self.dropped
        return fates.of_call(self.call, self.caller) in _BRIEF


def is_for_one_call(function: FunctionInfo, fates: Fates) -> bool:
    """Whether all who call a function, as far as they are in sight, need what it builds for a call of their own."""
    if function.parent is not None or not fates.is_factory(function):
        return False
    uses = list(_uses(function, fates))
    return bool(uses) and all(use.is_brief(fates) for use in uses)


def _uses(function: FunctionInfo, fates: Fates) -> Iterator[Use]:
    module, name = function.module, function.name
    around = fates.resolver.project.modules_around(module, frozenset({module.name.rpartition(".")[2], name}))
    for user in (module, *around):
        is_of_tests = is_test(user, fates.resolver.project.settings)
        yield from (use for use in _uses_by(user, function, fates) if not is_of_tests or use.is_brief(fates))


def _uses_by(user: Module, function: FunctionInfo, fates: Fates) -> Iterator[Use]:
    name = function.name
    if user is not function.module and name in user.imported_words and (user.is_package or _renames(user, name)):
        yield Use()  # who imports it from there is out of sight
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
    dropped = {id(unawaited(n.value)) for n in parts if isinstance(n, cst.Expr)}
    for part in (n for n in parts if isinstance(n, (cst.Name, cst.Attribute)) and id(n) not in others):
        if terminal(part) == function.name:
            meant = fates.resolver.static(part, scope, module)
            if isinstance(meant, Function) and meant.info is function:
                call = calls.get(id(part))
                yield Use(scope, call, id(call) in dropped)
