"""Calls of the project's own functions: apply their summaries."""

from __future__ import annotations

from dataclasses import replace

import libcst as cst

from leakcheck.flow.binding import filled, may_return
from leakcheck.flow.core import Argument, Evaluated
from leakcheck.flow.doubles import is_replaced
from leakcheck.flow.outcomes import Outcome, Summary, translate
from leakcheck.flow.resting import Resting
from leakcheck.flow.sites import Site
from leakcheck.flow.state import CERTAIN, Raised, Resource, State, Status, Tier
from leakcheck.flow.values import (
    NONE,
    SOMETHING,
    UNKNOWN,
    Class,
    Const,
    Derived,
    Function,
    Instance,
    Lent,
    Loan,
    Manager,
    Pending,
    Ref,
    ResourceId,
    Symbol,
    Tuple,
    Value,
    own_class,
)
from leakcheck.models import Connection
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo
from leakcheck.project.syntax.walk import code


class Callees(Resting):
    """What a function of the project does to its caller's resources, and what it gives."""

    def call_function(self, callee: Function, node: cst.CSTNode, arguments: list[Argument], state: State) -> Evaluated:
        function = callee.info
        if any(_is_all(argument.node.value) for argument in arguments if argument.value is UNKNOWN):
            self.give_all(function, node, state)
        if self.is_cached(function):
            return self._call_unknown(callee, node, arguments, state)
        if (kept := self._kept_by(callee, state)) is not None:
            return [(kept, state)]
        if self.function is not None and function.parent is self.function and function.cls is None:
            self.call_nested(function, node, state)
        bound = self.bind_arguments(callee, arguments)
        if not bound and (ending := self.summaries.ending(function)):
            if ending is cst.Raise:
                self.raises(state, node, Tier.STRONG, "call")
            return []
        manager = self.decorated_as_manager(function)
        if function.is_generator and not manager:
            for argument in arguments:
                self.hand_over(argument.value, state, "generator", node)
            return [(UNKNOWN, state)]
        if not bound and not manager and not self._worth_running(callee, arguments):
            return self._call_unknown(callee, node, arguments, state)
        cls = callee.receiver.info if isinstance(callee.receiver, Class) else own_class(callee.receiver)
        specs = tuple(self.as_bound(name, value, state) for name, value in bound)
        constants = self.constants(callee, arguments)
        within = self.interrupts and bool(bound) and function.is_async
        summary = self.summaries.of(function, cls, specs, constants, within)
        if summary is None or (not summary.outcomes and not manager):
            return self._call_unknown(callee, node, arguments, state)
        if summary.is_fresh and (shared := self._tested_by_both(callee, arguments, summary)):
            return self._call_either_way(shared, callee, node, arguments, state)
        rids = {name: value.rid for name, value in bound if value.rid is not None}
        self.hand_over_unbound(arguments, set(rids.values()), node, state)
        if manager:
            return [(self._manager(summary, function, rids), state)]
        result = self._apply(summary, callee, rids, node, state)
        if summary.is_fresh:
            self._note_what_else(callee, arguments, node, [value for value, _ in result])
        return result

    def _note_what_else(
        self, callee: Function, arguments: list[Argument], node: cst.CSTNode, values: list[Value]
    ) -> None:
        """What else than a connection of its own a function may give, where it may give one."""
        for site in (site for site in self.sites if site.node is node):
            site.may_be_given |= may_return(callee, arguments)
            site.may_be_other |= any(self._is_other(value, site) for value in values)
            site.may_be_anything |= any(map(_is_anything, values))
            site.is_part |= any(isinstance(value, Tuple) for value in values)

    def _tested_by_both(self, callee: Function, arguments: list[Argument], summary: Summary) -> str:
        """A variable of which nothing is known, if a test of it may decide here and there: `opened(path, enabled)`."""
        if all(outcome.fresh for outcome in summary.returns):
            return ""
        tested, there = self.names.tested, self.summaries.names(callee.info).tested
        told = ((name, argument) for name, argument in filled(callee, arguments) if argument.value is UNKNOWN)
        names = (code(argument.node.value) for name, argument in told if name in there)
        return next((name for name in names if name in tested and name in self.names.locals), "")

    def _call_either_way(
        self, shared: str, callee: Function, node: cst.CSTNode, arguments: list[Argument], state: State
    ) -> Evaluated:
        """Once with the variable true, once with it false."""
        result: Evaluated = []
        for value in (SOMETHING, NONE):
            after = state.copy()
            after.variables[shared] = value
            known = [Argument(value, a.node) if code(a.node.value) == shared else a for a in arguments]
            result += self.call_function(callee, node, known, after)
        return result

    def _is_other(self, value: Value, site: Site) -> bool:
        """Whether it is surely nothing that could be released in its place, nor None."""
        if isinstance(value, Const):
            return value.value is not None
        if isinstance(value, Instance) and isinstance(value.type, ClassInfo):
            return not (self._keeps(value, site) or self._is_released_alike(value.type, site.spec))
        spec = self.resolver.connection_type(value)
        return isinstance(value, (Instance, Symbol)) and (spec is None or spec.kind in ("engine", "pool", "client"))

    def _keeps(self, value: Instance, site: Site) -> bool:
        """Whether it is the object that was made there."""
        return value.rid is not None and self.site_of(value.rid) is site

    def _is_released_alike(self, cls: ClassInfo, spec: Connection) -> bool:
        """Whether an object has a method by which what it stands for is released."""
        for form in (form for form in spec.release if form.on == "conn"):
            method = self.resolver.method(cls, form.method)
            if method is not None and method.is_async == form.awaited and not method.decorators:
                return all(p.default is not None or p.star for p in method.parameters[1:])
        return False

    def _kept_by(self, callee: Function, state: State) -> Value | None:
        """What an object's getter gives, where that is the resource the object keeps."""
        owner = callee.receiver
        if not isinstance(owner, Instance) or owner.rid is None or not isinstance(owner.type, ClassInfo):
            return None
        if not self.summaries.owners.gives_kept(callee.info, owner.type):
            return None
        given = (self.given_by(owner, returned, state) for returned in callee.info.returned)
        return next((value for value in given if value is not None), None)

    def _call_named(self, callee: Value, node: cst.Call, arguments: list[Argument], state: State) -> Evaluated:
        if (loan := self._dropped(callee, node)) is None:
            return super()._call_named(callee, node, arguments, state)
        site = self.site(node, loan.spec, loan.certainty)
        site.callee, site.reopened = code(node), True
        return self._acquire_by_call(loan.spec, node, [], state, loan.certainty)

    def _dropped(self, callee: Value, node: cst.Call) -> Loan | None:
        """`session = next(get_db())`: nobody keeps the generator, so it is over at once. What it gave is used on, and
        takes another connection then, for which nobody answers, if it can be used after its release."""
        made = node.args[0].value if node.args else None
        if not isinstance(made, cst.Call) or self.resolver.callee_name(callee) != "next":
            return None
        function = self.resolver.static(made.func, self.function, self.module)
        if not isinstance(function, Function) or not function.info.is_generator or function.info.decorators:
            return None
        summary = self.summaries.of(function.info, None, ())
        loan = summary.lends if summary is not None and any(isinstance(v, Ref) for v in summary.yields) else None
        return loan if loan is not None and loan.spec.reusable and loan.spec.lazy else None

    # -- which function, with what ---------------------------------------------------------------------------------

    def _worth_running(self, callee: Function, arguments: list[Argument]) -> bool:
        """Whether the function may give a connection of its own, by a look at what it returns."""
        if not self.summaries.may_give(callee.info):
            return False
        told = {name for name, _ in filled(callee, arguments)}  # perhaps where to get one
        given = (p.default for p in callee.info.parameters if p.name.value in told)
        return all(self.resolver.acquirer(default, callee.info.module) is UNKNOWN for default in given)

    def _call_unknown(self, callee: Function, node: cst.CSTNode, arguments: list[Argument], state: State) -> Evaluated:
        """A function whose inside does not matter, or cannot be told."""
        touching = any(self.touched(a.value, state) for a in arguments)
        for argument in arguments:
            self.hand_over(argument.value, state, "argument", node)
        strong = touching or (bool(state.resources) and self._may_well_raise(callee))  # else nobody could tell
        if id(node) not in self.started:
            self.may_raise(state, node, Tier.STRONG if strong else Tier.WEAK, "call")
        returned = self.resolver.returned(callee.info)
        return [(returned, state)]

    def _may_well_raise(self, callee: Function) -> bool:
        """Whether it raises by a statement of its own, or works with the connection that its object keeps."""
        owner = callee.receiver
        keeps = isinstance(owner, Instance) and owner.rid is not None
        return self.summaries.raises(callee.info) or (keeps and self.summaries.owners.works(callee.info))

    # -- effects ---------------------------------------------------------------------------------------------------

    def _manager(self, summary: Summary, function: FunctionInfo, rids: dict[str, ResourceId]) -> Manager:
        """A project's `@contextmanager`: lends what it opens; closes a parameter if it always does."""
        specs = dict(summary.yield_specs)
        known: dict[ResourceId, Value] = {rid: Lent(spec) for rid, spec in specs.items()}
        yields = translate(summary.yields[0], known) if summary.yields else UNKNOWN
        inner: Value = UNKNOWN
        closes = False
        for name, rid in rids.items():
            statuses = {r.status for o in summary.returns for n, r, _ in o.parameters if n == name}
            if statuses == {Status.CLOSED}:
                inner, closes = Ref(rid), True
            elif len(rids) == 1:
                inner = Ref(rid)
            if isinstance(yields, Lent) and not any(spec for spec in specs.values() if spec is not yields.spec):
                yields = Ref(rid)
        loan = summary.lends and replace(summary.lends, through=(function, *summary.lends.through))
        return Manager(inner, yields, "closes" if closes else "nothing", lends=loan)

    def _apply(self, summary: Summary, callee: Function, rids: dict[str, ResourceId], node: cst.CSTNode,
               state: State) -> Evaluated:  # fmt: skip
        result: Evaluated = []
        raises = id(node) in self.started
        for name, methods in summary.called:
            self.site_of(rids[name]).elsewhere |= methods
        if summary.is_fresh:
            self.may_raise(state, node, Tier.STRONG, "driver")
        for outcome in summary.outcomes:
            after = state.copy()
            self._settle(outcome, rids, node, after)
            if outcome.tier is not Tier.NONE:
                if id(node) in self.started:
                    continue
                raises = True
                if self.handlers or after.open_resources():
                    raised = outcome.raised or Raised("driver")
                    if types := CERTAIN.get(raised.origin):  # of a name that only the callee has
                        raised = Raised("call", types[0])
                    self.raises(after, node, outcome.tier, raised.origin, raised.type)
                continue
            value = self._received(outcome, callee, rids, node, after)
            result.append((value, after))
        if not raises and not summary.is_fresh:
            self.may_raise(state, node, Tier.STRONG if self._may_well_raise(callee) else Tier.WEAK, "call")
        return result  # an `async def` is run where it is called: nearly always it is awaited right there

    def _settle(self, outcome: Outcome, rids: dict[str, ResourceId], node: cst.CSTNode, state: State) -> None:
        """The parameters' fate in the callee is the resources' fate here."""
        put_to_rest = {rids[n] for n, r, _ in outcome.parameters if n in rids and r.status is Status.RESTING}
        for name, resource, tier in outcome.parameters:
            if name not in rids:
                continue
            rid = rids[name]
            if resource.status is Status.CLOSED:
                self.release(rid, state, node)
            elif resource.status in (Status.ESCAPED, Status.FIELD):
                self.hand_over(Ref(rid), state, resource.how or "argument", node)
            elif resource.status is Status.LOST and state.resources[rid].status is Status.OPEN:
                state.resources[rid] = Resource(Status.LOST, resource.with_used, resource.how, node)
            elif resource.with_used and not state.resources[rid].with_used:
                state.resources[rid] = Resource(state.resources[rid].status, True)
            elif rid in put_to_rest and state.resources[rid].status is Status.OPEN:
                state.set_status(rid, Status.RESTING, resource.how, node)
            elif state.resources[rid].status is Status.RESTING and resource.status is Status.OPEN:
                if rid not in put_to_rest:  # another parameter may be a row of it
                    state.set_status(rid, Status.OPEN)
            if resource.status in (Status.OPEN, Status.LOST):
                state.via[rid] = max(state.via.get(rid, Tier.NONE), tier)

    def _received(self, outcome: Outcome, callee: Function, rids: dict[str, ResourceId], node: cst.CSTNode,
                  state: State) -> Value:  # fmt: skip
        """The call's value: fresh resources become this function's own, and what is promised to whoever awaits it."""
        if (site := outcome.promised) and not callee.info.is_async:
            own = self.site(node, site.spec, site.certainty, 0, (callee.info, *site.wrappers))
            return Pending(site.spec, own.index)
        known: dict[ResourceId, Value] = {}
        for part, (rid, site) in enumerate(outcome.fresh):
            through = (wrapper.name for wrapper in (callee.info, *site.wrappers))
            if is_replaced([*through, *site.spec.acquire], self.function, self.resolver):
                known[rid] = UNKNOWN
                continue
            own = self.site(node, site.spec, site.certainty, part, (callee.info, *site.wrappers))
            known[rid] = self.acquire(own, state)
        for index, rid in enumerate(rids.values()):  # bound parameters are the callee's first sites, in this order
            known.setdefault((index, 0), Ref(rid))
        value = translate(outcome.value, known)
        return self.resolver.returned(callee.info) if value is UNKNOWN else value


def _is_all(node: cst.BaseExpression) -> bool:
    """`locals()`."""
    return isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "locals"


def _is_anything(value: Value) -> bool:
    """Whether it is neither what was acquired, nor a part of that, nor None."""
    own = isinstance(value, (Ref, Derived, Tuple, Pending)) or (isinstance(value, Instance) and value.rid is not None)
    return not own and value != NONE
