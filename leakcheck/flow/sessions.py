"""Connections of somebody else that a session is made over: it checks out none of its own."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from leakcheck.flow.core import Argument
from leakcheck.flow.naming import Naming
from leakcheck.flow.values import UNKNOWN, Derived, Ref, Value
from leakcheck.models import Connection
from leakcheck.project.syntax.walk import terminal, unawaited

_CONNECTIONS = ("connection", "checkout")


class Sessions(Naming):
    """Which sessions work on a connection that they are given."""

    def over_given(self, spec: Connection, arguments: list[Argument]) -> Value | None:
        """What such a session is: something obtained from that connection; None if it checks out its own."""
        if spec.kind != "session":
            return None
        for argument in arguments:
            value = argument.value
            if isinstance(value, Ref):
                return Derived(value.rid)
            known = self.resolver.connection_type(value)
            if (known is not None and known.kind in _CONNECTIONS) or self._is_shared(spec, argument.node.value):
                return Derived(value.rid) if isinstance(value, Derived) else UNKNOWN
        return None

    def is_factory_over_given(self, produced: str, arguments: list[Argument]) -> bool:
        """Whether all sessions of a factory work on a connection it is given: `sessionmaker(bind=connection)`."""
        specs = self.catalogue.by_acquire.get(f"{produced}.__call__", ())
        return any(self.over_given(spec, arguments) is not None for spec in specs)

    def _is_shared(self, spec: Connection, node: cst.BaseExpression) -> bool:
        """Whether an argument is the connection of another session: `session.connection()`, or a name for it."""
        calls = (unawaited(each) for each in self._meant(node))
        return any(
            isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute) and terminal(call.func) in spec.shares
            for call in calls
        )

    def _meant(self, node: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
        """The expression, or what its function assigns to the name it is."""
        if isinstance(node, cst.Name) and self.function is not None:
            yield from self.function.bindings.assigned.get(node.value, ())
        else:
            yield node
