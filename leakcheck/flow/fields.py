"""Which fields of a class keep the sessions that its objects are made with."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from leakcheck.flow.resolve import Resolver
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo
from leakcheck.project.syntax.walk import dotted, walk
from leakcheck.words import words


def session_fields(cls: ClassInfo, resolver: Resolver) -> tuple[str, ...]:
    """The fields that get a session when an object is made, by what the parameter is annotated with or called."""
    known, key = resolver.project.memo, (session_fields, cls)
    if key not in known:
        method = resolver.method(cls, "__init__")
        known[key] = tuple(_kept_by(method, resolver)) if method is not None else ()
    return known[key]  # type: ignore[return-value]


def _kept_by(method: FunctionInfo, resolver: Resolver) -> Iterator[str]:
    sessions = {p.name.value for p in method.parameters if _is_session(p, method, resolver)}
    for node in walk(method.node.body):
        targets = [t.target for t in node.targets] if isinstance(node, cst.Assign) else []
        targets += [node.target] if isinstance(node, cst.AnnAssign) else []
        if isinstance(node, (cst.Assign, cst.AnnAssign)) and isinstance(node.value, cst.Name):
            owners = [(dotted(t) or "").partition(".") for t in targets if node.value.value in sessions]
            yield from (field for owner, _, field in owners if owner == "self" and field)


def _is_session(parameter: cst.Param, method: FunctionInfo, resolver: Resolver) -> bool:
    known = resolver.connection_type(resolver.parameter(parameter, method))
    return known is not None or parameter.name.value in words().sessions
