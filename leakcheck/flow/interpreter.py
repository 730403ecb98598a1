"""Run one function, or a module's top level, and collect what it leaves open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from leakcheck.flow.conditions import Conditions
from leakcheck.flow.expressions import Expressions
from leakcheck.flow.keeping import Keeping
from leakcheck.flow.leftover import is_left_behind
from leakcheck.flow.names import Names
from leakcheck.flow.promises import is_fixture
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.returning import released_on_return
from leakcheck.flow.sites import Leak, Site
from leakcheck.flow.state import Exits, Resource, State, Status, Tier, merge
from leakcheck.flow.statements import Statements, TooMuch
from leakcheck.flow.summaries import Constants, Summaries
from leakcheck.flow.values import (
    NONE,
    SOMETHING,
    UNKNOWN,
    Bound,
    Class,
    Derived,
    Instance,
    Lent,
    Loan,
    Ref,
    ResourceId,
    Value,
    own_class,
    resources_in,
)
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo, Module


class Interpreter(Statements, Keeping, Conditions, Expressions):
    """One run. `leaks`, `misuses` and `kept` say what was found, `ended` how the function is left."""

    ended: Exits | None = None

    def run(
        self, cls: ClassInfo | None = None, bound: tuple[Bound, ...] = (), constants: Constants = ()
    ) -> Exits | None:
        """Run the function with parameters as given; None if it is too large."""
        assert self.function is not None
        self.is_manager = self.decorated_as_manager(self.function)
        self.is_fixture = is_fixture(self.function)
        return self._execute(self.function.node.body.body, self._entry(cls, bound, constants))

    def run_lent(self, parameter: cst.Param, loan: Loan, variable: str = "") -> Site:
        """Run the function with what somebody lends it for a while, as a parameter or in a field; its site."""
        assert self.function is not None
        entry = self._entry(None, (), ())
        name = parameter.name.value
        callee = loan.through[0].name if loan.through else name
        site = Site(len(self.sites), parameter, loan.spec, callee, loan.certainty, loan.through, name=name)
        self.sites.append(site)
        status = Status.RESTING if loan.spec.lazy and not loan.used else Status.LENT
        rid = (site.index, 0)
        entry.resources[rid] = Resource(status)
        entry.via[rid] = Tier.NONE
        if not loan.inside:
            entry.variables[variable or name] = Lent(loan.spec, rid)
        for keeper in map(own_class, map(entry.variables.get, loan.kept_by)):
            if keeper is not None:
                self.holding.keepers.setdefault(rid, set()).add(keeper)
        owner = own_class(entry.variables.get(name)) if "." in variable else None
        if owner is not None:
            self.holding.users[owner] = rid  # by its other methods
        self.ended = self._execute(self.function.node.body.body, *self._either_way(loan, rid, entry))
        return site

    def _either_way(self, loan: Loan, rid: ResourceId, entry: State) -> list[State]:
        """With a parameter that tells whether somebody has worked with what is lent: once with it, once with None."""
        if not loan.unless:
            return [entry]
        unused = entry.copy()
        unused.resources[rid], unused.variables[loan.unless] = Resource(Status.RESTING), NONE
        if entry.variables[loan.unless] is UNKNOWN:
            entry.variables[loan.unless] = SOMETHING
        return [entry, unused]

    def run_module(self) -> Exits | None:
        """Run a module's top level: what its names still hold at the end belongs to the process."""
        return self._execute(self.names.body, State())

    def _execute(self, body: Sequence[cst.CSTNode], *entries: State) -> Exits | None:
        try:
            with self.frame() as exits:
                ended = self.block(body, list(entries))
        except TooMuch:
            return None
        for state in ended:
            state.result = NONE
        exits.returns = merge(exits.returns + ended, 48)
        exits.raises = merge(exits.raises, 48)
        return exits

    def _entry(self, cls: ClassInfo | None, bound: tuple[Bound, ...], constants: Constants) -> State:
        function = self.function
        assert function is not None
        state = State()
        state.variables.update(constants)
        for each in bound:
            name = each.name
            site = Site(len(self.sites), function.node, each.spec, name, "high", parameter=name, name=name)
            site.is_owner, site.opens_late = each.owner is not None, each.opens_late
            self.sites.append(site)
            rid = (site.index, 0)
            state.resources[rid] = Resource(Status.RESTING if each.is_resting else Status.OPEN)
            kept = Instance(each.owner, rid) if each.owner is not None else Ref(rid)
            state.variables[name] = Derived(rid) if each.is_derived else kept
            if cls is not None and "." in name:  # a field of the object: its other methods use it
                self.holding.users[cls] = rid
        for index, parameter in enumerate(function.parameters):
            name = parameter.name.value
            if name in state.variables:
                continue
            value = self.resolver.parameter(parameter, function)
            if index == 0 and cls is not None and function.cls is not None and isinstance(value, (Instance, Class)):
                value = Instance(cls) if isinstance(value, Instance) else Class(cls)
            state.variables[name] = value
        return state

    # -- what is left open -----------------------------------------------------------------------------------------

    def collect(self, exits: Exits) -> None:
        """Turn the states that left the function into leaks."""
        for state in exits.returns:
            value = state.result if state.result is not None else UNKNOWN
            self._collect(state, "return", set(resources_in(value)) | self._global_resources(state))
        for state in exits.raises if self.function is not None else ():
            self._collect(state, "raise", set())
        if self.function is not None and not self.function.is_generator:
            self.misuses += released_on_return(self.sites, exits.returns, self.given_open)
        # What a generator gives one after the other, and never releases itself, is for its user to release.
        self.leaks = [leak for leak in self.leaks if not leak.site.is_item or leak.site.releases]

    def _is_acquire_after(self, site: Site, state: State) -> bool:
        """Whether a constructor fails because it gets no second connection, and nothing gives the first one back."""
        last = state.trace
        failed = last is not None and last.kind == "raise" and any(other.node is last.node for other in self.sites)
        return failed and site.spec.gc in ("never", "cycle") and not site.spec.lazy

    def _global_resources(self, state: State) -> set[ResourceId]:
        """What a module's names hold at its end belongs to the process, but for what `with` was trusted to close."""
        held: dict[ResourceId, list[str]] = {}
        for name, value in state.variables.items() if self.function is None else ():
            for rid in _held(value):
                held.setdefault(rid, []).append(name)
        return {rid for rid, names in held.items() if not self._is_left_behind(rid, names, state)}

    def _is_left_behind(self, rid: ResourceId, names: list[str], state: State) -> bool:
        if rid not in state.resources or not state.resources[rid].with_used:
            return False
        return is_left_behind(names, self.site_of(rid).node, self.module, self.resolver.project)

    def _collect(self, state: State, exit_: str, handed: set[ResourceId]) -> None:
        for rid, resource in state.resources.items():
            site = self.sites[rid[0]]
            if site.parameter or (rid in handed and resource.status is not Status.LOST):
                continue
            field_kept = resource.status is Status.FIELD
            if field_kept and exit_ == "return":
                continue
            if resource.status in (Status.OPEN, Status.FIELD, Status.LOST):
                tier = state.via.get(rid, Tier.NONE)
                if field_kept and not self._is_acquire_after(site, state):
                    tier = Tier.WEAK
                self.leaks.append(Leak(site, resource, tier, exit_, state.trace))


def _held(value: Value) -> tuple[ResourceId, ...]:
    return (value.rid,) if isinstance(value, Derived) else resources_in(value)


def summaries_for(resolver: Resolver, strict: bool) -> Summaries:
    """Summaries computed by this interpreter; `strict` counts unlikely exceptions as well."""
    return Summaries(resolver, _start, strict)


def _start(function: FunctionInfo, summaries: Summaries) -> Interpreter:
    return Interpreter(function, function.module, summaries.names(function), summaries.resolver, summaries)


def analyse_lambdas(run: Interpreter) -> Iterator[Interpreter]:
    """A run of each lambda that another run has come by and that may acquire: like a nested function, it is called at
    some other time."""
    words = run.summaries.wrappers.words(run.module) if run.lambdas else frozenset()
    for node in run.lambdas:
        chunk = run.module.chunk_of(node) if run.function is None else run.function.chunk
        inner = run.resolver.lambda_(node, chunk, run.function).info
        if not words.isdisjoint(inner.words):
            yield analyse(inner, run.module, run.resolver, run.summaries)


def analyse(function: FunctionInfo | None, module: Module, resolver: Resolver, summaries: Summaries,
            interrupts: bool = False) -> Interpreter:  # fmt: skip
    """Run a function, or the module's top level if there is none, and collect its leaks; `interrupts` for those of a
    cancellation alone."""
    names = summaries.names(function) if function else Names(module.own_body, None)
    run = Interpreter(function, module, names, resolver, summaries)
    run.interrupts = interrupts
    exits = run.run() if function else run.run_module()
    run.ended = exits
    if exits is not None:
        run.collect(exits)
    return run
