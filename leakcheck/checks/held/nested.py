"""LK203: a second connection from a pool of which this code already holds one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache

import libcst as cst

from leakcheck.checks.held.blocking import Place
from leakcheck.checks.held.deadlocks import reason, second_steps
from leakcheck.checks.held.driven import left_to_run
from leakcheck.checks.pools.engines import Engines
from leakcheck.checks.pools.keys import Key, path_key, receiver
from leakcheck.checks.telling import Teller, quoted
from leakcheck.diagnostics import Confidence, Diagnostic, lowest
from leakcheck.flow.binding import outer_parameters
from leakcheck.flow.holding import Held
from leakcheck.flow.interpreter import Interpreter, analyse
from leakcheck.flow.prospects import Prospects
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.sites import Site
from leakcheck.flow.state import Status, Tier
from leakcheck.flow.summaries import Summaries
from leakcheck.flow.values import Function, Method
from leakcheck.patterns import pattern
from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.project.syntax.walk import code, dotted, same_scope, walk
from leakcheck.records import dataclass

_DECORATOR = pattern(r"@(?<!\S@)([A-Za-z_][\w.]*)")
_DEPTH = 4  # of project functions followed
_POOLED = ("checkout", "session")


@dataclass(frozen=True)
class Second:
    """A second acquire: its pool, and the calls that lead to it, outermost first."""

    key: Key
    chain: tuple[Place, ...]


class Acquires:
    """What the project's functions check out themselves, through whatever they call; remembered by function."""

    def __init__(self, resolver: Resolver, summaries: Summaries, prospects: Prospects, engines: Engines) -> None:
        self.resolver, self.summaries, self.prospects, self.engines = resolver, summaries, prospects, engines
        self._known: dict[tuple[FunctionInfo, int], tuple[Second, ...]] = {}
        self._of_text: dict[FunctionInfo, tuple[Second, ...]] = {}

    def of(self, function: FunctionInfo, depth: int = _DEPTH) -> tuple[Second, ...]:
        """Every pool that calling the function takes a connection from."""
        key = (function, depth)  # what is found must not depend on who asks first
        if key not in self._known:
            if depth <= 0:
                return ()
            self._known[key] = ()  # while it is being found: recursion ends here
            around = (second for wrapper in self.wrappers(function) for second in self.own(wrapper))
            self._known[key] = (*self.own(function), *around, *self._deeper(function, depth - 1))
        return self._known[key]

    def own(self, function: FunctionInfo) -> tuple[Second, ...]:
        """What its own text takes in any case."""
        if function not in self._of_text:
            self._of_text[function] = tuple(self._in_text(function))
        return self._of_text[function]

    def _in_text(self, function: FunctionInfo) -> Iterator[Second]:
        if not self.prospects.may_acquire(function):
            return
        run = analyse(function, function.module, self.resolver, self.summaries)
        for site in run.sites:
            if site.spec.kind in _POOLED and not site.parameter and self.always(site, function):
                if key := self.engines.key(site, function, function.module):
                    yield Second(key, ((function.module, site.node),))

    def wrappers(self, function: FunctionInfo) -> Iterator[FunctionInfo]:
        """What the project's decorators put around a function: their nested functions."""
        for decorator in function.node.decorators:
            node = decorator.decorator
            callee = self.resolver.static(
                node.func if isinstance(node, cst.Call) else node, function.parent, function.module
            )
            if isinstance(callee, Function):
                nested = callee.info.chunk.definitions
                yield from (d for d in nested if isinstance(d, FunctionInfo) and _is_inside(d, callee.info))

    def decorated(self, module: Module) -> Iterator[FunctionInfo]:
        """Functions under decorators of the project whose text might acquire; no other is parsed."""
        known: dict[str, bool] = {}

        def acquires(text: str) -> bool:
            names = set(_DECORATOR.findall(text))
            return any(known[n] if n in known else known.setdefault(n, self._may_acquire(n, module)) for n in names)

        chunks = module.chunks if acquires(module.source) else ()
        parts = (part for chunk in chunks if acquires(chunk.statement.text) for part in chunk.parts)
        for part in (part for part in parts if acquires(part.statement.text)):
            yield from (d for d in part.definitions if isinstance(d, FunctionInfo) and d.node.decorators)

    def _may_acquire(self, name: str, module: Module) -> bool:
        node = _parsed(name)
        callee = self.resolver.static(node, None, module) if node is not None else None
        return isinstance(callee, Function) and callee.info.mentions(self.summaries.wrappers.words(callee.info.module))

    def around(self, function: FunctionInfo) -> Iterator[tuple[Site, FunctionInfo]]:
        """What the decorators of a function hold while they call it, each with the nested function that acquires it."""
        for wrapper in filter(self.prospects.may_acquire, self.wrappers(function)):
            run = analyse(wrapper, wrapper.module, self.resolver, self.summaries)
            for record in run.holding.calls.values():
                called = record.node.func if isinstance(record.node, cst.Call) else None
                if isinstance(called, cst.Name) and called.value in outer_parameters(wrapper):
                    yield record.site, wrapper

    def pools_around(self, function: FunctionInfo) -> Iterator[tuple[Key, Place]]:
        """The pools of which a decorator holds a connection while it calls the function."""
        for site, wrapper in self.around(function):
            if _pooled(site) and (key := self.engines.key(site, wrapper, wrapper.module)):
                yield key, (wrapper.module, site.node)

    def _deeper(self, function: FunctionInfo, depth: int) -> Iterator[Second]:
        for node in walk(function.node.body, same_scope):
            if isinstance(node, cst.Call):
                callee = self.resolver.static(node.func, function, function.module)
                if isinstance(callee, Function) and not callee.info.is_generator:
                    for second in self.of(callee.info, depth):
                        yield Second(second.key, ((function.module, node), *second.chain))

    def always(self, site: Site, function: FunctionInfo | None) -> bool:
        """Whether the acquire stands under no `if`: code that may use a connection it has already asks first."""
        functions = [f for f in (function, *site.wrappers) if f is not None]
        for owner in functions:
            words = self.summaries.wrappers.words(owner.module)
            for node in walk(owner.node.body, same_scope):
                if isinstance(node, (cst.If, cst.IfExp, cst.BooleanOperation)) and _acquires(node, site, words):
                    return False
        return True


@lru_cache(maxsize=1024)  # a few decorators stand everywhere
def _parsed(name: str) -> cst.BaseExpression | None:
    try:
        return cst.parse_expression(name)
    except cst.ParserSyntaxError:  # `@return:` in a docstring
        return None


def _is_inside(function: FunctionInfo, outer: FunctionInfo) -> bool:
    return function.qualname.startswith(f"{outer.qualname}.")


def _acquires(node: cst.CSTNode, site: Site, words: frozenset[str]) -> bool:
    inside = (node.body, node.orelse) if isinstance(node, cst.If) else (node,)
    for part in (p for block in inside if block is not None for p in walk(block, same_scope)):
        if part is site.node or (isinstance(part, cst.Call) and site.wrappers and _last(part) in words):
            return True
    return False


def _last(node: cst.Call) -> str:
    return node.func.attr.value if isinstance(node.func, cst.Attribute) else code(node.func)


def nested(run: Interpreter, tell: Teller, acquires: Acquires) -> Iterable[Diagnostic]:
    """One finding for each place where a second connection is taken."""
    leaking = {leak.site for leak in run.leaks}
    around = list(acquires.pools_around(run.function)) if run.function and run.function.node.decorators else []
    both = (*_here(run, leaking, acquires), *_through(run, leaking, acquires))
    others = left_to_run(run)  # tasks whose end nobody waits for with the first one in hand
    found = [each for each in both if id(each[1]) not in others and acquires.always(each[0], None)]
    firsts: dict[int, Found] = {}
    for each in found:
        firsts.setdefault(id(each[1]), each)
    for outer, node, chain in firsts.values():
        if not acquires.engines.is_bounded(outer, run.function, run.module):
            continue
        holders = {o.index for o, n, _ in found if n is node and (o is outer or acquires.always(o, run.function))}
        here = _together(sorted(holders), run)
        key = acquires.engines.key(outer, run.function, run.module)
        private = acquires.engines.is_private(outer, run.function, run.module)
        yield _diagnostic(outer, node, chain, 0 if private else 1 + here + sum(k == key for k, _ in around), run, tell)
    yield from _under_decorators(run, tell, acquires, dict(around), firsts.keys())


def _together(sites: list[int], run: Interpreter) -> int:
    """How many of these are out at once: those of branches that exclude each other are not."""
    pairs = {(pair.outer.index, pair.inner.index) for pair in run.holding.nested.values()}
    most: dict[int, int] = {}
    for site in sites:
        most[site] = 1 + max((most[other] for other in most if (other, site) in pairs), default=0)
    return max(most.values())


def _under_decorators(
    run: Interpreter, tell: Teller, acquires: Acquires, held: dict[Key, Place], told: Collection[int]
) -> Iterator[Diagnostic]:
    """A function that acquires, called by a decorator that holds one already."""
    for site in run.sites if held else ():
        assert run.function is not None
        key = acquires.engines.key(site, run.function, run.module)
        if key in held and _pooled(site) and id(site.node) not in told and acquires.always(site, run.function):
            module, place = held[key]
            message = (
                f"{quoted(site.callee)} takes a second connection while a decorator of {quoted(run.function.name)} "
                f"holds one: {reason(2, run.function, site.spec.exhaustion)}"
            )
            steps = [tell.step("acquire", place, "the first one is checked out here", module)]
            steps += second_steps(site.node, (), tell)
            yield tell.at("LK203", lowest(site.certainty, "medium"), message, site.node, steps)


Found = tuple[Site, cst.CSTNode, tuple[Place, ...]]


def _here(run: Interpreter, leaking: set[Site], acquires: Acquires) -> Iterator[Found]:
    for pair in run.holding.nested.values():
        if pair.tier is Tier.NONE or (pair.tier is Tier.STRONG and pair.outer not in leaking):
            if _is_out(pair.outer, pair.status, leaking) and _pooled(pair.outer) and _pooled(pair.inner):
                keys = [acquires.engines.key(site, run.function, run.module) for site in (pair.outer, pair.inner)]
                if keys[0] is not None and keys[0] == keys[1]:
                    yield pair.outer, pair.node, ()


def _through(run: Interpreter, leaking: set[Site], acquires: Acquires) -> Iterator[Found]:
    for record in run.holding.calls.values():
        if not _pooled(record.site) or record.tier is not Tier.NONE:
            continue
        if not _is_out(record.site, record.status, leaking):
            continue
        if record.status is Status.ESCAPED and not record.site.releases:
            continue
        if _takes(record, run):
            yield record.site, record.node, ()
        elif isinstance(record.callee, Function) and not record.shares and not _gives(record.callee.info, run):
            key = acquires.engines.key(record.site, run.function, run.module)
            for second in acquires.of(record.callee.info) if key else ():
                if second.key == key:
                    yield record.site, record.node, second.chain
                    break


def _is_out(site: Site, status: Status, leaking: set[Site]) -> bool:
    """Whether the first one is held as far as can be told, and it is not the finding that it never goes back."""
    if status is Status.ESCAPED and site.spec.lazy and site.methods <= site.spec.restful:
        return False  # a session that only others use: they may let it rest again
    return bool(site.releases) or site not in leaking


def _gives(function: FunctionInfo, run: Interpreter) -> bool:
    """An acquire itself: seen where its result comes into use."""
    return run.summaries.may_give(function) or function.is_generator


def _takes(record: Held, run: Interpreter) -> bool:
    """`metadata.create_all(engine)` inside `with engine.begin()`."""
    name = run.resolver.callee_name(record.callee)
    if name is None and isinstance(record.callee, Method):
        name = f"*.{record.callee.name}"
    if name is None or not isinstance(record.node, cst.Call):
        return False
    last = f"*.{name.rpartition('.')[2]}"
    if "takes" not in run.catalogue.function(name) | run.catalogue.function(last):
        return False
    pool = receiver(record.site)
    given = [dotted(argument.value) for argument in record.node.args]
    if isinstance(record.node.func, cst.Attribute):
        given.append(dotted(record.node.func.value))
    if pool is None or dotted(pool) is None or dotted(pool) not in given:
        return False
    first, second = (path_key(pool, at, run.function, run.module) for at in (record.site.node, record.node))
    return first == second  # the name may stand for another one by then


def _pooled(site: Site) -> bool:
    return site.spec.kind in _POOLED and not site.spec.embedded and not site.parameter


def _diagnostic(
    outer: Site, node: cst.CSTNode, chain: tuple[Place, ...], held: int, run: Interpreter, tell: Teller
) -> Diagnostic:
    """`held` counts the connections that one thread has then, this one included; 0: no other thread uses the pool."""
    what, which = quoted(tell.callee(node)), "a second connection" if held in (0, 2) else f"connection number {held}"
    why = "it could use the one that is there, and see what that has written"
    if held:
        why = reason(held, run.function, outer.spec.exhaustion)
    message = f"{what} takes {which} while {tell.subject(outer)} is held: {why}"
    steps = [*tell.acquired(outer, "the first one is "), *second_steps(node, chain, tell)]
    steps += [
        tell.step("release", release, f"the first one is {tell.done(outer)} here") for release in outer.releases[:1]
    ]
    return tell.at("LK203", _confidence(outer, chain, run), message, node, steps)


def _confidence(outer: Site, chain: tuple[Place, ...], run: Interpreter) -> Confidence:
    if run.function is None:
        return "low"  # while a module is imported no other thread wants one
    return lowest(outer.certainty, "medium" if chain else "high")
