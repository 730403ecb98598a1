"""What becomes of a pool that a function builds: kept, handed to the caller, closed, or lost with the call."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from enum import Enum

import libcst as cst

from leakcheck.checks.pools.constructors import Built, Constructors
from leakcheck.checks.purpose import for_ever
from leakcheck.checks.scripts import ends_with_the_process, goes_on, is_part_of_a_script, may_go_on
from leakcheck.checks.sql import mentions
from leakcheck.flow.beginning import elements
from leakcheck.flow.binding import parameters
from leakcheck.flow.calls import CASTS
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.values import Class, Function, Symbol
from leakcheck.patterns import pattern
from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.project.syntax.walk import SCOPES, children, same_scope, terminal, walk
from leakcheck.words import words

_OF_MODULES = pattern(r"\.(\w*(?:engine|pool)\w*)\(")  # `db.make_engine(`


IsPool = Callable[[cst.BaseExpression], bool]


class Fate(Enum):
    """By what the function's text does with it."""

    KEPT = "kept"  # module level, a field, a global, a cache, or somebody who is given it
    GIVEN = "given"  # to a function of the project: whether that keeps it is not asked
    RETURNED = "returned"
    CLOSED = "closed"
    LOST = "lost"


class Fates:
    """Answers about calls in functions; factories of the project are followed one step."""

    def __init__(self, constructors: Constructors, resolver: Resolver) -> None:
        self.constructors, self.resolver, self.catalogue = constructors, resolver, resolver.catalogue
        self._factories: dict[FunctionInfo, bool] = {}
        self._kept: dict[tuple[FunctionInfo, str], bool] = {}  # by the parameter's name
        models = (
            spec for specs in self.catalogue.by_acquire.values() for spec in specs if spec.kind in ("pool", "engine")
        )
        self.idle = frozenset(name for pool in self.catalogue.pools.values() for name in pool.idle)
        self._acquirers = frozenset(name.rpartition(".")[0] for name in self.catalogue.by_acquire)  # types
        self.releases = frozenset(form.method for spec in models for form in spec.release)

    def of(self, built: Built) -> Fate:
        return self.of_call(built.node, built.function) if built.function is not None else Fate.KEPT

    def of_call(self, node: cst.Call, function: FunctionInfo) -> Fate:
        """The fate of what a call in a function gives."""
        if self.constructors.is_cached(function) or any(id(node) not in loop for loop in for_ever(function)):
            return Fate.KEPT
        fate = _Trail(node, function, self).fate()
        if fate is not Fate.CLOSED and self._is_brief(function, fate):
            return Fate.CLOSED
        return Fate.KEPT if fate is not Fate.CLOSED and self._runs_once(function) else fate

    def _runs_once(self, function: FunctionInfo) -> bool:
        """By its name, or as the program itself, which may go on and on."""
        return function.name in words().once or ends_with_the_process(function, self.resolver.project)

    def _is_brief(self, function: FunctionInfo, fate: Fate) -> bool:
        """A command that does not run on and on: the process ends with it, and closes what it opened."""
        if may_go_on(function):
            return False
        project = self.resolver.project
        if function.is_async or (function.cls is not None and goes_on(function.module)):
            # the program may serve others with what it, or an object, was given
            return fate is Fate.LOST and is_part_of_a_script(function, project)
        names = {function.name, *(name.rpartition(".")[2] for name in function.decorators)}
        path = project.settings.relative(function.module.filename).replace(os.sep, "/")
        commands = not names.isdisjoint(words().commands) or words().of_command_folders.search(path) is not None
        return commands or is_part_of_a_script(function, project)

    def factory_calls(self, module: Module) -> Iterator[tuple[cst.Call, FunctionInfo, FunctionInfo]]:
        """Calls of the project's functions that build and return a pool: the call, its function, the factory."""
        words = frozenset(f.name for f in module.scopes(self.constructors.words_in(module)))
        imported = frozenset(name for name, target in module.imports.items() if "engine" in name or "pool" in name)
        imported |= set(_OF_MODULES.findall(module.source))
        for function in module.scopes(words | imported):
            for node in walk(function.node.body, same_scope):
                if isinstance(node, cst.Call):
                    factory = self.constructors.from_factory(node, function, module)
                    if factory is not None and factory is not function and self.is_factory(factory):
                        yield node, function, factory

    def is_factory(self, function: FunctionInfo) -> bool:
        """Whether it builds whatever it returns."""
        if function not in self._factories:
            found = [
                built
                for node in walk(function.node.body, same_scope)
                if isinstance(node, cst.Call) and (built := self.constructors.built(node, function, function.module))
            ]
            plain = bool(found) and not any(b.is_embedded or b.keeps_nothing for b in found)
            returned = plain and all(self.of(built) is Fate.RETURNED for built in found)
            made = frozenset(id(built.node) for built in found)
            given = function.returned
            self._factories[function] = returned and (len(given) == 1 or all(_is_one(v, made, function) for v in given))
        return self._factories[function]

    def keeps(self, node: cst.Call, function: FunctionInfo, is_pool: IsPool) -> bool:
        """Whether a callee that is given the pool may keep it, or dispose it."""
        callee = self.resolver.static(node.func, function, function.module)
        if isinstance(callee, Function) and callee.receiver is None:
            return any(name is None or self._is_kept_as(name, callee.info) for name in _given(node, callee, is_pool))
        if isinstance(callee, (Class, Function)):
            return True
        name = self.resolver.callee_name(callee) or ""
        kinds = self.catalogue.function(name) | self.catalogue.function("*." + terminal(node.func))
        return not (kinds & {"borrows", "takes", "raises"} or name in self.catalogue.by_acquire)

    def _is_kept_as(self, name: str, function: FunctionInfo) -> bool:
        """Whether a function may keep or dispose what it is given as that parameter."""
        key = (function, name)
        if key not in self._kept:
            self._kept[key] = True  # while it is being found: who calls itself may do anything
            trail = _Trail(function.node, function, self, name)
            self._kept[key] = function.is_generator or (trail.fate() is not Fate.LOST and not trail.is_idle())
        return self._kept[key]

    def is_function(self, node: cst.Call, function: FunctionInfo) -> bool:
        """Whether a call is one of the project's functions, and not one that belongs to an object."""
        callee = self.resolver.static(node.func, function, function.module)
        return isinstance(callee, Function) and callee.receiver is None

    def is_cast(self, node: cst.Call, function: FunctionInfo) -> bool:
        """`typing.cast(Pool, pool)`: the pool."""
        callee = self.resolver.static(node.func, function, function.module)
        return isinstance(callee, Symbol) and callee.name in CASTS and bool(node.args)

    def makes_maker(self, node: cst.Call, function: FunctionInfo) -> bool:
        """`sessionmaker(engine)`: as long-lived as the engine."""
        callee = self.resolver.static(node.func, function, function.module)
        name = self.resolver.canonical(callee.name) if isinstance(callee, Symbol) else ""
        made = self.catalogue.producers.get(name)
        return made in self._acquirers and name not in self.catalogue.by_acquire


def _is_one(node: cst.BaseExpression, calls: frozenset[int], function: FunctionInfo) -> bool:
    """Whether it is what one of some calls gives, or a name for nothing else."""
    values = function.bindings.assigned.get(node.value, []) if isinstance(node, cst.Name) else [node]
    return bool(values) and all(id(value) in calls for value in values)


class _Trail:
    """Follows the names of one pool through a function's text, flow left aside."""

    def __init__(self, node: cst.CSTNode, function: FunctionInfo, fates: Fates, *parameters: str) -> None:
        self.node, self.function, self.fates = node, function, fates
        self.pools: set[str] = set(parameters)  # names of it, and of makers around it
        self.derived: set[str] = set()  # names of connections and sessions from it
        self._name()

    def _name(self) -> None:
        size = -1
        while size != len(self.pools) + len(self.derived):
            size = len(self.pools) + len(self.derived)
            for target, value in _bindings(self.function.node.body):
                if isinstance(target, cst.Name):
                    if self._is_pool(value):
                        self.pools.add(target.value)
                    elif self._mentions(value):
                        self.derived.add(target.value)
            for loop in (n for n in walk(self.function.node.body, same_scope) if isinstance(n, (cst.For, cst.CompFor))):
                if self._is_pool(elements(loop.iter)):  # each of several
                    self.pools |= {n.value for n in walk(loop.target) if isinstance(n, cst.Name)}

    def _is_pool(self, node: cst.CSTNode) -> bool:
        """The pool itself, or a maker built around it."""
        if node is self.node or (isinstance(node, cst.Name) and node.value in self.pools):
            return True
        if isinstance(node, cst.Await):
            return self._is_pool(node.expression)
        if isinstance(node, cst.BooleanOperation):  # `engine or create_engine(…)`
            return self._is_pool(node.left) or self._is_pool(node.right)
        if isinstance(node, cst.Call) and self.fates.is_cast(node, self.function):
            return self._is_pool(node.args[-1].value)
        if isinstance(node, cst.IfExp):
            return self._is_pool(node.body) or self._is_pool(node.orelse)
        if isinstance(node, (cst.Tuple, cst.List, cst.Set, cst.Dict)):
            return any(self._is_pool(e.value) for e in node.elements)
        if isinstance(node, (cst.ListComp, cst.SetComp, cst.GeneratorExp)):  # `[create_engine(url) for url in urls]`
            return self._is_pool(node.elt)
        if isinstance(node, cst.DictComp):
            return self._is_pool(node.value)
        if isinstance(node, cst.Call) and self.fates.makes_maker(node, self.function):
            return any(self._is_pool(a.value) for a in node.args)
        return (
            isinstance(node, cst.Call)
            and any(self._is_pool(a.value) for a in node.args)
            and self.fates.keeps(node, self.function, self._is_pool)
        )

    def _is_made_of_it(self, node: cst.BaseExpression) -> bool:
        """A name for what a function of the project gave for the pool, which was lent to it."""
        values = self.function.bindings.assigned.get(node.value, []) if isinstance(node, cst.Name) else []
        calls = [v for v in values if isinstance(v, cst.Call) and v is not self.node]
        return bool(calls) and all(self.fates.is_function(call, self.function) for call in calls)

    def _mentions(self, node: cst.CSTNode) -> bool:
        return mentions([node], (self.pools | self.derived).__contains__) or any(n is self.node for n in walk(node))

    def fate(self) -> Fate:
        body = self.function.node.body
        if self._closed(body) or self.is_idle():
            return Fate.CLOSED
        for target, value in _bindings(body):
            if self._outlives(target) and self._mentions(value):
                return Fate.KEPT
        given: set[bool] = set()  # whether to a function of the project
        for node in walk(body):
            if type(node) in SCOPES and mentions(children(node), self.pools.__contains__):
                return Fate.KEPT  # a closure over it
            if isinstance(node, cst.Call) and any(self._is_pool(a.value) for a in node.args):
                made = all(self._is_made_of_it(a.value) for a in node.args if self._is_pool(a.value))
                if made or self.fates.makes_maker(node, self.function):
                    continue
                if self.fates.keeps(node, self.function, self._is_pool):
                    given.add(self.fates.is_function(node, self.function))
        if False in given:
            return Fate.KEPT
        if any(self._is_pool(value) for value in self.function.returned):
            return Fate.RETURNED
        return Fate.GIVEN if given else Fate.LOST

    def _outlives(self, target: cst.CSTNode) -> bool:
        """A field, an entry or a global: no name of the function's own."""
        if isinstance(target, (cst.Tuple, cst.List)):
            return any(self._outlives(element.value) for element in target.elements)
        return not isinstance(target, cst.Name) or target.value in self.function.bindings.outer

    def is_idle(self) -> bool:
        """Nothing but attributes are read, of an engine that has a name: it never connects."""
        body = self.function.node.body
        uses = [node for node in walk(body) if isinstance(node, cst.Name) and node.value in self.pools]
        read = {
            id(node.value)
            for node in walk(body)
            if isinstance(node, cst.Attribute) and node.attr.value in self.fates.idle
        }
        bound = {id(t) for t, value in _bindings(body) if self._is_pool(value)}
        rest = [node for node in uses if id(node) not in bound]
        return bool(rest) and all(id(node) in read for node in rest)

    def _closed(self, body: cst.CSTNode) -> bool:
        for node in walk(body):
            if isinstance(node, cst.Attribute) and node.attr.value in self.fates.releases and self._is_pool(node.value):
                return True
            if isinstance(node, cst.WithItem) and self._is_pool(node.item):
                return True
        return False


def _given(node: cst.Call, callee: Function, is_pool: IsPool) -> Iterator[str | None]:
    """The parameters as which a callee gets the pool; None for one that cannot be told."""
    filled = zip(parameters(callee, node.args), node.args, strict=True)
    return (name or None for name, argument in filled if is_pool(argument.value))


def _bindings(body: cst.CSTNode) -> Iterator[tuple[cst.CSTNode, cst.BaseExpression]]:
    """Targets with what is assigned to them, `with … as` included."""
    for node in walk(body, same_scope):
        if isinstance(node, cst.Assign):
            yield from ((target.target, node.value) for target in node.targets)
        elif isinstance(node, (cst.AnnAssign, cst.NamedExpr)) and node.value is not None:
            yield node.target, node.value
        elif isinstance(node, cst.WithItem) and node.asname is not None:
            yield node.asname.name, node.item
