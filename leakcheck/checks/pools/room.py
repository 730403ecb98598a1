"""LK401: whether a pool has room for what runs at once, and how that is known."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from leakcheck.checks.assigned import assigned
from leakcheck.checks.pools.constructors import Built
from leakcheck.checks.purpose import is_test
from leakcheck.checks.scripts import is_brief_script
from leakcheck.checks.telling import quoted
from leakcheck.diagnostics import Confidence
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.values import Function
from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.project.syntax.walk import code, same_scope, walk
from leakcheck.records import dataclass
from leakcheck.settings import Settings
from leakcheck.words import words

_SETTING = "min-pool-size"
ONE_BY_ONE = "so that what a server runs at a time is done one after the other"


@dataclass(frozen=True)
class Room:
    """The most connections that a pool has, with what that is the sum of, and the keyword that says so."""

    size: int
    keyword: str
    more: str = ""
    most: int = 0  # the driver's own maximum; 0: none

    def is_too_small(self, settings: Settings) -> bool:
        return self.size < self._least(settings)

    def verdict(self, settings: Settings, reason: str) -> tuple[Confidence, str]:
        """How sure it is that this is too little, and what LK401 says. The size is somebody's choice: it is only wrong
        if the settings say so, or for a reason that stands in the code."""
        least, better = self._least(settings), min(settings.pool_size, self.most or settings.pool_size)
        sure: Confidence = "high"
        if _SETTING in settings.written:
            why = f"fewer than the {least} of {quoted(_SETTING)}"
        elif reason:
            sure, why = "medium", reason
        else:
            sure, why = "low", f"fewer than the {least} that are usual ({quoted(_SETTING)} is not set)"
        noun = "connection" if self.size == 1 else "connections"
        return sure, f"this pool ends at {self.size} {noun}{self.more}, {why}: make {quoted(self.keyword)} {better}"

    def _least(self, settings: Settings) -> int:
        return min(settings.min_pool_size, self.most or settings.min_pool_size)


def reason(built: Built, room: Room, is_given: bool, serves: bool) -> str:
    """What in the code says that more connections are wanted at a time; nothing if nothing does."""
    pool = built.pool
    if not is_given:
        return "which nobody chose, and code beside it serves many at a time"
    if pool.raises and not any(map(built.gives, pool.waits_with)) and (serves or not is_brief_script(built.module)):
        return f"and who finds it empty gets {quoted(pool.raises)} at once"
    if serves and room.size == 1:
        return ONE_BY_ONE
    return next(_crowds(built, room.size), "")


def _crowds(built: Built, size: int) -> Iterator[str]:
    """Places that run more at once than the pool has room for, in its module and in those that use it."""
    resolver, module = built.resolver, built.module
    web, project = resolver.catalogue.web, resolver.project
    names = {name.rpartition(".")[2] for name in web.at_once}
    own = module.name.rpartition(".")[2]
    around = [m for name in names for m in project.modules_around(module, frozenset({own, name}))]
    users = [module, *(m for m in dict.fromkeys(around) if m is not module and not is_test(m, project.settings))]
    for user in users:
        for call, function in _calls(user, frozenset(names), resolver):
            callee = resolver.callee_name(resolver.static(call.func, function, user)) or ""
            number = _number(call, web.at_once[callee], function, user) if callee in web.at_once else None
            if number is not None and number > size:
                where = "" if user is module else f" in {user.name.rpartition('.')[2]}"
                yield f"and {quoted(code(call))}{where} runs {number} at once"
    if not _is_async(built):
        texts = [module.source, *project.texts_around(module)]
        for server, threads in web.threads.items():
            imports = re.compile(rf"^\s*(?:import|from)\s+{re.escape(server)}\b", re.MULTILINE)
            if threads > size and any(imports.search(text) and _has_plain_endpoint(text, resolver) for text in texts):
                yield f"and {server} runs up to {threads} endpoints in threads at once"


def _calls(module: Module, names: frozenset[str], resolver: Resolver) -> Iterator[tuple[cst.Call, FunctionInfo | None]]:
    """The calls in parts of a module that mention one of some names, with the function around each."""
    for function in module.scopes(names):
        if not _works(function, resolver):
            continue
        for node in walk(function.node.body, same_scope):
            if isinstance(node, cst.Call):
                yield node, function
    for chunk in module.mentioning(names):
        for node in walk(chunk.tree, same_scope) if chunk.kind in ("simple", "compound") else ():
            if isinstance(node, cst.Call):
                yield node, None


def _works(function: FunctionInfo, resolver: Resolver) -> bool:
    """Whether it, or a function of the project that it names, works with a connection: what runs at once may be
    something else. If it names none, who knows."""
    methods = function.cls.methods if function.cls is not None else {}
    values = (resolver.name(name, function, function.module) for name in sorted(function.words - methods.keys()))
    named = [value.info for value in values if isinstance(value, Function) and value.info is not function]
    named += [method for name, method in methods.items() if name in function.words and method is not function]
    return not named or any(not info.words.isdisjoint(words().connections) for info in (function, *named))


def _number(call: cst.Call, keyword: str, function: FunctionInfo | None, module: Module) -> int | None:
    """The value of an argument that is given by its keyword, or as the first one."""
    given = [a.value for a in call.args if a.keyword is not None and a.keyword.value == keyword]
    given = given or [a.value for a in call.args[:1] if a.keyword is None and not a.star]
    values = assigned(given[0], function, module) if given and isinstance(given[0], cst.Name) else given
    if len(values) != 1 or not isinstance(values[0], cst.Integer):
        return None
    return values[0].evaluated_value


def _has_plain_endpoint(text: str, resolver: Resolver) -> bool:
    """Whether one is no coroutine, so that the framework runs it in a thread, and is given or uses a connection."""
    kinds = "|".join(map(re.escape, resolver.catalogue.web.endpoints))
    found = re.findall(rf"^@[\w.]+\.(?:{kinds})\(.*?^(?:async )?def .*?(?=^[@\w]|\Z)", text, re.MULTILINE | re.DOTALL)
    uses = re.compile(rf"\bDepends\(|\.(?:{'|'.join(words().connections)})\(|\.connect\(")
    return any(uses.search(each) for each in found if not re.search(r"^async def ", each, re.MULTILINE))


def _is_async(built: Built) -> bool:
    """Whether it is for coroutines."""
    return any(form.awaited for spec in built.specs for form in spec.release)
