"""Tuples, lists, dicts and comprehensions: known by their items as long as nobody changes them."""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst

from leakcheck.flow.core import Argument, Core, Evaluated, merged
from leakcheck.flow.state import State
from leakcheck.flow.values import UNKNOWN, Const, Function, Tuple, Value, resources_in
from leakcheck.project.syntax.walk import SCOPES, children, string_value, walk


class Displays(Core):
    """What a display gives, and what is done with one."""

    def tuple_display(self, node: cst.Tuple, state: State) -> Evaluated:
        if any(isinstance(e, cst.StarredElement) for e in node.elements):
            return self.container_display(node, state)
        return [(Tuple(tuple(values)), s) for values, s in self.eval_all((e.value for e in node.elements), state)]

    def list_display(self, node: cst.List, state: State) -> Evaluated:
        """A list that holds something tracked is known by its items as long as nobody changes it."""
        if any(isinstance(e, cst.StarredElement) for e in node.elements):
            return self.container_display(node, state)
        evaluated = self.eval_all((e.value for e in node.elements), state)
        return [(self._holding(tuple(values), (), node, after), after) for values, after in evaluated]

    def dict_display(self, node: cst.Dict, state: State) -> Evaluated:
        keys = [string_value(e.key) for e in node.elements if isinstance(e, cst.DictElement)]
        if len(keys) < len(node.elements) or None in keys:
            return self.container_display(node, state)
        evaluated = self.eval_all((e.value for e in node.elements), state)
        names = tuple(filter(None, keys))
        return [(self._holding(tuple(values), names, node, after), after) for values, after in evaluated]

    def _holding(self, values: tuple[Value, ...], keys: tuple[str, ...], node: cst.CSTNode, state: State) -> Value:
        for value in values:
            if isinstance(value, Function):  # out of sight from here on, with what it mentions
                self.hand_over(value, state, "closure", node)
        return Tuple(values, keys) if any(True for value in values for _ in resources_in(value)) else UNKNOWN

    def container_display(self, node: cst.CSTNode, state: State) -> Evaluated:
        """A container whose items are not told apart: what is put into it belongs to its holder."""
        result: Evaluated = []
        for values, after in self.eval_all(expressions_in(node), state):
            for value in values:
                self.hand_over(value, after, "container", node)
            result.append((UNKNOWN, after))
        return result

    def comprehension(self, node: cst.CSTNode, state: State) -> Evaluated:
        """Iterates now (a generator expression later): everything in it may run; its names are its own."""
        before = {n.target.value for n in walk(node) if isinstance(n, cst.CompFor) and isinstance(n.target, cst.Name)}
        for name in before:
            state.variables.pop(name, None)
        result: Evaluated = []
        for values, after in self.eval_all(expressions_in(node), state):
            for value in values:
                self.hand_over(value, after, "container", node)
            result.append((UNKNOWN, after))
        return merged(result)

    def call_on_display(
        self, receiver: Tuple, name: str, node: cst.Call, arguments: list[Argument], state: State
    ) -> Evaluated | None:
        """`opened.values()`, `opened.get("conn")`; whatever else is done to a container, its items are out of sight."""
        key = arguments[0].value if arguments else UNKNOWN
        if name == "values" and receiver.keys:
            return [(Tuple(receiver.items), state)]
        if name == "items" and receiver.keys:
            pairs = zip(receiver.keys, receiver.items, strict=True)
            return [(Tuple(tuple(Tuple((Const(k), item)) for k, item in pairs)), state)]
        if name == "get" and isinstance(key, Const) and key.value in receiver.keys:
            return [(receiver.items[receiver.keys.index(str(key.value))], state)]
        self.hand_over(receiver, state, "container", node)
        return None


def expressions_in(node: cst.CSTNode) -> Iterable[cst.BaseExpression]:
    """The expressions directly inside a node, through helper nodes such as elements and comprehension clauses."""
    for child in children(node):
        if isinstance(child, cst.Annotation):
            continue
        if isinstance(child, cst.BaseExpression):
            yield child
        elif not isinstance(child, SCOPES):
            yield from expressions_in(child)
