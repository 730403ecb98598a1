"""LK104 for what an object keeps: its class gives a field's slot back, but only while the connection lives."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from leakcheck.flow.byname import BY_NAME
from leakcheck.flow.owning import field_released_outside, releases_field, subclasses
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.sites import Kept
from leakcheck.flow.values import Ref
from leakcheck.models import Connection
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo
from leakcheck.project.syntax.walk import dotted, walk


def guard(kept: Kept, cls: ClassInfo, resolver: Resolver) -> tuple[FunctionInfo, cst.BaseExpression] | None:
    """The test that a dropped connection fails, and without which no method of the class gives back what the field
    holds, with the method; None if something may."""
    spec = kept.site.spec
    if spec.kind != "checkout" or not spec.alive or not isinstance(kept.value, Ref):
        return None
    family = [*resolver.family(cls), *subclasses(cls)]
    methods = [method for owner in family for method in owner.methods.values()]
    if any(method.mentions(BY_NAME) for method in methods):
        return None
    field = _Field(f"self.{kept.field}", spec)
    guards: list[tuple[FunctionInfo, cst.BaseExpression]] = []
    for method in methods:
        if releases_field(method, kept.field, spec, resolver):
            found = field.guards(method)
            if not found:
                return None
            guards += [(method, test) for test in found]
    return guards[0] if guards and not field_released_outside(cls, kept.field, spec, resolver) else None


class _Field:
    """A path to a connection, and the words of its model."""

    def __init__(self, path: str, spec: Connection) -> None:
        self.path = path
        self._ways = {form.method for form in spec.release if form.on == "conn"}
        self._alive = {name.rstrip("()") for name in spec.alive}

    def guards(self, method: FunctionInfo) -> list[cst.BaseExpression]:
        """The tests of the connection's life around the releases in a method; none, if anything else may release it."""
        found: list[cst.BaseExpression] = []

        def is_outside(node: cst.CSTNode) -> bool:
            is_guard = isinstance(node, cst.If) and node.orelse is None and self._asks(node.test)
            if is_guard and any(self._is_release(part) for part in walk(node)):
                found.append(node.test)  # type: ignore[attr-defined]
                return False
            return True

        outside = list(walk(method.node.body, is_outside))
        only_asked = {id(part) for node in outside for part in self._asked(node)}
        mentions = (node for node in outside if isinstance(node, cst.Attribute) and dotted(node) == self.path)
        return found if all(id(node) in only_asked for node in mentions) else []

    def _asks(self, test: cst.BaseExpression) -> bool:
        """Whether a test holds only while the connection lives."""
        if isinstance(test, cst.BooleanOperation) and isinstance(test.operator, cst.And):
            return self._asks(test.left) or self._asks(test.right)
        asked = test.func if isinstance(test, cst.Call) else test
        return isinstance(asked, cst.Attribute) and asked.attr.value in self._alive and dotted(asked.value) == self.path

    def _is_release(self, node: cst.CSTNode) -> bool:
        return isinstance(node, cst.Attribute) and node.attr.value in self._ways and dotted(node.value) == self.path

    def _asked(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """What an expression or statement does not give to anybody: it tests it, binds it, uses one of its methods."""
        if isinstance(node, cst.Attribute) and node.attr.value not in self._ways:
            yield node.value
        elif isinstance(node, cst.AssignTarget):
            yield node.target
        elif isinstance(node, cst.Comparison):
            yield node.left
        elif isinstance(node, cst.UnaryOperation):
            yield node.expression
        elif isinstance(node, cst.If):
            yield node.test
