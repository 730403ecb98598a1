"""Expressions: the value each gives in a state, and what evaluating it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import libcst as cst

from leakcheck.flow.core import Evaluated, merged
from leakcheck.flow.displays import Displays, expressions_in
from leakcheck.flow.names import literal
from leakcheck.flow.resolve import is_property
from leakcheck.flow.rows import Rows
from leakcheck.flow.state import MAX_FORKS, State, Tier, merge
from leakcheck.flow.suspending import Suspending
from leakcheck.flow.values import (
    FALSE,
    LITERALS,
    SOMETHING,
    TRUE,
    UNBOUND,
    UNKNOWN,
    Const,
    Derived,
    Function,
    Instance,
    Lent,
    Method,
    Ref,
    Tuple,
    Value,
)
from leakcheck.project.syntax.walk import dotted, string_value, walk

LEADS_BACK = ("connection", "_connection", "conn")  # attributes by which a cursor gives what it came from


class Expressions(Rows, Suspending, Displays):
    """`eval` gives every (value, state) an expression can end in; exceptions go to the current exits."""

    def eval(self, node: cst.BaseExpression, state: State) -> Evaluated:
        handler = _HANDLERS.get(type(node))
        if handler is None:
            return self.parts(node, state)
        return handler(self, node, state)

    def eval_all(self, nodes: Iterable[cst.BaseExpression], state: State) -> list[tuple[list[Value], State]]:
        """Several expressions, left to right."""
        done: list[tuple[list[Value], State]] = [([], state)]
        for node in nodes:
            done = [
                ([*values, value], after) for values, before in done for value, after in merged(self.eval(node, before))
            ]
            if len(done) > MAX_FORKS:  # twenty arguments like `a or b` would make a million
                kept = {id(after) for after in merge(after for _, after in done)}
                done = [pair for pair in done if id(pair[1]) in kept]
        return done

    def parts(self, node: cst.CSTNode, state: State) -> Evaluated:
        """Any other expression: evaluate what is in it; the result is unknown."""
        return [(UNKNOWN, after) for _, after in self.eval_all(expressions_in(node), state)]

    # -- names and attributes --------------------------------------------------------------------------------------

    def _name(self, node: cst.Name, state: State) -> Evaluated:
        name = node.value
        if name in LITERALS:
            return [(LITERALS[name], state)]
        value = state.variables.get(name)
        if value is None:
            if name not in self.names.locals:
                scope = self.function.parent if self.function else None
                return [(self.resolver.name(name, scope, self.module), state)]
            value = UNBOUND if name in self.names.cleanup else UNKNOWN
        if value is UNBOUND:
            if any(state.via.get(rid) for rid in state.open_resources()):
                self.raises(state, node, Tier.STRONG, "unbound", name)
                return []
            return [(UNKNOWN, state)]
        return [(value, state)]

    def _attribute(self, node: cst.Attribute, state: State) -> Evaluated:
        path = dotted(node)
        if path is not None and path in state.variables:
            return [(state.variables[path], state)]
        if self.entered:
            self.look_at_row(node, state)
        result: Evaluated = []
        for owner, after in self.eval(node.value, state):
            value = self._member(owner, node.attr.value, after)
            if isinstance(value, Function) and is_property(value.info):
                self.holding.call(self, value, node, [], after)
                result += self.call_function(value, node, [], after)
            else:
                result.append((value, after))
        return result

    def _member(self, owner: Value, name: str, state: State) -> Value:
        if isinstance(owner, Derived) and name in LEADS_BACK:
            return Ref(owner.rid)
        if isinstance(owner, (Ref, Lent)) and self.catalogue.is_long_lived(held := self._held_by(owner, name)):
            return Instance(held)  # a session's engine
        if isinstance(owner, Ref) and (self._is_connection(owner, name) or self._is_detached(owner, name, state)):
            return owner
        if isinstance(owner, (Ref, Derived, Lent)):
            return Method(owner, name)
        if (kept := self.kept_in(owner, name, state)) is not None:
            return kept
        return self.resolver.attribute(owner, name, self.module)

    def _held_by(self, owner: Ref | Lent, name: str) -> str:
        """The class of what an attribute of a connection holds, as its driver's model says."""
        spec = self.site_of(owner.rid).spec if isinstance(owner, Ref) else owner.spec
        return self.catalogue.attributes.get(f"{spec.type}.{name}", "") if spec is not None else ""

    def _is_connection(self, owner: Ref, name: str) -> bool:
        """Whether an attribute is the connection under another class, to be kept and given back in its stead."""
        spec = self.catalogue.by_type.get(self._held_by(owner, name))
        return spec is not None and spec.tracked

    def _is_detached(self, owner: Ref, name: str, state: State) -> bool:
        """Whether an attribute is the driver's own connection, which belongs to nobody else any more."""
        return name in self.site_of(owner.rid).spec.detached and state.resources[owner.rid].apart

    # -- operators -------------------------------------------------------------------------------------------------

    def _binary(self, node: cst.BinaryOperation, state: State) -> Evaluated:
        """A sum of lists keeps what is in them: `others + [conn]`."""
        result: Evaluated = []
        for values, after in self.eval_all((node.left, node.right), state):
            for value in values if isinstance(node.operator, cst.Add) else ():
                if isinstance(value, Tuple):
                    self.hand_over(value, after, "container", node)
            result.append((UNKNOWN, after))
        return result

    def _conditional(self, node: cst.IfExp, state: State) -> Evaluated:
        true, false = self.decide(node.test, state)
        return [pair for s in true for pair in self.eval(node.body, s)] + [
            pair for s in false for pair in self.eval(node.orelse, s)
        ]

    def _boolean(self, node: cst.BooleanOperation, state: State) -> Evaluated:
        """`a or b` gives `a` where that is true; a name keeps the value it is refined to."""
        true, false = self.decide(node.left, state)
        keep, go_on = (true, false) if isinstance(node.operator, cst.Or) else (false, true)
        kept = SOMETHING if isinstance(node.operator, cst.Or) else UNKNOWN
        result: Evaluated = []
        for s in keep:
            value = s.variables.get(dotted(node.left) or "", kept)
            result.append((kept if value in (UNKNOWN, UNBOUND) else value, s))
        for s in go_on:
            result += self.eval(node.right, s)
        return merged(result)

    def _test(self, node: cst.BaseExpression, state: State) -> Evaluated:
        """A comparison or negation as a value: split, so that a variable holding it correlates with what it tested."""
        if not self.wants_booleans or (isinstance(node, cst.UnaryOperation) and not isinstance(node.operator, cst.Not)):
            return self.parts(node, state)
        true, false = self.decide(node, state)
        return [*((TRUE, s) for s in true), *((FALSE, s) for s in false)]

    def _named(self, node: cst.NamedExpr, state: State) -> Evaluated:
        result: Evaluated = []
        for value, after in self.eval(node.value, state):
            result += [(value, s) for s in self.assign(node.target, value, after)]
        return result

    # -- literals and parts --------------------------------------------------------------------------------------------

    def _lambda(self, node: cst.Lambda, state: State) -> Evaluated:
        """A lambda is a nested function: it takes what it mentions along where it goes itself."""
        self.lambdas[node] = None
        if self.function is None or not isinstance(node.body, cst.Call):
            for name in {n.value for n in walk(node.body) if isinstance(n, cst.Name)}:
                self.hand_over(state.variables.get(name, UNKNOWN), state, "closure", node)
            return [(SOMETHING, state)]
        return [(self.resolver.lambda_(node, self.function.chunk, self.function), state)]

    def _constant(self, node: cst.BaseExpression, state: State) -> Evaluated:
        return [(literal(node) or UNKNOWN, state)]

    def _subscript(self, node: cst.Subscript, state: State) -> Evaluated:
        path = _subscript_path(node)
        if path in state.variables:
            return [(state.variables[path], state)]
        result: Evaluated = []
        for values, after in self.eval_all([node.value, *_expressions_in_slices(node)], state):
            owner = values[0]
            if isinstance(owner, Tuple) and len(values) == 2 and isinstance(values[1], Const):
                index = values[1].value
                if isinstance(index, str) and index in owner.keys:
                    index = owner.keys.index(index)
                if isinstance(index, int) and -len(owner.items) <= index < len(owner.items):
                    result.append((owner.items[index], after))
                    continue
            if isinstance(owner, Tuple):
                self.hand_over(owner, after, "container", node)
            self.may_raise(after, node, Tier.WEAK, "call")
            result.append((UNKNOWN, after))
        return result


def _expressions_in_slices(node: cst.Subscript) -> Iterable[cst.BaseExpression]:
    for element in node.slice:
        yield from expressions_in(element)


def _subscript_path(node: cst.Subscript) -> str:
    """`context["connection"]` as a path, for a name and a constant key; "" otherwise."""
    owner = dotted(node.value)
    if owner and len(node.slice) == 1 and isinstance(index := node.slice[0].slice, cst.Index):
        key = string_value(index.value)
        return f"{owner}[{key!r}]" if key is not None else ""
    return ""


subscript_path = _subscript_path

_HANDLERS: dict[type[cst.CSTNode], Callable[..., Evaluated]] = {  # each takes (interpreter, node, state)
    cst.Name: Expressions._name,
    cst.Attribute: Expressions._attribute,
    cst.IfExp: Expressions._conditional,
    cst.BooleanOperation: Expressions._boolean,
    cst.Comparison: Expressions._test,
    cst.UnaryOperation: Expressions._test,
    cst.NamedExpr: Expressions._named,
    cst.Tuple: Displays.tuple_display,
    cst.List: Displays.list_display,
    cst.Set: Displays.container_display,
    cst.Dict: Displays.dict_display,
    cst.ListComp: Displays.comprehension,
    cst.SetComp: Displays.comprehension,
    cst.DictComp: Displays.comprehension,
    cst.GeneratorExp: Displays.comprehension,
    cst.Lambda: Expressions._lambda,
    cst.Integer: Expressions._constant,
    cst.SimpleString: Expressions._constant,
    cst.ConcatenatedString: Expressions._constant,
    cst.Subscript: Expressions._subscript,
    cst.BinaryOperation: Expressions._binary,
    cst.Await: Suspending.wait,
    cst.Yield: Suspending.suspend,
    cst.Call: lambda self, node, state: self.call(node, state),
}
