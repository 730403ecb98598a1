"""Branches and loops: states part at a test and meet again."""

from __future__ import annotations

from collections.abc import Callable

import libcst as cst

from leakcheck.flow.beginning import begins, filling
from leakcheck.flow.core import Core
from leakcheck.flow.state import State, Tier, merge
from leakcheck.flow.values import UNKNOWN, Const, Derived, Ref, Tuple
from leakcheck.project.syntax.walk import terminal

MAX_ROUNDS = 3  # of a loop; after that no new kind of state is expected


class Branches(Core):
    """`if`, `while`, `for`."""

    def run_if(self, node: cst.If, states: list[State]) -> list[State]:
        true: list[State] = []
        false: list[State] = []
        for state in states:
            yes, no = self.decide(node.test, state)
            true += yes
            false += no
        if true and false:
            for state in true:
                state.step("branch", node, "true")
            for state in false:
                state.step("branch", node, "false")
        after = self.suite(node.body, merge(true))
        if isinstance(node.orelse, cst.If):
            return after + self.run_if(node.orelse, merge(false))
        return after + (self.suite(node.orelse.body, merge(false)) if node.orelse else false)

    # -- loops -----------------------------------------------------------------------------------------------------

    def run_while(self, node: cst.While, states: list[State]) -> list[State]:
        return self._loop(node, states, lambda state, _: self.decide(node.test, state), lambda _: False)

    def run_for(self, node: cst.For, states: list[State]) -> list[State]:
        entered: list[State] = []
        done: list[State] = []
        tier = Tier.NONE
        for state in states:
            for value, after in self.eval(node.iter, state):
                if isinstance(value, Tuple) and self.touched(value, after):
                    done += self._each(node, value, after)
                    continue
                if isinstance(value, (Ref, Derived)):
                    tier = Tier.STRONG
                entered.append(after)
        grown = frozenset(filling(node.body)) & self.names.iterated

        def step(state: State, first: bool) -> tuple[list[State], list[State]]:
            self.may_raise(state, node.iter, tier, "driver")
            if node.asynchronous is not None:
                self.interrupt(state, node.iter, "CancelledError")
            surely = begins(node.iter, state)
            over = [] if first and surely else [state.copy()]
            for each in over if surely else ():
                each.facts.update(dict.fromkeys(grown, True))
            return self.assign(node.target, UNKNOWN, state), over

        counts = isinstance(node.iter, cst.Call) and terminal(node.iter.func) == "range"  # attempts rather than items
        self.items += not counts
        done += self._loop(node, entered, step, lambda state: begins(node.iter, state))
        self.items -= not counts
        return done

    def _each(self, node: cst.For, values: Tuple, state: State) -> list[State]:
        """A loop over known items, `for conn in (a, b): conn.close()`: one round for each."""
        states, breaks = [state], list[State]()
        self.loops += 1
        for item in map(Const, values.keys) if values.keys else values.items:
            with self.frame() as exits:
                bound = [after for each in states for after in self.assign(node.target, item, each)]
                ended = self.suite(node.body, merge(bound))
            breaks += exits.breaks
            states = merge(ended + exits.continues)
            exits.breaks, exits.continues = [], []
            self.leave(exits)
        self.loops -= 1
        if node.orelse is not None:
            states = self.suite(node.orelse.body, states)
        return states + breaks

    def _loop(self, node: cst.While | cst.For, states: list[State],
              step: Callable[[State, bool], tuple[list[State], list[State]]], enters: Callable[[State], bool]
              ) -> list[State]:  # fmt: skip
        """Rounds until no new state appears; `step` gives the states that run the body and those that are done. The
        first round surely begins in a state that `enters`."""
        done: list[State] = []
        breaks: list[State] = []
        seen: set[object] = set()
        self.loops += 1
        for turn in range(MAX_ROUNDS):
            states = [state for state in states if state.key() not in seen]
            if not states:
                break
            body: list[State] = []
            # one that surely begins and comes back unchanged is done only then
            seen.update(state.key() for state in states if turn or not enters(state))
            for state in states:
                inside, over = step(state, turn == 0)
                body += inside
                done += over
            with self.frame() as exits:
                ended = self.suite(node.body, merge(body))
            breaks += exits.breaks
            states = merge(ended + exits.continues)
            exits.breaks, exits.continues = [], []
            self.leave(exits)
        else:
            for state in states:
                done += step(state, False)[1]
        self.loops -= 1
        if node.orelse is not None:
            done = self.suite(node.orelse.body, merge(done))
        return done + breaks
