"""Statements: which states go on after each, and which leave by another exit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import libcst as cst

from leakcheck.flow.assignments import Assignments
from leakcheck.flow.blocks import Blocks
from leakcheck.flow.branches import Branches
from leakcheck.flow.core import only_states
from leakcheck.flow.matching import Matching
from leakcheck.flow.returning import RETURN, given_open
from leakcheck.flow.state import Raised, State, Tier, merge
from leakcheck.flow.values import NONE, UNKNOWN, Class, Function, Tuple, Value
from leakcheck.project.syntax.bindings import imported_names
from leakcheck.project.syntax.definitions import LAMBDA
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo
from leakcheck.project.syntax.walk import dotted, walk

MAX_WORK = 20_000  # statements times states in one function; past that it is given up quietly


class TooMuch(Exception):
    """The function is too large to be run over all its states."""


class Statements(Blocks, Branches, Matching):
    """`block` runs statements over a set of states."""

    def block(self, body: Sequence[cst.CSTNode], states: list[State]) -> list[State]:
        for statement in body:
            if not states:
                break
            states = merge(self.statement(statement, states))
        return states

    def statement(self, node: cst.CSTNode, states: list[State]) -> list[State]:
        if isinstance(node, cst.SimpleStatementLine):
            return self.block(node.body, states)
        self.work += len(states)
        if self.work > MAX_WORK:
            raise TooMuch
        compound = _COMPOUND.get(type(node))
        if compound is not None:
            return compound(self, node, states)
        simple = _SIMPLE.get(type(node))
        if simple is None:
            return states
        return [after for state in states for after in simple(self, node, state)]

    def suite(self, node: cst.BaseSuite, states: list[State]) -> list[State]:
        return self.block(node.body, states)

    # -- simple statements -----------------------------------------------------------------------------------------

    def _expression(self, node: cst.Expr, state: State) -> list[State]:
        return only_states(self.eval(node.value, state))

    def _return(self, node: cst.Return, state: State) -> list[State]:
        evaluated = self.eval(node.value, state) if node.value is not None else [(NONE, state)]
        for value, after in evaluated:
            self._hand_over_closures(value, after, node)
            self.given_open |= given_open(node, value, after)
            after.result = value
            is_lambda = self.function is not None and self.function.qualname == LAMBDA  # which has no such statement
            after.step("leak", (node.value or node) if is_lambda else node, RETURN)
            self.exits.returns.append(after)
        return []

    def _hand_over_closures(self, value: Value, state: State, node: cst.CSTNode) -> None:
        """A nested function that is returned, alone or in tuples, takes along what it mentions."""
        if isinstance(value, Function):
            self.hand_over(value, state, "closure", node)
        for part in value.items if isinstance(value, Tuple) else ():
            self._hand_over_closures(part, state, node)

    def _raise(self, node: cst.Raise, state: State) -> list[State]:
        if node.exc is None:
            handling = state.handling or Raised("raise")
            tier = Tier.NONE if handling.origin == "call" else Tier.STRONG  # as weak or strong as what is re-raised
            self.raises(state, node, tier, handling.origin, handling.type)
            return []
        call = node.exc.func if isinstance(node.exc, cst.Call) else node.exc
        name = dotted(call) or ""
        again = state.variables.get(name)
        for after in only_states(self.eval(node.exc, state)):
            if name not in ("SystemExit", "KeyboardInterrupt"):  # the process ends and takes its connections along
                self.raises(after, node, Tier.STRONG, "raise", name if again is None else "")
        return []

    def _assert(self, node: cst.Assert, state: State) -> list[State]:
        true, false = self.decide(node.test, state)
        for each in false:
            self.may_raise(each, node, Tier.WEAK, "raise", "AssertionError")
        return true

    def _delete(self, node: cst.Del, state: State) -> list[State]:
        for part in walk(node.target):
            if isinstance(part, cst.Name):
                state.variables.pop(part.value, None)
        return [state]

    def _import(self, node: cst.Import | cst.ImportFrom, state: State) -> list[State]:
        for name, target in imported_names(node).items():
            state.variables[name] = self.resolver.qualified(self.module.absolute(target), self.module)
        return [state]

    def _break(self, node: cst.Break, state: State) -> list[State]:
        self.exits.breaks.append(state)
        return []

    def _continue(self, node: cst.Continue, state: State) -> list[State]:
        self.exits.continues.append(state)
        return []

    # -- definitions -----------------------------------------------------------------------------------------------

    def _function(self, node: cst.FunctionDef, states: list[State]) -> list[State]:
        """A nested function: remembered by name; it takes what it mentions along only where it escapes itself."""
        info = self.module.defined_at(node) if self.function is not None else None
        for state in states:
            if isinstance(info, FunctionInfo):
                state.variables[node.name.value] = Function(info)
                if node.decorators:
                    self.hand_over(Function(info), state, "closure", node)
        return states

    def _class(self, node: cst.ClassDef, states: list[State]) -> list[State]:
        info = self.module.defined_at(node) if self.function is not None else None
        for state in states:
            if isinstance(info, ClassInfo):
                for name in _read(node.body):  # it keeps what it mentions, and so do its objects
                    self.hand_over(state.variables.get(name, UNKNOWN), state, "closure", node)
                state.variables[node.name.value] = Class(info)
        return states


def _read(body: cst.CSTNode) -> Iterator[str]:
    """The names in a text that are not those of attributes."""
    attributes = {id(node.attr) for node in walk(body) if isinstance(node, cst.Attribute)}
    return (node.value for node in walk(body) if isinstance(node, cst.Name) and id(node) not in attributes)


# A statement of one state, and one that may part or join many; each takes (interpreter, node, state or states).
_SIMPLE: dict[type[cst.CSTNode], Callable[..., list[State]]] = {
    cst.Expr: Statements._expression,
    cst.Assign: Assignments.run_assign,
    cst.AnnAssign: Assignments.run_annotated,
    cst.AugAssign: Assignments.run_augmented,
    cst.Return: Statements._return,
    cst.Raise: Statements._raise,
    cst.Assert: Statements._assert,
    cst.Del: Statements._delete,
    cst.Import: Statements._import,
    cst.ImportFrom: Statements._import,
    cst.Break: Statements._break,
    cst.Continue: Statements._continue,
}
_COMPOUND: dict[type[cst.CSTNode], Callable[..., list[State]]] = {
    cst.If: Branches.run_if,
    cst.While: Branches.run_while,
    cst.For: Branches.run_for,
    cst.With: Blocks.run_with,
    cst.Try: Blocks.run_try,
    cst.TryStar: Blocks.run_try,
    cst.Match: Matching.run_match,
    cst.FunctionDef: Statements._function,
    cst.ClassDef: Statements._class,
}
