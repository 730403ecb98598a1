"""Objects that pass on whatever they have no method for to what they keep: `__getattr__`."""

from __future__ import annotations

import libcst as cst

from leakcheck.flow.resolve import Resolver
from leakcheck.models import Connection
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo
from leakcheck.project.syntax.walk import dotted, walk

_WAYS = ("__getattr__", "__getattribute__")


def forwards(cls: ClassInfo, field: str, spec: Connection, resolver: Resolver) -> bool:
    """Whether the objects of a class release what a field holds when they are asked to, having no such method of
    their own."""
    methods = (resolver.method(cls, name) for name in _WAYS)
    if not any(method is not None and _passes_on(method, field) for method in methods):
        return False
    ends = (form.method for form in (*spec.release, *spec.wrong_release, *spec.soft_release) if form.on == "conn")
    return all(resolver.method(cls, name) is None for name in ends)


def _passes_on(method: FunctionInfo, field: str) -> bool:
    """`return getattr(self._conn, name)`, `object.__getattribute__(self._conn, name)`."""
    asked = [f"self.{field}", *(parameter.name.value for parameter in method.parameters[1:])]
    calls = (n for n in walk(method.node.body) if isinstance(n, cst.Call)) if field in method.words else ()
    return any([dotted(argument.value) for argument in call.args[:2]] == asked for call in calls)
