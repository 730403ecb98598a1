"""LK201, LK202 and LK205 for sessions of the request: Flask-SQLAlchemy's `db.session`, and any `scoped_session`."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator

import libcst as cst

from leakcheck.checks.assigned import bound
from leakcheck.checks.held.blocking import Blocking, Pause
from leakcheck.checks.held.through import purpose, short
from leakcheck.checks.rows.rounds import always
from leakcheck.checks.scripts import is_soon_over
from leakcheck.checks.telling import Teller, quoted
from leakcheck.diagnostics import Confidence, Diagnostic, Step, lowest
from leakcheck.flow.possible import Promised, TooVague
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.summaries import Summaries
from leakcheck.flow.values import Function, Instance
from leakcheck.models import Connection
from leakcheck.origins import import_words
from leakcheck.project.syntax.mentions import Mentions
from leakcheck.project.syntax.module import Chunk, FunctionInfo, Module
from leakcheck.project.syntax.nodes import path
from leakcheck.project.syntax.walk import code, dotted, same_scope, terminal, walk
from leakcheck.words import words

_CALL = ".__call__"
_DEPTH = 2  # of functions of the project followed to a commit
_ENDS = frozenset({"commit", "rollback", "remove"})
_SESSION = "session"


class Scoped:
    """The registries of sessions, with what ends the use of one."""

    def __init__(self, resolver: Resolver, summaries: Summaries) -> None:
        self.resolver, self.summaries = resolver, summaries
        self._enders: dict[tuple[FunctionInfo, int], bool] = {}  # functions that commit, or do not
        self._mentioned = frozenset({*resolver.catalogue.web.queries, *words().sessions})
        acquirers = resolver.catalogue.by_acquire.items()
        self.registries = {
            name.removesuffix(_CALL): specs[0]
            for name, specs in acquirers
            if name.endswith(_CALL) and specs[0].kind == "managed"
        }
        drivers = resolver.catalogue.drivers
        self._libraries = import_words(d for d in drivers if not d.given.isdisjoint(self.registries))
        self._queries = frozenset(resolver.catalogue.web.queries)
        resting = (method for spec in self.registries.values() for method in spec.rests_after)
        self._contexts_words = frozenset((*resolver.catalogue.web.contexts, *resting))
        queries = "|".join(sorted(map(re.escape, self._queries)))
        self._queried = re.compile(rf"[A-Z]\w*[\s\\]*\.[\s\\]*(?:{queries})\b")

    def of_endpoint(self, endpoint: FunctionInfo, tell: Teller, blocking: Blocking) -> Iterable[Diagnostic]:
        """The first slow call between the first use of the session and the commit that frees it."""
        for used, node, pause in self._waits(endpoint, blocking) if self._may_have_one(endpoint.module) else ():
            message = (
                f"{_subject(used)} is held for the whole endpoint, also while {quoted(short(node))} {purpose(pause)}"
            )
            confidence = _confidence(pause)
            yield tell.at("LK205", confidence, message, node, _steps(used, node, pause, "request", tell))

    def elsewhere(self, module: Module, endpoints: Collection[FunctionInfo], tell: Teller, blocking: Blocking
                  ) -> Iterable[Diagnostic]:  # fmt: skip
        """The same in functions that endpoints and tasks call."""
        for function in module.functions(self._mentioned, self._may_use) if self._may_have_one(module) else ():
            if function in endpoints or self._mentioned.isdisjoint(function.words):
                continue
            for used, node, pause in self._waits(function, blocking):
                message = f"{_subject(used)} is held while {quoted(short(node))} {purpose(pause)}"
                steps = _steps(used, node, pause, "request or task", tell)
                confidence = "low" if is_soon_over(function, self.resolver.project) else _confidence(pause)
                yield tell.at("LK201" if pause.sleeps else "LK202", confidence, message, node, steps)

    def _may_have_one(self, module: Module) -> bool:
        """Whether there may be such a session in a module: a library with registries is near, or a model is queried."""
        if not self._libraries.isdisjoint(self.summaries.wrappers.libraries(module)):
            return True
        return bool(module.among(self._queries)) and self._queried.search(module.source) is not None

    def _may_use(self, mentions: Mentions, chunk: Chunk) -> bool:
        """Whether a function may call anything of a session, flow left aside: few need be parsed for it."""
        if not mentions.names_any(self._mentioned):
            return False
        possible = Promised(mentions.space, chunk, self.resolver, self.summaries)
        calls = (node.func for node in mentions.space.nodes if isinstance(node, ast.Call))
        owners = {path(func.value) or func: func.value for func in calls if isinstance(func, ast.Attribute)}
        try:
            values = (value for owner in owners.values() for value in possible.values(owner))
            return any(self._is_model(path(owner)) for owner in owners.values()) or any(
                isinstance(value, Instance) and self._spec(value) for value in values
            )
        except (TooVague, RecursionError):
            return True

    def _waits(self, function: FunctionInfo, blocking: Blocking) -> Iterator[tuple[cst.Call, cst.Call, Pause]]:
        """The first one, with the use before it."""
        body = function.node.body
        calls: list[tuple[cst.Call, bool]] = []  # whether one takes a connection, or ends its use
        contexts = list(self._contexts(function)) if self._contexts_words & function.words else []
        for node in walk(body, same_scope):
            if not isinstance(node, cst.Call):
                continue
            if (use := self._use(node, function)) is not None:
                calls.append((node, use))
            ended = [inside for inside in contexts if id(node) not in inside]  # whose session it was
            calls = [(c, takes) for c, takes in calls if not (takes and any(id(c) in inside for inside in ended))]
            if use is not None or not any(takes for _, takes in calls):
                continue
            pause = self._pause(node, function, blocking)
            if self._may_commit(node, function, pause is not None):
                calls.append((node, False))
            elif pause is not None and (used := _last_use(node, calls, body)) is not None:
                yield used, node, pause
                return

    def _contexts(self, function: FunctionInfo) -> Iterator[frozenset[int]]:
        """The nodes of each block at whose end its session goes, `with app.app_context():`, or rests."""
        blocks = (node for node in walk(function.node.body, same_scope) if isinstance(node, cst.With))
        opened = (b for b in blocks if any(self._is_context(item.item, function) for item in b.items))
        return (frozenset(id(part) for part in walk(block.body)) for block in opened)

    def _is_context(self, node: cst.BaseExpression, function: FunctionInfo) -> bool:
        if not isinstance(node, cst.Call) or terminal(node.func) not in self._contexts_words:
            return False
        if terminal(node.func) in self.resolver.catalogue.web.contexts:
            return True
        return isinstance(node.func, cst.Attribute) and self._spec_of(node.func.value, function) is not None

    def _use(self, node: cst.Call, endpoint: FunctionInfo) -> bool | None:
        """True where the session takes a connection, False where it gives it back, None if nothing of it is called."""
        if not isinstance(node.func, cst.Attribute):
            return None
        if self._is_query(node.func):
            return True
        spec = self._spec_of(node.func.value, endpoint)
        if spec is None:
            return False if self._ends_what_is_unknown(node.func, endpoint) else None
        if node.func.attr.value in spec.idle:
            return None
        ends = {form.method for form in (*spec.release, *spec.soft_release)}
        return node.func.attr.value not in ends

    def _ends_what_is_unknown(self, func: cst.Attribute, function: FunctionInfo) -> bool:
        """`db.session.commit()`, where `db` comes from a package that is not in sight: models do so as well."""
        if func.attr.value not in _ENDS or not terminal(func.value).lower().endswith(_SESSION):
            return False
        known = self.resolver.connection_type(self.resolver.static(func.value, function, function.module))
        return known is None and not self._is_another(func.value, function)

    def _may_commit(self, node: cst.Call, function: FunctionInfo, waits: bool) -> bool:
        """Whether a function of the project commits, or a model does that is told to save itself. One that waits may do
        so before others commit for it."""
        callee = self.resolver.static(node.func, function, function.module)
        if isinstance(callee, Function):
            key = (callee.info, 0 if waits else _DEPTH)
            if key not in self._enders:
                self._enders[key] = self._ends(walk(callee.info.node.body, same_scope), *key)
            return self._enders[key]
        return isinstance(node.func, cst.Attribute) and node.func.attr.value in words().saves

    def _ends(self, nodes: Iterable[cst.CSTNode], function: FunctionInfo, depth: int) -> bool:
        """Whether what a function runs commits, and not only what is known to be another session; or what it calls
        commits in any case."""
        called = [node for node in nodes if isinstance(node, cst.Call)]
        for node in called:
            owner = node.func.value if isinstance(node.func, cst.Attribute) else None
            if terminal(node.func) in _ENDS and (owner is None or not self._is_another(owner, function)):
                return True
        surely = (node for node in always(function.node.body) if isinstance(node, cst.Call)) if depth else ()
        callees = (self.resolver.static(node.func, function, function.module) for node in surely)
        inner = (callee.info for callee in callees if isinstance(callee, Function))
        return any(self._ends(always(info.node.body), info, depth - 1) for info in inner)

    def _is_another(self, owner: cst.BaseExpression, function: FunctionInfo) -> bool:
        """A connection or session that is made for itself, or by a driver of its own."""
        known = self.resolver.connection_type(self.resolver.static(owner, function, function.module))
        if known is not None and known.kind not in ("session", "managed"):
            return True
        made = (
            self.resolver.static(value, function, function.module) for value in bound(owner, function, function.module)
        )
        specs = [self.resolver.connection_type(value) for value in made]
        return bool(specs) and all(spec is not None and spec.kind != "managed" for spec in specs)

    def _is_query(self, func: cst.Attribute) -> bool:
        """`User.query.get`: by the names alone, since models come from anywhere."""
        return self._is_model(dotted(func.value) or "")

    def _is_model(self, name: str) -> bool:
        *_, model, query = ("", "", *name.split("."))
        return query in self.resolver.catalogue.web.queries and model[:1].isupper()

    def _spec_of(self, node: cst.BaseExpression, function: FunctionInfo) -> Connection | None:
        owner = self.resolver.static(node, function, function.module)
        return self._spec(owner) if isinstance(owner, Instance) else None

    def _spec(self, owner: Instance) -> Connection | None:
        return self.registries.get(self.resolver.canonical(owner.type)) if isinstance(owner.type, str) else None

    def _pause(self, node: cst.Call, endpoint: FunctionInfo, blocking: Blocking) -> Pause | None:
        callee = self.resolver.static(node.func, endpoint, endpoint.module)
        return next(iter(blocking.at(callee, node, endpoint.node.body, endpoint.module)), None)


def _subject(used: cst.Call) -> str:
    return f"the connection of {quoted(code(used.func.value))}" if isinstance(used.func, cst.Attribute) else ""


def _confidence(pause: Pause) -> Confidence:
    return lowest("medium", pause.confidence)


def _last_use(node: cst.Call, calls: list[tuple[cst.Call, bool]], body: cst.CSTNode) -> cst.Call | None:
    """What has taken the connection that a call finds taken, if nothing on its way has ended that."""
    before = ((call, takes) for call, takes in reversed(calls) if _may_follow(node, call, body))
    return next((call if takes else None for call, takes in before), None)


def _may_follow(node: cst.Call, used: cst.Call, body: cst.CSTNode) -> bool:
    """Whether one call may be made after another one: not where a block between them leaves the function, nor in the
    other branch of an `if`."""
    if any(id(used) in end and id(node) not in end for end in map(_ids, _dead_ends(body))):
        return False
    once = walk(body, lambda n: same_scope(n) and not isinstance(n, (cst.For, cst.While)))
    branches = ((n.body, n.orelse) for n in once if isinstance(n, cst.If) and n.orelse is not None)
    return not any(id(used) in _ids(first) and id(node) in _ids(other) for first, other in branches)


def _ids(block: cst.CSTNode) -> frozenset[int]:
    return frozenset(id(part) for part in walk(block))


def _dead_ends(body: cst.CSTNode) -> Iterator[cst.BaseSuite]:
    """The blocks that leave the function."""
    for node in walk(body, same_scope):
        if isinstance(node, (cst.If, cst.Else, cst.ExceptHandler)) and _leaves(node.body):
            yield node.body


def _leaves(block: cst.BaseSuite) -> bool:
    last = block.body[-1] if block.body else None
    if isinstance(last, cst.SimpleStatementLine):
        return isinstance(last.body[-1], (cst.Return, cst.Raise))
    return isinstance(last, cst.If) and _leaves_if(last)


def _leaves_if(node: cst.If) -> bool:
    """Whether all its branches do."""
    if node.orelse is None or not _leaves(node.body):
        return False
    return _leaves(node.orelse.body) if isinstance(node.orelse, cst.Else) else _leaves_if(node.orelse)


def _steps(used: cst.Call, node: cst.Call, pause: Pause, owner: str, tell: Teller) -> list[Step]:
    steps = [
        tell.step("acquire", used, f"takes a connection here, until a commit, a rollback or the end of the {owner}"),
        tell.step("note", node, "held here" if len(pause.chain) == 1 else "held during this call"),
    ]
    last = pause.chain[1:][-1:]
    return steps + [tell.step("via", place, f"which {pause.wait.what}", module) for module, place in last]
