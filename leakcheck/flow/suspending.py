"""Suspension: what `await` and `yield` give, and where a task or a generator may be left alone."""

from __future__ import annotations

import libcst as cst

from leakcheck.flow.core import Evaluated
from leakcheck.flow.resources import Resources
from leakcheck.flow.state import State, Status, Tier
from leakcheck.flow.values import (
    NONE,
    UNKNOWN,
    Derived,
    Function,
    Pending,
    PendingRelease,
    Ref,
    ResourceId,
    Tuple,
    Value,
    resources_in,
)
from leakcheck.project.syntax.walk import walk


class Suspending(Resources):
    """Of expressions that hand the word to somebody else."""

    def wait(self, node: cst.Await, state: State) -> Evaluated:
        """`await x`: what that gives, where the task is not cancelled."""
        result: Evaluated = []
        for value, after in self.eval(node.expression, state):
            if not isinstance(value, (Pending, PendingRelease)):  # what these do is done, or not, as the driver sees to
                self.interrupt(after, node, "CancelledError", self._given_by(node.expression, value))
            given = self.awaited(value, node, after)
            if isinstance(value, Pending) and isinstance(node.expression, cst.Name):
                given = self._opened_itself(value, node.expression, given)
            result += given
        return result

    def _opened_itself(self, value: Pending, name: cst.Name, given: Evaluated) -> Evaluated:
        """A variable that is waited for may hold the connection itself, which that opens."""
        if "__await__" not in value.spec.returns_self:
            return given
        self.sites[value.site].opens_late = True
        for _, state in given:
            state.step("note", name, f"opens:{value.site}")
        return [(ref, after) for ref, state in given for after in self.assign(name, ref, state)]

    def _given_by(self, node: cst.BaseExpression, value: Value) -> list[ResourceId]:
        """What the awaited expression itself acquires: as long as it waits, that is the callee's."""
        inside = {id(part) for part in walk(node)} if self.interrupts else ()
        return [rid for rid in resources_in(value) if id(self.site_of(rid).node) in inside]

    def awaited(self, value: Value, node: cst.CSTNode, state: State) -> Evaluated:
        """What `await value` gives; an acquire or release happens here."""
        if isinstance(value, Pending) and value.spec.acquires_on_enter and not value.spec.release:
            return [(UNKNOWN, state)]  # only its block is known to give it back: what does without one, nobody has said
        if isinstance(value, Pending):
            self.may_raise(state, self.sites[value.site].node, Tier.STRONG, "driver")
            return [(self.acquire(self.sites[value.site], state), state)]
        if isinstance(value, PendingRelease):
            self.release(value.rid, state, node)
            return [(NONE, state)]
        if isinstance(value, Tuple):  # `await asyncio.gather(…)`
            done: list[tuple[tuple[Value, ...], State]] = [((), state)]
            for item in value.items:
                done = [((*before, v), after) for before, s in done for v, after in self.awaited(item, node, s)]
            return [(Tuple(values), after) for values, after in done]
        return [(value, state)]

    def suspend(self, node: cst.Yield, state: State) -> Evaluated:
        """`yield x`: the user of the generator has it, and may never resume it."""
        argument = node.value.item if isinstance(node.value, cst.From) else node.value
        evaluated = self.eval(argument, state) if argument is not None else [(NONE, state)]
        for value, after in evaluated:
            self.holding.call(self, value, node, [], after)
            self.yielded.append((value, after.copy()))
            if isinstance(value, Function):
                self.hand_over(value, after, "closure", node)
            # Who uses the generator as a context manager or a dependency throws its exceptions in here.
            if not self.is_manager and not self.is_fixture:
                self.interrupt(after, node, "GeneratorExit")
            for rid in resources_in(value) if self.items and not (self.is_manager or self.is_fixture) else ():
                self.site_of(rid).is_item = True
            lends = isinstance(value, (Ref, Tuple, Derived)) and not self.loops and not self.is_fixture
            if isinstance(value, Ref) and (self.is_manager or lends):
                if after.resources[value.rid].status is Status.RESTING:
                    after.set_status(value.rid, Status.OPEN)  # whoever gets a session works with it
            if self.is_manager or lends:
                self.may_raise(after, node, Tier.STRONG, "yield")
        return [(UNKNOWN, after) for _, after in evaluated]
