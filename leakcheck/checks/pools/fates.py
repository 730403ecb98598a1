"""What becomes of a pool that a function builds: kept, handed to the caller, closed, or lost with the call."""

from __future__ import annotations

import os
from collections.abc import Iterator

import libcst as cst

from leakcheck.checks.pools.constructors import Built, Constructors
from leakcheck.checks.pools.trails import Fate, IsPool, Trail
from leakcheck.checks.purpose import for_ever
from leakcheck.checks.scripts import ends_with_the_process, goes_on, is_part_of_a_script, may_go_on
from leakcheck.checks.started import is_made_a_command
from leakcheck.flow.binding import parameters
from leakcheck.flow.calls import CASTS, GATHERS, RUNS, WAITS_FOR
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.values import Class, Function, Symbol
from leakcheck.patterns import pattern
from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.project.syntax.walk import same_scope, terminal, walk
from leakcheck.words import words

_OF_MODULES = pattern(r"\.(\w*(?:engine|pool)\w*)\(")  # `db.make_engine(`


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

    def of_call(self, node: cst.Call, function: FunctionInfo, counts_closing: bool = True) -> Fate:
        """The fate of what a call in a function gives; also what it would be, did the function not close it."""
        if any(id(node) not in loop for loop in for_ever(function)):
            return Fate.KEPT
        fate = Trail(node, function, self).fate(counts_closing)
        if self.constructors.is_cached(function):
            return fate if fate is Fate.CLOSED else Fate.KEPT  # what the function gives is kept, and not the pool
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
        if function.is_async and is_made_a_command(function):
            return True
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

    def keeps(self, node: cst.Call, function: FunctionInfo | None, module: Module, is_pool: IsPool) -> bool:
        """Whether a callee that is given the pool may keep it, or dispose it."""
        callee = self.resolver.static(node.func, function, module)
        if isinstance(callee, Function) and callee.receiver is None:
            return any(name is None or self._is_kept_as(name, callee.info) for name in _given(node, callee, is_pool))
        if isinstance(callee, (Class, Function)):
            return True
        name = self.resolver.callee_name(callee) or ""
        return not (self.kinds(name, node) & {"borrows", "takes", "raises"} or name in self.catalogue.by_acquire)

    def kinds(self, name: str, node: cst.Call) -> frozenset[str]:
        """What is known of the callee of that name, or of what is called the same."""
        return self.catalogue.function(name) | self.catalogue.function("*." + terminal(node.func))

    def _is_kept_as(self, name: str, function: FunctionInfo) -> bool:
        """Whether a function may keep or dispose what it is given as that parameter."""
        key = (function, name)
        if key not in self._kept:
            self._kept[key] = True  # while it is being found: who calls itself may do anything
            trail = Trail(function.node, function, self, name)
            self._kept[key] = function.is_generator or (trail.fate() is not Fate.LOST and not trail.is_idle())
        return self._kept[key]

    def only_looked_at(self, node: cst.Call, function: FunctionInfo) -> Iterator[cst.BaseExpression]:
        """The arguments of which the project's function that is called reads nothing but attributes."""
        callee = self.resolver.static(node.func, function, function.module)
        if not isinstance(callee, Function):
            return
        for name, argument in zip(parameters(callee, node.args), node.args, strict=True):
            if name and Trail(callee.info.node, callee.info, self, name).is_idle():
                yield argument.value

    def is_function(self, node: cst.Call, function: FunctionInfo) -> bool:
        """Whether a call is one of the project's functions, and not one that belongs to an object."""
        callee = self.resolver.static(node.func, function, function.module)
        return isinstance(callee, Function) and callee.receiver is None

    def passed_on(self, node: cst.Call, function: FunctionInfo) -> list[cst.Arg]:
        """`pool` of `typing.cast(Pool, pool)`, all of `asyncio.gather(…)`: what a callee gives as it was given it."""
        name = self.resolver.callee_name(self.resolver.static(node.func, function, function.module)) or ""
        given = [argument for argument in node.args if argument.keyword is None]
        if name == GATHERS:
            return given
        if name in WAITS_FOR or name in RUNS or terminal(node.func) == "run_until_complete":
            return given[:1]
        return given[-1:] if name in CASTS else []

    def makes_maker(self, node: cst.Call, function: FunctionInfo | None, module: Module) -> bool:
        """`sessionmaker(engine)`: as long-lived as the engine."""
        callee = self.resolver.static(node.func, function, module)
        name = self.resolver.canonical(callee.name) if isinstance(callee, Symbol) else ""
        made = self.catalogue.producers.get(name)
        return made in self._acquirers and name not in self.catalogue.by_acquire


def _is_one(node: cst.BaseExpression, calls: frozenset[int], function: FunctionInfo) -> bool:
    """Whether it is what one of some calls gives, or a name for nothing else."""
    values = function.bindings.assigned.get(node.value, []) if isinstance(node, cst.Name) else [node]
    return bool(values) and all(id(value) in calls for value in values)


def _given(node: cst.Call, callee: Function, is_pool: IsPool) -> Iterator[str | None]:
    """The parameters as which a callee gets the pool; None for one that cannot be told."""
    filled = zip(parameters(callee, node.args), node.args, strict=True)
    return (name or None for name, argument in filled if is_pool(argument.value))
