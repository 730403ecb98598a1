"""`try`, `except`, `finally` and `with`: every exit kind runs through them."""

from __future__ import annotations

import libcst as cst

from leakcheck.flow.assignments import Assignments
from leakcheck.flow.handlers import Match, catches_all, caught, handler_types, without_kind
from leakcheck.flow.managers import ExitAction, Managers
from leakcheck.flow.state import Exits, State, Tier, merge
from leakcheck.flow.values import SOMETHING, Class, Pending, Ref, ResourceId, Symbol, Value, own_class
from leakcheck.project.syntax.walk import same_scope, walk

_WAITING = (cst.Await, cst.Asynchronous)


class Blocks(Managers, Assignments):
    """What a block is left with by each exit kind, after its handlers, its `finally` or its context managers."""

    # -- with ------------------------------------------------------------------------------------------------------

    def run_with(self, node: cst.With, states: list[State]) -> list[State]:
        return self._with_items(node, 0, states)

    def _with_items(self, node: cst.With, index: int, states: list[State]) -> list[State]:
        """One item after the other; the rest of the statement is the body of each."""
        if index == len(node.items):
            return self.suite(node.body, states)
        item = node.items[index]
        groups: dict[ExitAction | None, list[State]] = {}
        for state in states:
            for value, evaluated in self.eval(item.item, state):
                if node.asynchronous is not None and self._may_be_cancelled(value):
                    self.interrupt(evaluated, item.item, "CancelledError")
                for given, action, entered in self.enter(value, item.item, evaluated):
                    bound = self.assign(item.asname.name, given, entered) if item.asname else [entered]
                    groups.setdefault(action, []).extend(bound)
        done: list[State] = []
        for action, inside in groups.items():
            done += self._with_body(node, index, action, merge(inside))
        return done

    def _may_be_cancelled(self, value: Value) -> bool:
        """Whether entering it waits for anything: what drivers do is done or not, as they see to, and an `__aenter__`
        that waits for nothing is over before anybody can say so."""
        if isinstance(value, (Pending, Ref)):
            return False
        own = own_class(value)
        enter = self.resolver.method(own, "__aenter__") if own is not None else None
        return enter is None or any(isinstance(node, _WAITING) for node in walk(enter.node.body, same_scope))

    def _with_body(self, node: cst.With, index: int, action: ExitAction | None, states: list[State]) -> list[State]:
        if action is None:
            return self._with_items(node, index + 1, states)
        item = node.items[index].item
        with self.frame() as exits:
            catches = action[0] in ("suppress", "expect")
            before = [state.via.copy() for state in states] if catches else []
            self.handlers += catches
            self.entered.append(action[1])  # type: ignore[arg-type]
            done = self._with_items(node, index + 1, states)
            self.entered.pop()
            self.handlers -= catches
        if catches:
            swallowed, exits.raises = self._swallow(exits.raises, action[1])
            done = _planned(swallowed, before) if swallowed and action[0] == "expect" else done + swallowed
        else:
            for state in (*done, *exits.returns, *exits.breaks, *exits.continues, *exits.raises):
                self.leave_with(action, item, state)
            if action[0] == "transaction":
                for state in done + exits.returns:
                    self.may_raise(state, item, Tier.STRONG, "driver")
        self.leave(exits)
        return done

    def _swallow(self, raised: list[State], types: object) -> tuple[list[State], list[State]]:
        swallowed: list[State] = []
        rest: list[State] = []
        for state in raised:
            match = caught(state.raised, tuple(types), self.base_names)  # type: ignore[arg-type]
            if match is not Match.NO:
                inside = state.copy()
                inside.raised = None
                swallowed.append(inside)
            if match not in (Match.YES, Match.LIKELY):
                rest.append(state)
        return swallowed, rest

    # -- try -------------------------------------------------------------------------------------------------------

    def run_try(self, node: cst.Try | cst.TryStar, states: list[State]) -> list[State]:
        with self.frame() as outer:
            self.handlers += 1
            with self.frame() as inner:
                done = self.suite(node.body, states)
            self.handlers -= 1
            self.handlers += node.finalbody is not None
            if node.handlers and all(catches_all(handler.type) for handler in node.handlers):
                for state in inner.raises:
                    state.raised = state.raised and without_kind(state.raised)
            raised, inner.raises = merge(inner.raises), []
            self.leave(inner)
            handled = self._handle(node, raised)
            if node.orelse is not None:
                done = self.suite(node.orelse.body, merge(done))
            done += handled
            self.handlers -= node.finalbody is not None
        if node.finalbody is None:
            self.leave(outer)
            return done
        return self._finally(node.finalbody, merge(done), outer)

    def _handle(self, node: cst.Try | cst.TryStar, raised: list[State]) -> list[State]:
        """Give each exception to the first handler that may catch it; what none surely catches goes on."""
        done: list[State] = []
        for handler in node.handlers:
            types = handler_types(handler.type, self.module, self.resolver.project)
            inside: list[State] = []
            rest: list[State] = []
            for state in raised:
                match = caught(state.raised, types, self.base_names)
                if match is not Match.NO:
                    inside.append(self._into_handler(state.copy(), handler, match))
                if match is Match.YES:
                    continue
                if match is Match.LIKELY:
                    _weaken(state)
                rest.append(state)
            raised = rest
            done += self.suite(handler.body, merge(inside))
        self.exits.raises += raised
        for state in done:
            state.handling = None
        return done

    def _into_handler(self, state: State, handler: cst.ExceptHandler | cst.ExceptStarHandler, match: Match) -> State:
        if match is Match.UNLIKELY:
            _weaken(state)
        state.handling, state.raised = state.raised, None
        state.step("note", handler, "handler")
        if handler.name is not None and isinstance(handler.name.name, cst.Name):
            self.bind(handler.name.name.value, SOMETHING, state, handler)
        return state

    def _finally(self, node: cst.Finally, done: list[State], exits: Exits) -> list[State]:
        """The block runs once for each exit kind that reaches it; what it does itself wins."""
        done = self.suite(node.body, done)
        for name in ("returns", "breaks", "continues", "raises"):
            states = []
            for state in merge(getattr(exits, name)):
                pending, state.raised = state.raised, None
                result = state.result
                for after in self.suite(node.body, [state]):
                    after.raised, after.result = pending, result
                    states.append(after)
            getattr(self.exits, name).extend(merge(states))
        return done

    def base_names(self, name: str) -> frozenset[str]:
        """The last names of a project exception class and its bases, for matching handlers."""
        value = self.resolver.name(name.split(".")[0], self.function, self.module)
        for part in name.split(".")[1:]:
            value = self.resolver.attribute(value, part, self.module)
        if isinstance(value, Class):
            found = self.resolver.ancestors(value.info)
            return frozenset(a.rpartition(".")[2] if isinstance(a, str) else a.name for a in found)
        return frozenset({value.name.rpartition(".")[2]}) if isinstance(value, Symbol) else frozenset()


def _planned(raised: list[State], before: list[dict[ResourceId, Tier]]) -> list[State]:
    """What a block is there to raise is nothing unusual: what was out before it is left out as easily as then."""
    for state in raised:
        for rid in state.via:
            tiers = [via[rid] for via in before if rid in via]
            state.via[rid] = min(tiers, default=state.via[rid])
        if state.trace is not None and state.trace.kind == "raise" and not any(state.via.values()):
            state.trace = state.trace.previous
    return raised


def _weaken(state: State) -> None:
    """The path now also needs something unlikely."""
    for rid in state.open_resources():
        if state.via.get(rid) is Tier.STRONG:
            state.via[rid] = Tier.WEAK
