"""How many elements there are in what a loop goes over, as far as the code tells."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable, Iterator

import libcst as cst

from leakcheck.checks.assigned import Value, followed, is_filled
from leakcheck.checks.purpose import is_of_this_file
from leakcheck.checks.sql import mentions
from leakcheck.flow.beginning import elements
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.values import Class, Function, Symbol
from leakcheck.patterns import pattern
from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.project.syntax.walk import SCOPES, dotted, same_scope, string_value, terminal, walk
from leakcheck.records import dataclass
from leakcheck.words import words

_FEW = 10  # rounds: not worth a batch
_WRITTEN = 100  # elements written down one by one in the code: no more than a batch, and never more
_CLASS = pattern(r"(?:^|\.)_?[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*$")  # `HTTPStatus`, no constant
_LIMIT = pattern(r"\bLIMIT\s+(\d+)\s*;?\s*$", re.IGNORECASE)
_DISPLAYS = (cst.List, cst.Tuple, cst.Set, cst.Dict)


@dataclass(frozen=True)
class Sizes:
    """As seen from a function, or from the top level of a module."""

    function: FunctionInfo | None
    module: Module
    resolver: Resolver

    def is_few(self, iterated: cst.BaseExpression) -> bool:
        """Whether there never are enough for a batch."""
        return self._is_short(iterated) or self._for_all(elements(iterated), Sizes._is_short)

    def is_field(self, iterated: cst.BaseExpression) -> bool:
        """Whether it is what a record that the function is given may have or not: `item.get("tags", [])`."""
        node = elements(iterated)
        return self._is_read(node) or self._for_all(node, Sizes._is_read)

    def _is_read(self, node: cst.BaseExpression) -> bool:
        node = self._only_value(node)
        if isinstance(node, cst.BooleanOperation) and isinstance(node.operator, cst.Or) and _is_empty(node.right):
            node = node.left
        func = node.func if isinstance(node, cst.Call) else None
        if not isinstance(node, cst.Call) or not isinstance(func, cst.Attribute) or func.attr.value != "get":
            return False
        key, *default = [argument.value for argument in node.args] or [func]
        return string_value(key) is not None and all(map(_is_empty, default)) and self._is_record(func.value)

    def _only_value(self, node: cst.BaseExpression) -> cst.BaseExpression:
        """What a name of the function is assigned, if that is one thing."""
        if self.function is None or not isinstance(node, cst.Name):
            return node
        values = self.function.bindings.assigned.get(node.value, [])
        return elements(values[0]) if len(values) == 1 else node

    def _is_record(self, node: cst.BaseExpression) -> bool:
        """Whether it is what the function was given, one of several, or what such a record may have itself."""
        return self._is_given(node) or self._is_element(node) or (isinstance(node, cst.Name) and self._is_read(node))

    def _is_given(self, node: cst.BaseExpression) -> bool:
        """Whether a name is a parameter that stays what it was."""
        if self.function is None or not isinstance(node, cst.Name):
            return False
        names = {parameter.name.value for parameter in self.function.parameters}
        return node.value in names and not self.function.bindings.assigned.get(node.value)

    def _is_element(self, node: cst.BaseExpression) -> bool:
        """Whether a name is the variable of a loop, and nothing else."""
        if self.function is None or not isinstance(node, cst.Name) or self.function.bindings.assigned.get(node.value):
            return False
        loops = (n.target for n in walk(self.function.node.body, same_scope) if isinstance(n, cst.For))
        return any(mentions([target], node.value.__eq__) for target in loops)

    def _is_short(self, iterated: cst.BaseExpression) -> bool:
        node = self.literal(elements(iterated))
        return self._is_brief(node) or self._is_entry(node) or self._is_collected(node) or self._is_class(node)

    def _is_entry(self, node: cst.BaseExpression) -> bool:
        """`TABLES[kind]`, of a dictionary that is written down with all that is in it."""
        table = self.literal(node.value) if isinstance(node, cst.Subscript) else None
        return (
            isinstance(table, cst.Dict)
            and bool(table.elements)
            and all(isinstance(entry, cst.DictElement) and self._is_brief(entry.value) for entry in table.elements)
        )

    def _is_class(self, node: cst.BaseExpression) -> bool:
        """`for colour in Colour`: of classes only an enum can be gone over; one of another library by its name."""
        value = self.resolver.static(node, self.function, self.module)
        imported = isinstance(value, Symbol) and _CLASS.search(value.name) is not None
        return imported or isinstance(value, Class)

    def _is_brief(self, node: cst.BaseExpression) -> bool:
        """Whether it has few elements as it is written."""
        if isinstance(node, _DISPLAYS):
            return 0 < len(node.elements) <= _WRITTEN  # what is empty here is filled elsewhere
        if counted(node) <= _FEW:
            return True
        is_enum = isinstance(node, cst.Attribute) and node.attr.value == "__members__"
        return _sliced(node) <= _FEW or _limited(node) or is_enum

    def _is_collected(self, node: cst.BaseExpression) -> bool:
        """Whether it is a list that was empty, and gets one element in each of few rounds at most."""
        if self.function is None or not isinstance(node, cst.Name):
            return False
        body, made = self.function.node.body, self.function.bindings.assigned.get(node.value, [])
        if len(made) != 1 or not _is_empty(made[0]) or any(_grows(part, node.value) for part in walk(body)):
            return False
        added = [n for n in walk(body) if isinstance(n, cst.Call) and dotted(n.func) in _one_by_one(node.value)]
        return bool(added) and all(self._is_rare(call, made[0], body) for call in added)

    def _is_rare(self, call: cst.Call, since: cst.CSTNode, body: cst.CSTNode) -> bool:
        """Whether few rounds make a call, counted from a place."""
        for part in walk(body):
            if isinstance(part, (*SCOPES, cst.For, cst.While, cst.BaseComp)):
                inside = list(walk(part))
                if any(n is call for n in inside) and not any(n is since for n in inside):
                    steps = in_step(part.iter) if isinstance(part, cst.For) else []
                    if not any(self._is_brief(self.literal(elements(step))) for step in steps):
                        return False
        return True

    def _for_all(self, node: cst.BaseExpression, test: Callable[[Sizes, cst.BaseExpression], bool]) -> bool:
        """Whether it is a parameter for which everybody who calls the function gives something of a kind."""
        function = self.function
        if function is None or not self._is_given(node) or not is_of_this_file(function, self.resolver.project):
            return False
        given = list(self._given(function, node))
        return bool(given) and all(sizes is not None and test(sizes, value) for value, sizes in given)

    def _given(
        self, function: FunctionInfo, name: cst.BaseExpression
    ) -> Iterator[tuple[cst.BaseExpression, Sizes | None]]:
        """What each call in the file gives for a parameter, and as seen from where; None where that is out of sight."""
        names = [parameter.name.value for parameter in function.parameters]
        place = names.index(terminal(name)) - (names[0] in ("self", "cls"))
        elsewhere = (chunk for chunk in self.module.statements if function.name in chunk.words)
        yield from ((name, None) for _ in elsewhere)
        for caller in self.module.scopes(frozenset({function.name})):
            for call in (n for n in walk(caller.node.body) if isinstance(n, cst.Call)):
                if terminal(call.func) == function.name:
                    keyed = [a.value for a in call.args if a.keyword and a.keyword.value == terminal(name)]
                    plain = [a.value for a in call.args if a.keyword is None and not a.star]
                    value = next(iter(keyed or plain[place : place + 1]), None)
                    yield (call, None) if value is None else (value, Sizes(caller, self.module, self.resolver))

    def literal(self, node: cst.BaseExpression) -> cst.BaseExpression:
        """What a name stands for, or what a function of the project returns, if there is only one."""
        return self._literal(node, self.function, self.module)

    def _literal(
        self, node: cst.BaseExpression, function: FunctionInfo | None, module: Module, depth: int = 3
    ) -> cst.BaseExpression:
        values: list[Value] = []
        if isinstance(node, cst.Name) and not _is_filled(node.value, function, module):
            values = followed(node, function, module, self.resolver.project)
        elif isinstance(node, cst.Attribute) and not is_filled(node.attr.value, module.source):
            values = followed(node, function, module, self.resolver.project)
            values = values if all(scope is None for _, scope, _ in values) else []  # a field's may be another's
        elif isinstance(node, cst.Call):
            callee = self.resolver.static(node.func, function, module)
            info = callee.info if isinstance(callee, Function) else None
            values = [(value, info, info.module) for value in info.returned] if info is not None else []
        if depth <= 0 or len(values) != 1:
            return node
        value, scope, where = values[0]
        return self._literal(elements(value), scope, where, depth - 1)


def counted(node: cst.BaseExpression) -> float:
    """How many rounds `range(3)`, `range(1, 4)` are, where that is written down."""
    given = node.args if isinstance(node, cst.Call) and terminal(node.func) == "range" else ()
    numbers = [argument.value.evaluated_value for argument in given if isinstance(argument.value, cst.Integer)]
    return len(range(*numbers)) if len(numbers) == len(given) in (1, 2) else float("inf")


def in_step(node: cst.BaseExpression) -> list[cst.BaseExpression]:
    """What is iterated at the same time: as many rounds as the shortest has elements."""
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "zip":
        return [argument.value for argument in node.args]
    return [node]


def _is_empty(node: cst.BaseExpression) -> bool:
    return isinstance(node, _DISPLAYS) and not node.elements


def _one_by_one(name: str) -> tuple[str, ...]:
    """The methods that put one element in."""
    return (f"{name}.append", f"{name}.add")


def _grows(node: cst.CSTNode, name: str) -> bool:
    """Whether something may put in more, or somebody else may: `names += found`, `collect(names)`."""
    if isinstance(node, cst.AugAssign):
        return terminal(node.target) == name
    if isinstance(node, cst.Call):
        owner, _, method = (dotted(node.func) or "").rpartition(".")
        ours = owner in ("self", "cls") or not (owner or hasattr(builtins, method))
        lent = ours and any(terminal(argument.value) == name for argument in node.args)
        return lent or (owner == name and method in words().fills and method not in ("append", "add"))
    return False


def _sliced(node: cst.BaseExpression) -> float:
    """How many elements `rows[2:5]` has at most."""
    part = node.slice[0].slice if isinstance(node, cst.Subscript) else None
    if not isinstance(part, cst.Slice) or not isinstance(part.upper, cst.Integer):
        return float("inf")
    return part.upper.evaluated_value - (part.lower.evaluated_value if isinstance(part.lower, cst.Integer) else 0)


def _limited(node: cst.BaseExpression) -> bool:
    """`cursor.fetchmany(5)`, `random.sample(rows, 5)`, `query.limit(5).all()`, `execute("… LIMIT 5").fetchall()`."""
    while isinstance(node, cst.Call):
        limits = (_LIMIT.search(string_value(argument.value) or "") for argument in node.args[:1])
        if any(limit is not None and int(limit[1]) <= _FEW for limit in limits):
            return True
        numbers = [a.value.evaluated_value for a in node.args if isinstance(a.value, cst.Integer)]
        if terminal(node.func) in words().at_most and numbers and max(numbers) <= _FEW:
            return True
        node = node.func.value if isinstance(node.func, cst.Attribute) else node.func
    return False


def _is_filled(name: str, function: FunctionInfo | None, module: Module) -> bool:
    """Whether something is put into the container of that name: in the function, or in its module."""
    if function is not None and name in function.bindings.names:
        return name in _filled_in(function)
    return is_filled(name, module.source)


def _filled_in(function: FunctionInfo) -> set[str]:
    """Names of containers that something is put into in a function, or that it writes to."""
    nodes = [n for n in walk(function.node.body) if isinstance(n, (cst.Call, cst.AugAssign, cst.AssignTarget))]
    called = [n.func for n in nodes if isinstance(n, cst.Call)]
    owners = [f.value for f in called if isinstance(f, cst.Attribute) and f.attr.value in words().fills]
    owners += [n.target for n in nodes if isinstance(n, cst.AugAssign)]
    targets = [n.target for n in nodes if isinstance(n, cst.AssignTarget)]
    owners += [target.value for target in targets if isinstance(target, cst.Subscript)]
    return {owner.value for owner in owners if isinstance(owner, cst.Name)}
