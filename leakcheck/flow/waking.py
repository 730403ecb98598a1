"""Objects of the project that open their connection at a later call: nothing is open before that."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import libcst as cst

from leakcheck.flow.callees import Callees
from leakcheck.flow.core import Argument, Evaluated
from leakcheck.flow.late import Way
from leakcheck.flow.state import State, Status, Tier
from leakcheck.flow.values import Derived, Function, Instance, Value
from leakcheck.flow.visits import visits
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo
from leakcheck.project.syntax.walk import code, dotted, is_none, walk
from leakcheck.words import words


class Waking(Callees):
    """What `client.connect()` does to a `client` made in the same function."""

    def call_function(self, callee: Function, node: cst.CSTNode, arguments: list[Argument], state: State) -> Evaluated:
        done = super().call_function(callee, node, arguments, state)
        if ways := self._opening_for_itself(callee):
            return [self._visited(way, callee, node, pair) for pair in done for way in ways]
        owner = callee.receiver
        if not isinstance(owner, Instance) or owner.rid is None or not isinstance(owner.type, ClassInfo):
            return done
        ways = self.summaries.owners.late.ways(owner.type, callee.info) if self.is_late(owner) else ()
        if not ways:
            return done
        return [self._ended(way, callee.info, owner, node, pair) for pair in done for way in ways]

    def _opening_for_itself(self, callee: Function) -> tuple[Way, ...]:
        """How `self.open()` ends, in a method that is to close it as well."""
        own, owner = self.function, callee.receiver
        if own is None or own.cls is None or not isinstance(owner, Instance) or owner.rid is not None:
            return ()
        if owner.type is not own.cls or own not in visits(own.cls, self.summaries.owners):
            return ()
        return self.summaries.owners.late.openers(own.cls).get(callee.info, ())

    def _visited(self, way: Way, callee: Function, node: cst.CSTNode, pair: tuple[Value, State]) -> tuple[Value, State]:
        """From now on the object holds a connection that this method has to close, where the opener got one."""
        own, value, state = callee.receiver, way.value or pair[0], pair[1].copy()
        assert isinstance(own, Instance)
        assert isinstance(own.type, ClassInfo)
        model = self.summaries.owners.late.model(own.type)
        if not way.opened or model is None:
            return value, state
        paths = sorted(f"self.{field}" for field in self.summaries.owners.fields[own.type])
        site = self.site(node, replace(model, lazy=False), "medium")
        site.is_owner, site.name = True, ", ".join(paths)
        kept = self.summaries.owners.late.fields(own.type).values()
        site.keeps_pooled = bool(kept) and all(spec.kind == "checkout" for spec in kept)
        self.may_raise(state, node, Tier.STRONG, "driver")
        rid = self.acquire(site, state).rid
        state.variables["self"] = Instance(own.type, rid)
        for name, stored in callee.info.stores:  # `self.cur = self.conn.cursor()`
            method = stored.func if isinstance(stored, cst.Call) else None
            if isinstance(method, cst.Attribute) and dotted(method.value) in paths:
                state.variables[f"self.{name}"] = Derived(rid)
        return value, state

    def is_late(self, value: Value | None) -> bool:
        """Whether it is such an object."""
        return isinstance(value, Instance) and value.rid is not None and self.site_of(value.rid).opens_late

    def _ended(self, way: Way, method: FunctionInfo, owner: Instance, node: cst.CSTNode,
               pair: tuple[Value, State]) -> tuple[Value, State]:  # fmt: skip
        """One end of the opening method."""
        assert owner.rid is not None
        value, after = pair[0], pair[1].copy()
        if way.opened and after.resources[owner.rid].status in (Status.RESTING, Status.CLOSED):
            if id(node) not in self.started:
                self.may_raise(after, node, Tier.STRONG, "driver")  # where it gets none, what else is open stays so
            after.set_status(owner.rid, Status.OPEN)
            after.step("note", node, f"opens:{owner.rid[0]}")
            if self.summaries.owners.works(method):
                only_opens = _only_opens(method, self.summaries.owners.fields[owner.type])  # type: ignore[index]
                self.may_raise(after, node, Tier.WEAK if only_opens else Tier.STRONG, "driver")
        if way.value is not None:
            return way.value, after
        for returned in method.returned:
            value = self.given_by(owner, returned, after) or value
        return value, after

    def decide(self, node: cst.BaseExpression, state: State) -> tuple[list[State], list[State]]:
        """A test may ask the object whether it has opened anything: what that tells is its own affair."""
        if any(site.opens_late or site.is_owner or site.is_answered_for for site in self.sites):
            for owner in self._asked(node, state):
                self.hand_over(owner, state, "asked", node)
        return super().decide(node, state)

    def _asked(self, node: cst.BaseExpression, state: State) -> list[Value]:
        """Objects that a test asks whether they are open, and late ones of which it reads any attribute, or calls any
        method with nothing to work on."""
        asked = []
        calls = {id(part.func): part for part in walk(node) if isinstance(part, cst.Call)}
        for part in walk(node):
            value = state.variables.get(dotted(part.value) or "") if isinstance(part, cst.Attribute) else None
            call = calls.get(id(part))
            if value is None or (call is not None and call.args):
                continue
            assert isinstance(part, cst.Attribute)
            keeps = isinstance(value, Instance) and value.rid is not None and isinstance(value.type, ClassInfo)
            if not self.is_late(value) and not (keeps and words().of_states.search(part.attr.value)):
                continue
            if not self._is_plain_read(value, part.attr.value):
                asked.append(value)
        return asked

    def _is_plain_read(self, owner: Value, name: str) -> bool:
        """Whether the flow itself knows what the attribute gives: the connection, or how an opening method ends."""
        assert isinstance(owner, Instance)
        assert isinstance(owner.type, ClassInfo)
        owners, method = self.summaries.owners, self.resolver.method(owner.type, name)
        return name in owners.fields.get(owner.type, ()) or (
            method is not None and bool(owners.late.ways(owner.type, method))
        )


def _only_opens(method: FunctionInfo, fields: Collection[str]) -> bool:
    """Whether a method stores the connection and gives nothing but that or its object: if it fails once that is open,
    it is for itself to close it."""
    given = {"self", "None", "True", "False", *(f"self.{field}" for field in fields)}
    stored = {name for name, value in method.stores if not is_none(value)}
    return not stored.isdisjoint(fields) and given.issuperset(map(code, method.returned))
