"""Tests: which states go on where a condition holds, which where it does not, and what each then knows."""

from __future__ import annotations

import libcst as cst

from leakcheck.flow.core import Argument
from leakcheck.flow.names import compared, is_negated, key_of, key_of_compared
from leakcheck.flow.resources import Resources
from leakcheck.flow.state import MAX_FORKS, State, Status, merge
from leakcheck.flow.values import (
    NONE,
    SOMETHING,
    UNBOUND,
    UNKNOWN,
    Class,
    Const,
    Instance,
    Ref,
    ResourceId,
    Symbol,
    Value,
    is_none,
    is_setting,
    own_class,
    truth,
)
from leakcheck.project.syntax.module import ClassInfo
from leakcheck.project.syntax.walk import code, dotted, string_value, terminal, unawaited

Split = tuple[list[State], list[State]]
_SINGLETONS = {"None": None, "True": True, "False": False}
_IS_NONE = " is None"  # behind the key of what was asked for that, among the facts


def _told_true(key: str, state: State, is_plain: bool) -> bool | None:
    """Whether an earlier test has told that something is true; an object without a truth of its own is, unless it is
    None."""
    is_none = state.facts.get(key + _IS_NONE)
    return not is_none if is_none or (is_plain and is_none is not None) else state.facts.get(key)


def _told_none(key: str, state: State, is_plain: bool) -> bool | None:
    """Whether an earlier test has told that something is None: nothing else makes such an object false."""
    is_true = state.facts.get(key)
    return not is_true if is_true or (is_plain and is_true is not None) else state.facts.get(key + _IS_NONE)


class Conditions(Resources):
    """`decide` splits a state by a test; it raises and acquires as evaluation does."""

    def decide(self, node: cst.BaseExpression, state: State) -> Split:
        if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not):
            true, false = self.decide(node.expression, state)
            return false, true
        if isinstance(node, cst.BooleanOperation):
            return self._both(node, state) if isinstance(node.operator, cst.And) else self._either(node, state)
        if isinstance(node, cst.Comparison) and len(node.comparisons) == 1:
            comparator = node.comparisons[0].comparator
            if isinstance(comparator, cst.Name) and comparator.value in _SINGLETONS:
                return self._compared(node, _SINGLETONS[comparator.value], state)
        if isinstance(node, cst.Comparison):
            known = self._identical(node, state) or self._bound(node, state)
            return known or self._is_one_of(node, state)
        if isinstance(node, cst.NamedExpr):
            return self._split(node.target, self.eval(node, state))
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Name):
            if node.func.value == "isinstance":
                return self._is_instance(node, state)
            if node.func.value in ("hasattr", "callable"):
                return self._has_release(node, state)
        if predicate := self._predicate(node, state):
            return self._liveness(*predicate, node, state)
        return self._split(node, self.eval(node, state))

    def _both(self, node: cst.BooleanOperation, state: State) -> Split:
        left, false = self.decide(node.left, state)
        true, others = self._decide_all(node.right, left)
        return true, false + others

    def _either(self, node: cst.BooleanOperation, state: State) -> Split:
        true, left = self.decide(node.left, state)
        others, false = self._decide_all(node.right, left)
        return true + others, false

    def _decide_all(self, node: cst.BaseExpression, states: list[State]) -> Split:
        """A test of several states; a dozen tests in a row, each with an `or` of its own, would make thousands."""
        split = [self.decide(node, each) for each in (merge(states) if len(states) > MAX_FORKS else states)]
        return [state for true, _ in split for state in true], [state for _, false in split for state in false]

    def _compared(self, node: cst.Comparison, constant: bool | None, state: State) -> Split:
        operator = node.comparisons[0].operator
        negated = isinstance(operator, (cst.IsNot, cst.NotEqual))
        if not negated and not isinstance(operator, (cst.Is, cst.Equal)):
            return self._split(node, self.parts(node, state))
        same: list[State] = []
        other: list[State] = []
        for value, each in self.eval(node.left, state):
            if constant is None:
                answer = False if self.is_release(value) or self._has_given(node.left, each) else is_none(value)
                answer = _told_none(key_of(node.left), each, self._is_plain(value)) if answer is None else answer
            else:
                answer = value.value == constant if isinstance(value, Const) else None
            if answer is None:
                twin = each.copy()
                asked = _IS_NONE if constant is None else ""
                self._learn(node.left, each, Const(constant), same, asked)
                self._learn(node.left, twin, SOMETHING if constant is None else UNKNOWN, other, asked)
            else:
                (same if answer else other).append(each)
        return (other, same) if negated else (same, other)

    def _is_one_of(self, node: cst.Comparison, state: State) -> Split:
        """Any other comparison: what a variable was given here, or compared with before, may tell how it ends."""
        name, literals = compared(node) or ("", ())
        is_own = name in self.names.locals
        value = state.variables.get(name, UNKNOWN) if is_own else UNKNOWN
        told = value.value in literals if isinstance(value, Const) else state.facts.get(key_of(node))
        if told is not None and name:
            true, false = ([state], list[State]()) if told else (list[State](), [state])
        else:
            true, false = self._split(node, self.parts(node, state))
            for each in true if is_own and len(literals) == 1 and value is UNKNOWN else ():
                each.variables[name] = Const(literals[0])
            for each in false if is_own and len(literals) > 1 else ():
                each.facts.update((key_of_compared(name, (literal,)), False) for literal in literals)
        return (false, true) if is_negated(node) else (true, false)

    def _bound(self, node: cst.Comparison, state: State) -> Split | None:
        """`"conn" in locals()`: whether the name is bound; None if nothing of the kind is asked."""
        name, comparison = string_value(node.left), node.comparisons[0]
        asks = isinstance(comparison.operator, (cst.In, cst.NotIn)) and isinstance(comparison.comparator, cst.Call)
        if not asks or name is None or code(comparison.comparator) not in ("locals()", "vars()", "dir()"):
            return None
        if name not in self.names.cleanup or name not in self.names.locals:
            return None
        bound = state.variables.get(name, UNBOUND) is not UNBOUND
        if isinstance(comparison.operator, cst.NotIn):
            bound = not bound
        return ([state], []) if bound else ([], [state])

    def _identical(self, node: cst.Comparison, state: State) -> Split | None:
        """`conn is given`: a resource acquired here is no other object, unless its pool gives one again; None if no
        such thing is compared."""
        comparison = node.comparisons[0]
        operators = (cst.Is, cst.IsNot, cst.Equal, cst.NotEqual)
        if len(node.comparisons) > 1 or not isinstance(comparison.operator, operators):
            return None
        left, right = (state.variables.get(dotted(part) or "", UNKNOWN) for part in (node.left, comparison.comparator))
        if not isinstance(left, Ref) and not isinstance(right, Ref):
            return None
        same = left == right
        if not same and self._may_be_again(left, right, state):
            return [state], [state.copy()]
        if isinstance(comparison.operator, (cst.IsNot, cst.NotEqual)):
            same = not same
        return ([state], []) if same else ([], [state])

    def _may_be_again(self, left: Value, right: Value, state: State) -> bool:
        """Whether a pool may have given out one connection twice: it was given back in between."""
        if not isinstance(left, Ref) or not isinstance(right, Ref):
            return False
        is_back = any(state.resources[ref.rid].status is Status.CLOSED for ref in (left, right))
        return is_back and all(self.site_of(ref.rid).spec.kind == "checkout" for ref in (left, right))

    def _split(self, node: cst.BaseExpression, evaluated: list[tuple[Value, State]]) -> Split:
        true: list[State] = []
        false: list[State] = []
        key = key_of(node)
        for value, state in evaluated:
            known = True if self.is_release(value) else truth(value)
            if known is None and self.names.repeated(key):
                known = _told_true(key, state, self._is_plain(value))
            if known is None and self._has_given(node, state):
                known = True
            if known is None:
                twin = state.copy()
                self._learn(node, state, SOMETHING, true)
                self._learn(node, twin, NONE, false)
                if key in self.names.iterated:
                    state.facts[key] = True  # more than that it is an object: it has items
            else:
                (true if known else false).append(state)
        return true, false

    def _is_plain(self, value: Value) -> bool:
        """Whether it is a connection, or an object of the project, that is always true where it is not None."""
        if (cls := own_class(value)) is not None:
            return self.resolver.method(cls, "__bool__") is None and self.resolver.method(cls, "__len__") is None
        return self.resolver.connection_type(value) is not None

    def _has_given(self, node: cst.BaseExpression, state: State) -> bool:
        """Whether it is the pool to which goes back what is out: that came from it, so it is there."""
        path = dotted(node)
        out = state.open_resources() if path is not None and state.resources else ()
        forms = (form for rid in out for form in self.site_of(rid).spec.release if form.on == "pool")
        return any((path, form.method) in self.names.takers for form in forms)

    def _has_release(self, node: cst.Call, state: State) -> Split:
        """`hasattr(conn, "close")`, `callable(getattr(conn, "close", None))`: yes, of a tracked resource."""
        true: list[State] = []
        false: list[State] = []
        for values, each in self.eval_all((argument.value for argument in node.args), state):
            arguments = [Argument(value, argument) for value, argument in zip(values, node.args, strict=True)]
            if self.release_by_name(arguments) or any(map(self.is_release, values)) or self._has_method(arguments):
                true.append(each)
            else:
                yes, no = self._split(node, [(UNKNOWN, each)])
                true += yes
                false += no
        return true, false

    def _has_method(self, arguments: list[Argument]) -> bool:
        """Whether it asks an object that keeps a connection for a method of its class."""
        owner = arguments[0].value if len(arguments) > 1 else UNKNOWN
        if not isinstance(owner, Instance) or owner.rid is None or not isinstance(owner.type, ClassInfo):
            return False
        return self.resolver.method(owner.type, string_value(arguments[1].node.value) or "") is not None

    def surely_is(self, value: Value, asked: cst.BaseExpression) -> bool:
        """Whether a resource, or an object that keeps one, is of the class that is asked for."""
        cls = self.resolver.static(asked, self.function, self.module)
        if isinstance(value, Ref) and isinstance(cls, Symbol):
            return self.resolver.canonical(cls.name) == self.site_of(value.rid).spec.type
        if isinstance(value, Instance) and value.rid is not None and isinstance(value.type, ClassInfo):
            return isinstance(cls, Class) and cls.info in self.resolver.ancestors(value.type)
        return False

    def _learn(self, node: cst.BaseExpression, state: State, value: Value, to: list[State], asked: str = "") -> None:
        """Remember the outcome of a test of something unknown, where it will be asked again. `asked`: whether it is
        None, and not whether it is true."""
        key = key_of(node)
        if self.names.repeated(key) or key in self.names.cleanup:
            path, known = dotted(node) or "", state.variables.get(key, UNKNOWN)
            told = is_none(value) if asked else truth(value)
            if path and (known in (UNKNOWN, UNBOUND) or is_setting(known)):
                state.variables[key] = value
            elif told is not None and "." not in path:  # a field may be another one after any call
                state.facts[key + asked] = told
        if (is_nothing := is_none(value)) is not None and (source := self._copied(key)) in self.names.tested:
            state.facts[source + _IS_NONE] = is_nothing
        to.append(state)

    def _copied(self, name: str) -> str:
        """What a variable is a copy of, unless it is what is acquired in its stead: `conn = given`."""
        values = self.function.bindings.assigned.get(name, ()) if self.function is not None else ()
        others = [value for value in values if not isinstance(value, (cst.Name, cst.Attribute))]
        calls = (terminal(value.func) for value in map(unawaited, others) if isinstance(value, cst.Call))
        acquirers = self.summaries.wrappers.words(self.module)
        paths = {dotted(value) for value in values} - {None}
        is_plain = bool(others) and len(paths) == 1 and len(values) == len(others) + 1
        return (paths.pop() or "") if is_plain and sum(word in acquirers for word in calls) == len(others) else ""

    def _is_instance(self, node: cst.Call, state: State) -> Split:
        """`isinstance(x, C)`: false for None, otherwise both unless it is remembered."""
        true: list[State] = []
        false: list[State] = []
        for value, each in self.eval(node.args[0].value, state):
            if is_none(value):
                false.append(each)
                continue
            key = key_of(node)
            known = each.facts.get(key)
            if len(node.args) > 1 and self.surely_is(value, node.args[1].value):
                known = True
            if known is None:
                twin = each.copy()
                if self.names.repeated(key):
                    each.facts[key], twin.facts[key] = True, False
                true.append(each)
                false.append(twin)
            else:
                (true if known else false).append(each)
        return true, false

    def _predicate(self, node: cst.BaseExpression, state: State) -> tuple[ResourceId, bool] | None:
        """For `conn.is_connected()` or `conn.closed` on a tracked resource: which one, and whether true means alive."""
        target = node.func if isinstance(node, cst.Call) and not node.args else node
        if not isinstance(target, cst.Attribute):
            return None
        owner = state.variables.get(dotted(target.value) or "")
        if owner is None and isinstance(target.value, cst.Attribute):
            keeper = state.variables.get(dotted(target.value.value) or "", UNKNOWN)
            owner = self.kept_in(keeper, target.value.attr.value, state)
        if not isinstance(owner, Ref):
            return None
        spec = self.site_of(owner.rid).spec
        for names, alive in ((spec.alive, True), (spec.closed, False)):
            if any(name.rstrip("()") == target.attr.value for name in names):
                return owner.rid, alive
        return None

    def _liveness(self, rid: ResourceId, alive: bool, node: cst.CSTNode, state: State) -> Split:
        """A dead connection of its own needs no close; a dead checkout still occupies its slot."""
        dead = state.copy()
        if (status := dead.resources[rid].status) in (Status.OPEN, Status.FIELD, Status.RESTING):
            spec = self.site_of(rid).spec
            returned_if_closed = not alive and any(form.on == "conn" for form in spec.release)
            if spec.kind == "checkout" and not returned_if_closed:
                if status is not Status.FIELD:  # which its object still has to give back
                    dead.set_status(rid, Status.LOST, "guard", node)
            else:
                dead.set_status(rid, Status.CLOSED, "dead", node)
        living = [] if state.resources[rid].status is Status.CLOSED else [state]
        return (living, [dead]) if alive else ([dead], living)
