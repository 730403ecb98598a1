"""Statements: which states go on after each, and which leave by another exit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import libcst as cst

from leakcheck.flow.calls import Calls
from leakcheck.flow.conditions import Conditions
from leakcheck.flow.core import only_states
from leakcheck.flow.expressions import Expressions, subscript_path
from leakcheck.flow.handlers import Match, caught
from leakcheck.flow.managers import ExitAction
from leakcheck.flow.state import Exits, Raised, State, Status, Tier, merge
from leakcheck.flow.values import (
    NONE,
    SOMETHING,
    UNKNOWN,
    Class,
    Const,
    Derived,
    Function,
    Method,
    Ref,
    Symbol,
    Tuple,
    Value,
    resources_in,
)
from leakcheck.project.module import ClassInfo, FunctionInfo, imported_names
from leakcheck.project.walk import code, dotted, string_value, walk

MAX_ROUNDS = 3  # of a loop; after that no new kind of state is expected
MAX_WORK = 20_000  # statements times states in one function; past that it is given up quietly

_BOOLEANS = (cst.Comparison, cst.UnaryOperation, cst.BooleanOperation)


class TooMuch(Exception):
    """The function is too large to be run over all its states."""


class Statements(Calls, Conditions, Expressions):
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

    def _assign(self, node: cst.Assign, state: State) -> list[State]:
        names = {dotted(t.target) for t in node.targets}
        return self._store([t.target for t in node.targets], node.value, bool(names & self.names.tested), state)

    def _annotated(self, node: cst.AnnAssign, state: State) -> list[State]:
        if node.value is None:
            return [state]
        return self._store([node.target], node.value, dotted(node.target) in self.names.tested, state)

    def _store(self, targets: list[cst.BaseAssignTargetExpression], node: cst.BaseExpression, tested: bool,
               state: State) -> list[State]:  # fmt: skip
        outer, self.wants_booleans = self.wants_booleans, tested and isinstance(node, _BOOLEANS)
        evaluated = self.eval(node, state)
        self.wants_booleans = outer
        done: list[State] = []
        for value, after in evaluated:
            states = [after]
            for target in targets:
                states = [s for each in states for s in self.assign(target, value, each)]
            done += states
        return done

    def _augmented(self, node: cst.AugAssign, state: State) -> list[State]:
        done = []
        for value, after in self.eval(node.value, state):
            self.hand_over(value, after, "container", node)
            done += self.assign(node.target, UNKNOWN, after)
        return done

    def assign(self, target: cst.CSTNode, value: Value, state: State) -> list[State]:
        if isinstance(target, cst.Name):
            self._bind(target.value, value, state, target)
        elif isinstance(target, (cst.Tuple, cst.List)):
            return self._unpack(target, value, state)
        elif isinstance(target, cst.Attribute):
            return self._set_attribute(target, value, state)
        elif isinstance(target, cst.Subscript):
            self.hand_over(value, state, "container", target)
            if path := subscript_path(target):
                self._remember_path(path, value, state)
            return only_states(self.eval(target.value, state))
        elif isinstance(target, cst.StarredElement):
            return self.assign(target.value, UNKNOWN, state)
        return [state]

    def _bind(self, name: str, value: Value, state: State, node: cst.CSTNode) -> None:
        old = state.variables.get(name)
        prefix = name + "."
        for path in [p for p in state.variables if p.startswith((prefix, name + "["))]:
            del state.variables[path]
        if state.facts:
            for key in [k for k in state.facts if name in k]:
                del state.facts[key]
        if isinstance(value, Ref):
            site = self.site_of(value.rid)
            site.name = site.name or name
        if name not in self.names.locals and self.function is not None:
            self.hand_over(value, state, f"global {name}", node)
        self._remember(name, value, state)
        if isinstance(old, Ref) and old != value:
            self.retire(old.rid, state, node)

    def _remember(self, name: str, value: Value, state: State) -> None:
        """Keep what a later test, release or cleanup may ask for; forget the rest, so that states can merge."""
        if value is UNKNOWN or value is SOMETHING or isinstance(value, Const):
            if name not in self.names.tested and name not in self.names.cleanup:
                state.variables.pop(name, None)
                return
            if name not in self.names.tested:
                value = UNKNOWN
        state.variables[name] = value

    def _remember_path(self, path: str, value: Value, state: State) -> None:
        """The same for `self.x` and `d["x"]`, of which there may be many: a mere attribute read is not worth a state."""
        self._remember(path, UNKNOWN if isinstance(value, Method) else value, state)

    def _unpack(self, target: cst.Tuple | cst.List, value: Value, state: State) -> list[State]:
        count = len(target.elements)
        if isinstance(value, Tuple) and len(value.items) == count:
            values = value.items
        elif isinstance(value, Derived):
            values = (value,) * count
        else:
            values = (UNKNOWN,) * count
        states = [state]
        for element, part in zip(target.elements, values, strict=True):
            whole = element if isinstance(element, cst.StarredElement) else element.value
            states = [s for each in states for s in self.assign(whole, part, each)]
        return states

    def _set_attribute(self, target: cst.Attribute, value: Value, state: State) -> list[State]:
        path = dotted(target)
        if path is None:
            self.hand_over(value, state, "attribute", target)
            return only_states(self.eval(target.value, state))
        owner = path.rpartition(".")[0]
        for rid in resources_in(value):
            if owner in ("self", "cls") and not isinstance(value, Tuple):
                self.note_kept(rid, path.rpartition(".")[2], target)
            resource = state.resources[rid]
            if resource.status in (Status.OPEN, Status.RESTING) and owner == "self" and self._in_init:
                state.set_status(rid, Status.FIELD, path, target)
        self.hand_over(value, state, path, target) if not (owner == "self" and self._in_init) else None
        holder = state.variables.get(owner)
        if not isinstance(holder, Ref):
            self._remember_path(path, value, state)
        return [state]

    @property
    def _in_init(self) -> bool:
        return self.function is not None and self.function.name in ("__init__", "__enter__", "__aenter__") and bool(self.function.cls)

    def _return(self, node: cst.Return, state: State) -> list[State]:
        evaluated = self.eval(node.value, state) if node.value is not None else [(NONE, state)]
        for value, after in evaluated:
            self._hand_over_closures(value, after, node)
            after.result = value
            after.step("leak", node, "return")
            self.exits.returns.append(after)
        return []

    def _hand_over_closures(self, value: Value, state: State, node: cst.CSTNode) -> None:
        """A nested function that is returned takes along what it mentions."""
        for part in value.items if isinstance(value, Tuple) else (value,):
            if isinstance(part, Function):
                self.hand_over(part, state, "closure", node)

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
                state.variables[node.name.value] = Class(info)
        return states

    # -- branches --------------------------------------------------------------------------------------------------

    def _if(self, node: cst.If, states: list[State]) -> list[State]:
        true: list[State] = []
        false: list[State] = []
        for state in states:
            yes, no = self.decide(node.test, state)
            true += yes
            false += no
        if true and false:
            for state in true:
                state.step("branch", node.test, "true")
            for state in false:
                state.step("branch", node.test, "false")
        after = self.suite(node.body, merge(true))
        if isinstance(node.orelse, cst.If):
            return after + self._if(node.orelse, merge(false))
        return after + (self.suite(node.orelse.body, merge(false)) if node.orelse else false)

    def _match(self, node: cst.Match, states: list[State]) -> list[State]:
        rest = [after for state in states for after in only_states(self.eval(node.subject, state))]
        done: list[State] = []
        for case in node.cases:
            matched = [state.copy() for state in rest]
            if case.guard is not None:
                matched = [yes for state in matched for yes in self.decide(case.guard, state)[0]]
            done += self.suite(case.body, merge(matched))
            if case.guard is None and _irrefutable(case.pattern):
                return done
        return done + rest

    # -- loops -----------------------------------------------------------------------------------------------------

    def _while(self, node: cst.While, states: list[State]) -> list[State]:
        return self._loop(node, states, lambda state, _: self.decide(node.test, state))

    def _for(self, node: cst.For, states: list[State]) -> list[State]:
        entered: list[State] = []
        tier = Tier.NONE
        for state in states:
            for value, after in self.eval(node.iter, state):
                if isinstance(value, (Ref, Derived)):
                    tier = Tier.STRONG
                entered.append(after)
        must_enter = _nonempty(node.iter)

        def step(state: State, first: bool) -> tuple[list[State], list[State]]:
            self.may_raise(state, node.iter, tier, "driver")
            over = [] if first and must_enter else [state.copy()]
            return self.assign(node.target, UNKNOWN, state), over

        return self._loop(node, entered, step)

    def _loop(self, node: cst.While | cst.For, states: list[State],
              step: Callable[[State, bool], tuple[list[State], list[State]]]) -> list[State]:  # fmt: skip
        """Rounds until no new state appears; `step` gives the states that run the body and those that are done."""
        done: list[State] = []
        breaks: list[State] = []
        seen: set[object] = set()
        self.loops += 1
        for turn in range(MAX_ROUNDS):
            states = [s for s in states if (key := s.key()) not in seen and not seen.add(key)]  # type: ignore[func-returns-value]
            if not states:
                break
            body: list[State] = []
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

    # -- with ------------------------------------------------------------------------------------------------------

    def _with(self, node: cst.With, states: list[State]) -> list[State]:
        return self._with_items(node, 0, states)

    def _with_items(self, node: cst.With, index: int, states: list[State]) -> list[State]:
        """One item after the other; the rest of the statement is the body of each."""
        if index == len(node.items):
            return self.suite(node.body, states)
        item = node.items[index]
        groups: dict[ExitAction | None, list[State]] = {}
        for state in states:
            for value, evaluated in self.eval(item.item, state):
                for given, action, entered in self.enter(value, item.item, evaluated):
                    bound = self.assign(item.asname.name, given, entered) if item.asname else [entered]
                    groups.setdefault(action, []).extend(bound)
        done: list[State] = []
        for action, inside in groups.items():
            done += self._with_body(node, index, action, merge(inside))
        return done

    def _with_body(self, node: cst.With, index: int, action: ExitAction | None, states: list[State]) -> list[State]:
        if action is None:
            return self._with_items(node, index + 1, states)
        item = node.items[index].item
        with self.frame() as exits:
            self.handlers += action[0] == "suppress"
            self.entered.append(action[1])  # type: ignore[arg-type]
            done = self._with_items(node, index + 1, states)
            self.entered.pop()
            self.handlers -= action[0] == "suppress"
        if action[0] == "suppress":
            swallowed, exits.raises = self._swallow(exits.raises, action[1])
            done += swallowed
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

    def _try(self, node: cst.Try | cst.TryStar, states: list[State]) -> list[State]:
        with self.frame() as outer:
            self.handlers += 1
            with self.frame() as inner:
                done = self.suite(node.body, states)
            self.handlers -= 1
            self.handlers += node.finalbody is not None
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
            types = _handler_types(handler)
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
            self._bind(handler.name.name.value, SOMETHING, state, handler)
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


def _weaken(state: State) -> None:
    """The path now also needs something unlikely."""
    for rid in state.open_resources():
        if state.via.get(rid) is Tier.STRONG:
            state.via[rid] = Tier.WEAK


def _handler_types(handler: cst.ExceptHandler | cst.ExceptStarHandler) -> tuple[str, ...]:
    if handler.type is None:
        return ("BaseException",)
    if isinstance(handler.type, cst.Tuple):
        return tuple(code(element.value) for element in handler.type.elements)
    return (code(handler.type),)


def _irrefutable(pattern: cst.MatchPattern) -> bool:
    return isinstance(pattern, cst.MatchAs) and pattern.pattern is None


def _nonempty(node: cst.BaseExpression) -> bool:
    """Whether a loop over the expression surely runs at least once: `range(3)`, a literal list."""
    if isinstance(node, (cst.List, cst.Tuple)):
        return bool(node.elements)
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "range" and len(node.args) == 1:
        argument = node.args[0].value
        return isinstance(argument, cst.Integer) and argument.evaluated_value > 0
    return isinstance(node, cst.SimpleString) and bool(string_value(node))


_SIMPLE: dict[type[cst.CSTNode], Callable[[Statements, cst.CSTNode, State], list[State]]] = {
    cst.Expr: Statements._expression,
    cst.Assign: Statements._assign,
    cst.AnnAssign: Statements._annotated,
    cst.AugAssign: Statements._augmented,
    cst.Return: Statements._return,
    cst.Raise: Statements._raise,
    cst.Assert: Statements._assert,
    cst.Del: Statements._delete,
    cst.Import: Statements._import,
    cst.ImportFrom: Statements._import,
    cst.Break: Statements._break,
    cst.Continue: Statements._continue,
}  # type: ignore[dict-item]
_COMPOUND: dict[type[cst.CSTNode], Callable[[Statements, cst.CSTNode, list[State]], list[State]]] = {
    cst.If: Statements._if,
    cst.While: Statements._while,
    cst.For: Statements._for,
    cst.With: Statements._with,
    cst.Try: Statements._try,
    cst.TryStar: Statements._try,
    cst.Match: Statements._match,
    cst.FunctionDef: Statements._function,
    cst.ClassDef: Statements._class,
}  # type: ignore[dict-item]
