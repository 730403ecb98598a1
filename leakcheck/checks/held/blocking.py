"""Which calls wait for something other than the database, directly or somewhere in the project's functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import libcst as cst

from leakcheck.checks.held.driven import driven
from leakcheck.checks.held.excluded import excluded, never_held
from leakcheck.checks.held.optional import Given, asked_of
from leakcheck.diagnostics import Confidence
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.values import Class, Function, Instance, Method, Symbol, Value
from leakcheck.models import Wait
from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.project.syntax.remembered import remembered
from leakcheck.project.syntax.walk import code, same_scope, terminal, walk
from leakcheck.records import dataclass

_DEPTH = 4  # of project functions followed
_SOON = 1.0  # seconds at most: what may take no longer is mostly over at once
_SHORTEST = 0.005  # seconds that are worth a word: below, somebody else is let run, or a lock is tried again

Place = tuple[Module, cst.CSTNode]


@dataclass(frozen=True)
class Pause:
    """A call that waits: what for, and the calls that lead there, outermost first."""

    wait: Wait
    chain: tuple[Place, ...]
    certain: bool = True  # known by more than its name
    given: Given | None = None  # it only waits where an object was given this

    @property
    def sleeps(self) -> bool:
        return self.wait.kind != "slow"

    @property
    def confidence(self) -> Confidence:
        """Of a finding about it, at most."""
        if self.wait.brief:
            return "low"
        return "high" if self.certain and len(self.chain) == 1 else "medium"


class Blocking:
    """Answers are remembered by function; what the calls in its text mean is found out once."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver, self.waits = resolver, resolver.catalogue.waits
        self._known: dict[tuple[FunctionInfo, int], tuple[Pause, ...]] = {}
        self._calls: dict[FunctionInfo, list[tuple[cst.Call, Value]]] = {}
        self._driven: dict[int, frozenset[int]] = {}
        self._handled: dict[int, frozenset[int]] = {}

    def at(
        self, callee: Value, node: cst.CSTNode, body: cst.CSTNode, module: Module, depth: int = _DEPTH
    ) -> tuple[Pause, ...]:
        """How a call of `callee` at `node`, somewhere in `body`, waits."""
        if isinstance(callee, Class):
            method = self.resolver.method(callee.info, "__init__")
            return self._through(Function(method, callee), node, body, module, depth) if method else ()
        if isinstance(callee, Function):
            return self._through(callee, node, body, module, depth)
        text = code(node.func) if isinstance(node, cst.Call) else ""
        if isinstance(node, cst.Call) and (index := self.waits.runs(self._name(callee), text)) is not None:
            return tuple(self._elsewhere(node, index, body, module, depth))
        return self._listed(callee, text, node, body, module)

    def is_request(self, callee: Value) -> bool:
        """Whether a call is listed for the object of a service that it is made on."""
        return self.waits.is_of_service(self._name(callee))

    def _listed(
        self, callee: Value, text: str, node: cst.CSTNode, body: cst.CSTNode, module: Module
    ) -> tuple[Pause, ...]:
        """A call of something outside the project, by its name or its text."""
        name = self._name(callee) or self._name_by_origin(node, body)
        found = (self.waits.named(name) if name else None) or self.waits.written(text)
        if name and found is None and id(node) in _entered(body):
            found = self.waits.entered(name)
        if found is None or (found[1] and not self._is_driven(node, body)) or self._is_instant(node):
            return ()
        if name in self.waits.needs_wait and not _keyword(node, "wait"):
            return ()
        wait = replace(found[0], brief=found[0].brief or _ends_soon(node, found[0].limit))
        return (Pause(wait, ((module, node),), bool(name) and self.waits.named(name) is not None),)

    def _elsewhere(self, node: cst.Call, index: int, body: cst.CSTNode, module: Module, depth: int) -> Iterator[Pause]:
        """`await asyncio.to_thread(requests.get, url)`, also by a `lambda` or `partial`: as if it were called here."""
        work = node.args[index].value if len(node.args) > index and self._is_driven(node, body) else None
        if isinstance(work, cst.Call) and terminal(work.func) == "partial" and work.args:
            work = work.args[0].value
        functions = [work] if work is not None else []
        if isinstance(work, cst.Lambda):
            functions = [part.func for part in walk(work.body, same_scope) if isinstance(part, cst.Call)]
        for function in functions:
            callee = self.resolver.static(function, None, module)
            if isinstance(callee, (Class, Function)):
                yield from self.at(callee, node, body, module, depth)
            else:
                yield from self._listed(callee, code(function), node, body, module)

    def _is_instant(self, node: cst.CSTNode) -> bool:
        """`queue.get(block=False)`, `time.sleep(0.001)`."""
        arguments = node.args if isinstance(node, cst.Call) else ()
        if len(arguments) == 1 and isinstance(seconds := arguments[0].value, cst.Float):
            return seconds.evaluated_value < _SHORTEST
        return any(code(argument).rstrip(", ").replace(" ", "") in self.waits.at_once for argument in arguments)

    def _name(self, callee: Value) -> str:
        """`openai.OpenAI.chat.completions.create` for an attribute chain that starts at an object of a known class."""
        parts: list[str] = []
        while isinstance(callee, Method):
            parts.append(callee.name)
            callee = callee.receiver
        if isinstance(callee, Instance):
            classes = [callee.type] if isinstance(callee.type, str) else self.resolver.libraries(callee.type)
            names = (".".join((self.resolver.canonical(name), *reversed(parts))) for name in classes)
            return next((name for name in names if isinstance(callee.type, str) or self.waits.named(name)), "")
        return self.resolver.canonical(callee.name) if isinstance(callee, Symbol) and not parts else ""

    def _name_by_origin(self, node: cst.CSTNode, body: cst.CSTNode) -> str:
        """`result.get` for `result = task.delay(1)`, where only its method tells what the task is."""
        if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Attribute):
            return ""
        if node.func.attr.value not in self.waits.methods_of_made:
            return ""
        owner = node.func.value
        values: list[cst.BaseExpression] = [owner] if isinstance(owner, cst.Call) else []
        if isinstance(owner, cst.Name):
            values = [value for name, value in _assigned(body) if name == owner.value]
        types = [self.waits.made_by(code(value.func)) if isinstance(value, cst.Call) else "" for value in values]
        return f"{types[0]}.{node.func.attr.value}" if types and all(types) else ""

    def _through(
        self, callee: Function, node: cst.CSTNode, body: cst.CSTNode, module: Module, depth: int
    ) -> tuple[Pause, ...]:
        function = callee.info
        if (function.is_async or function.is_generator) and not self._is_driven(node, body):
            return ()
        inner = [*self._retries(function), *self._inside_this(callee, node, depth - 1)]
        return tuple(replace(pause, chain=((module, node), *pause.chain)) for pause in inner)

    def _inside_this(self, callee: Function, node: cst.CSTNode, depth: int) -> tuple[Pause, ...]:
        """The first waits of a function that this call of it does not exclude."""
        function = callee.info
        found = self._inside(function, depth)
        skipped = excluded(callee, node) if found else frozenset()
        if not any(id(pause.chain[0][1]) in skipped for pause in found):
            return found
        every = self._scan(function, depth, function.node.body)
        return _firsts(pause for pause in every if id(pause.chain[0][1]) not in skipped)

    def inside(self, function: FunctionInfo, part: cst.CSTNode | None = None) -> tuple[Pause, ...]:
        """The first sleep and the first slow call that a function's own text, or a part of it, leads to."""
        if part is None:
            return self._inside(function, _DEPTH)
        return _firsts(self._scan(function, _DEPTH, part))

    def _inside(self, function: FunctionInfo, depth: int) -> tuple[Pause, ...]:
        """The first wait of each kind in a function's own text."""
        if depth < 0:
            return ()
        key = (function, depth)  # what is found must not depend on who asks first
        if key not in self._known:
            self._known[key] = _firsts(self._scan(function, depth, function.node.body))
        return self._known[key]

    def _scan(self, function: FunctionInfo, depth: int, part: cst.CSTNode) -> Iterator[Pause]:
        body = function.node.body
        if part is body and function not in self._calls:
            self._calls[function] = list(self._called(function, body))
        skipped = never_held(function, self.resolver)
        for node, callee in self._calls[function] if part is body else self._called(function, part):
            if id(node) in skipped:
                continue
            for pause in self.at(callee, node, body, function.module, depth):
                if pause.sleeps or part is not body or not self._is_fallback(node, body):
                    yield replace(pause, given=pause.given or asked_of(node, function, self.resolver))

    def _is_fallback(self, node: cst.CSTNode, body: cst.CSTNode) -> bool:
        """Whether a call stands in a handler: what is sent elsewhere then is no part of the work."""
        if id(body) not in self._handled:
            handlers = (n for n in walk(body, same_scope) if isinstance(n, cst.ExceptHandler))
            self._handled[id(body)] = frozenset(id(n) for handler in handlers for n in walk(handler.body, same_scope))
        return id(node) in self._handled[id(body)]

    def _called(self, function: FunctionInfo, part: cst.CSTNode) -> Iterator[tuple[cst.Call, Value]]:
        """The calls in a part of a function, with what is called."""
        managers = _managers(function.node.body)
        for node in walk(part, same_scope):
            if isinstance(node, cst.Call):
                yield node, self._static(node.func, function, managers)

    def _static(
        self, node: cst.BaseExpression, function: FunctionInfo, managers: dict[str, cst.BaseExpression]
    ) -> Value:
        """What a callee is; a name bound by `with` is taken for the client it was entered on."""
        if isinstance(node, cst.Attribute):
            owner = self._static(node.value, function, managers)
            return self.resolver.attribute(owner, node.attr.value, function.module)
        if isinstance(node, cst.Name) and node.value in managers:
            entered = self.resolver.static(managers[node.value], function, function.module)
            if isinstance(entered, Instance) and isinstance(entered.type, str) and self.waits.has_type(entered.type):
                return entered
        return self.resolver.static(node, function, function.module)

    def _retries(self, function: FunctionInfo) -> Iterator[Pause]:
        """A decorator that calls the function again after a pause."""
        for decorator in function.node.decorators:
            node = decorator.decorator
            callee = self.resolver.static(
                node.func if isinstance(node, cst.Call) else node, function.parent, function.module
            )
            found = self.waits.named(callee.name) if isinstance(callee, Symbol) else None
            if (
                not isinstance(callee, Symbol)
                or found is None
                or found[0].kind != "retry"
                or not isinstance(node, cst.Call)
            ):
                continue
            if callee.name not in self.waits.needs_wait or _keyword(node, "wait"):
                yield Pause(found[0], ((function.module, node),))

    def _is_driven(self, node: cst.CSTNode, body: cst.CSTNode) -> bool:
        """Whether a coroutine or generator made here also runs here: awaited, iterated, entered."""
        if id(body) not in self._driven:
            self._driven[id(body)] = driven(body)
        return id(node) in self._driven[id(body)]


def _firsts(pauses: Iterator[Pause]) -> tuple[Pause, ...]:
    """One of each kind; rather one that is sure to happen, and to take its time."""
    found: dict[bool, Pause] = {}
    for pause in pauses:
        known = found.setdefault(pause.sleeps, pause)
        if known.wait.brief > pause.wait.brief or (known.given and not pause.given):
            found[pause.sleeps] = pause
    return tuple(found.values())


def _keyword(node: cst.CSTNode, name: str) -> bool:
    """Whether a call is given an argument of that name."""
    return isinstance(node, cst.Call) and any(a.keyword is not None and a.keyword.value == name for a in node.args)


def _ends_soon(node: cst.CSTNode, limit: str) -> bool:
    """`subprocess.run(command, timeout=1)`."""
    given = (a.value for a in node.args if a.keyword and a.keyword.value == limit) if isinstance(node, cst.Call) else ()
    return any(isinstance(value, (cst.Integer, cst.Float)) and value.evaluated_value <= _SOON for value in given)


@remembered(256)
def _entered(body: cst.CSTNode) -> frozenset[int]:
    """The ids of what `with` statements enter."""
    blocks = (node for node in walk(body, same_scope) if isinstance(node, cst.With))
    return frozenset(id(item.item) for block in blocks for item in block.items)


@remembered(256)
def _assigned(body: cst.CSTNode) -> tuple[tuple[str, cst.BaseExpression], ...]:
    """The names that a function assigns to, with the values."""
    found = (node for node in walk(body, same_scope) if isinstance(node, cst.Assign))
    return tuple((t.target.value, n.value) for n in found for t in n.targets if isinstance(t.target, cst.Name))


def _managers(body: cst.CSTNode) -> dict[str, cst.BaseExpression]:
    """Names bound by `with … as name`."""
    found: dict[str, cst.BaseExpression] = {}
    for node in walk(body, same_scope):
        if isinstance(node, cst.WithItem) and node.asname and isinstance(node.asname.name, cst.Name):
            found[node.asname.name.value] = node.item
    return found
