"""What a function's text says about its names, so that states only remember what can matter later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property

import libcst as cst

from leakcheck.flow.beginning import elements
from leakcheck.flow.values import Const
from leakcheck.project.syntax.bindings import Bindings
from leakcheck.project.syntax.remembered import remembered
from leakcheck.project.syntax.walk import SCOPES, code, dotted, same_scope, string_value, walk
from leakcheck.words import words


class Names:
    """Of one function body (or a module's top level, with no locals known)."""

    def __init__(self, body: Sequence[cst.CSTNode], bindings: Bindings | None) -> None:
        self.body = body
        self.locals = frozenset(bindings.names) if bindings else frozenset()

    @cached_property
    def _nodes(self) -> list[cst.CSTNode]:
        return [n for statement in self.body if type(statement) not in SCOPES for n in walk(statement, same_scope)]

    @cached_property
    def _tests(self) -> Counter[str]:
        return Counter(key for statement in self.body for test in _tests(statement) for key in atoms(test))

    @cached_property
    def tested(self) -> frozenset[str]:
        """Names and dotted paths that some test asks about: their constants are remembered."""
        return frozenset(self._tests)

    def repeated(self, key: str) -> bool:
        """Whether a test stands in the body more than once, so that its outcome is worth remembering: each time it is
        asked it is answered alike."""
        return self._tests[key] > 1 and not ("(" in key and words().of_moving_on.search(key))

    @cached_property
    def iterated(self) -> frozenset[str]:
        """Names that something goes over, and that never shrink: that they are not empty is remembered."""
        over = [elements(n.iter) for n in self._nodes if type(n) in (cst.For, cst.CompFor)]  # type: ignore[attr-defined]
        calls = (n.func for n in self._nodes if over and type(n) is cst.Call and type(n.func) is cst.Attribute)
        shrunk = {dotted(func.value) for func in calls if func.attr.value in words().shrinks}
        return frozenset(node.value for node in over if isinstance(node, cst.Name)) - shrunk

    @cached_property
    def takers(self) -> frozenset[tuple[str, str]]:
        """What is asked to take something, and by which method: `self.pool` and `putconn`."""
        calls = (n for n in self._nodes if type(n) is cst.Call and n.args)
        funcs = (call.func for call in calls if type(call.func) is cst.Attribute)
        return frozenset((dotted(func.value) or "", func.attr.value) for func in funcs)

    @cached_property
    def cleanup(self) -> frozenset[str]:
        """Names read in handlers and `finally` blocks, where they may be unbound."""
        found: set[str] = set()
        for node in self._nodes:
            if type(node) in _CLEANUP:
                nodes = list(walk(node.body))  # type: ignore[attr-defined]
                over = (n.target for n in nodes if type(n) is cst.CompFor)  # which only their own expressions see
                inner = {n.value for target in over for n in walk(target) if type(n) is cst.Name}
                found.update({n.value for n in nodes if type(n) is cst.Name} - inner)
            if not found.isdisjoint(_NAMESPACES):  # `if "conn" in locals():`
                found.update(text for n in walk(node) if (text := string_value(n)))
        return frozenset(found)


@remembered(1024)
def names_in(function: cst.FunctionDef, bindings: Bindings) -> Names:
    """Those of a function: the same as long as nobody changes its text."""
    return Names(function.body.body, bindings)


_TESTING = frozenset(
    {cst.If, cst.While, cst.IfExp, cst.Assert, cst.CompIf, cst.BooleanOperation, cst.Assign, cst.Match}
)
_NAMESPACES = {"locals", "vars", "dir"}
_CLEANUP = frozenset({cst.ExceptHandler, cst.ExceptStarHandler, cst.Finally})


def _tests(body: cst.CSTNode) -> Iterator[cst.BaseExpression]:
    if type(body) in SCOPES:
        return
    for node in walk(body, same_scope):
        if type(node) not in _TESTING:
            continue
        if isinstance(node, (cst.If, cst.While, cst.IfExp, cst.Assert, cst.CompIf)):
            yield node.test
        elif isinstance(node, cst.BooleanOperation):
            yield node
        elif isinstance(node, cst.Assign) and isinstance(node.value, (cst.Comparison, cst.UnaryOperation)):
            yield node.value
        elif isinstance(node, cst.Match):
            yield node.subject


def atoms(test: cst.BaseExpression) -> Iterator[str]:
    """The keys of the simplest tests inside a test: `conn` for `conn`, `not conn`, `conn is None`, `conn != None`."""
    if isinstance(test, cst.BooleanOperation):
        yield from atoms(test.left)
        yield from atoms(test.right)
    elif isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        yield from atoms(test.expression)
    elif isinstance(test, cst.NamedExpr):
        yield from atoms(test.target)
    elif isinstance(test, cst.Comparison) and isinstance(test.comparisons[0].comparator, cst.Name) and (
        test.comparisons[0].comparator.value in ("None", "True", "False")
    ):  # fmt: skip
        yield key_of(test.left)
    else:
        yield key_of(test)
        if (asked := compared(test)) is not None:
            yield asked[0]


def key_of(test: cst.BaseExpression) -> str:
    """A name or dotted path as itself, anything else as its text; of a comparison and its negation the same."""
    if (asked := compared(test)) is not None:
        return key_of_compared(*asked)
    operator = _signs(test)
    if operator and isinstance(test, cst.Comparison):
        return f"{code(test.left)} {operator} {code(test.comparisons[0].comparator)}"
    return dotted(test) or code(test)


def key_of_compared(name: str, literals: tuple[object, ...]) -> str:
    """Of the test whether a variable is one of some literals."""
    return f"{name} == {' | '.join(sorted(map(repr, literals)))}"


def is_negated(test: cst.Comparison) -> bool:
    """Whether it is `!=` or `not in`, and nothing more."""
    return bool(_signs(test)) and isinstance(test.comparisons[0].operator, (cst.NotEqual, cst.NotIn))


def compared(test: cst.BaseExpression) -> tuple[str, tuple[object, ...]] | None:
    """A variable, and the literals of which a test asks whether it is one: `kind in ("a", "b")`, `kind != "a"`."""
    operator = _signs(test)
    if not operator or not isinstance(test, cst.Comparison) or not isinstance(test.left, cst.Name):
        return None
    right = test.comparisons[0].comparator
    several = operator == "in" and isinstance(right, (cst.Tuple, cst.List, cst.Set))
    nodes = [element.value for element in right.elements] if several else [right] if operator == "==" else []  # type: ignore[attr-defined]
    literals = [literal(node) for node in nodes]
    known = [each.value for each in literals if each is not None]
    return (test.left.value, tuple(known)) if known and len(known) == len(nodes) else None


def literal(node: cst.BaseExpression) -> Const | None:
    """A number or a text, as written; None for anything else."""
    if isinstance(node, cst.Integer):
        return Const(node.evaluated_value)
    text = string_value(node)
    return Const(text) if text is not None else None


def _signs(test: cst.BaseExpression) -> str:
    """`==` or `in`, if that is what a comparison of two asks, or its negation."""
    if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1:
        return ""
    operator = test.comparisons[0].operator
    if isinstance(operator, (cst.Equal, cst.NotEqual)):
        return "=="
    return "in" if isinstance(operator, (cst.In, cst.NotIn)) else ""
