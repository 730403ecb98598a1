"""Engines in a field that the object's own methods dispose of after each use, or at the end of the block that they are
for: their pools keep nothing for a night."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from leakcheck.checks.pools.constructors import Built
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo
from leakcheck.project.syntax.walk import dotted, same_scope, walk

_BLOCK = {"__enter__": "__exit__", "__aenter__": "__aexit__"}


def is_emptied(built: Built, releases: frozenset[str]) -> bool:
    """Whether every method that uses the field disposes of the engine as well, or only methods that do so call it; or
    whether it is built where a block is entered, and disposed of where that is left."""
    builder = built.function
    fields = _fields(built) if builder is not None and builder.cls is not None else set()
    if builder is None or builder.cls is None or len(fields) != 1:
        return False
    (field,) = fields
    cls, disposals = builder.cls, {f"{field}.{release}" for release in releases}
    users = {name for name, method in cls.methods.items() if _uses(method, field, disposals)} - {builder.name}
    ends = _ending(cls, builder, disposals)
    if builder.name in _BLOCK and _BLOCK[builder.name] in ends:
        return True
    if _ends_with(builder, built.node, disposals | {f"self.{name}" for name in ends}):
        ends.add(builder.name)
    done = users or ends & {builder.name}
    return bool(done) and all(name in ends or _is_covered(name, cls, ends) for name in users)


def _fields(built: Built) -> set[str]:
    """`self.engine` of `self.engine = create_engine(url)`, also by way of a name."""
    assert built.function is not None
    assigns = [n for n in walk(built.function.node.body, same_scope) if isinstance(n, cst.Assign)]
    names = {dotted(t.target) for n in assigns if n.value is built.node for t in n.targets}
    names |= {dotted(t.target) for n in assigns if dotted(n.value) in names - {None} for t in n.targets}
    return {name for name in names if name and name.startswith("self.")}


def _ending(cls: ClassInfo, builder: FunctionInfo, disposals: set[str]) -> set[str]:
    """The methods that dispose of it, or call one that does: what builds another one first may do so with the last."""
    found: set[str] = set()
    size = -1
    while size != len(found):
        size = len(found)
        wanted = disposals | {f"self.{name}" for name in found}
        found |= {name for name, method in cls.methods.items() if not wanted.isdisjoint(_called(method))}
        found.discard(builder.name)
    return found


def _ends_with(builder: FunctionInfo, node: cst.Call, disposals: set[str]) -> bool:
    """Whether the method that builds it also disposes of it, later on."""
    parts = list(walk(builder.node.body, _is_regular))
    after = parts[parts.index(node) :] if any(part is node for part in parts) else []
    return any(isinstance(part, cst.Call) and dotted(part.func) in disposals for part in after)


def _is_covered(name: str, cls: ClassInfo, ends: set[str]) -> bool:
    callers = {other for other, method in cls.methods.items() if f"self.{name}" in _called(method)}
    return bool(callers) and callers <= ends


def _called(method: FunctionInfo) -> Iterator[str]:
    """What it calls, but for an exception."""
    calls = (n for n in walk(method.node.body, _is_regular) if isinstance(n, cst.Call))
    return (name for call in calls if (name := dotted(call.func)))


def _is_regular(node: cst.CSTNode) -> bool:
    return same_scope(node) and not isinstance(node, cst.ExceptHandler)


def _uses(method: FunctionInfo, field: str, disposals: set[str]) -> bool:
    """Whether it does anything with it but set it and dispose of it."""
    parts = list(walk(method.node.body))
    others = {id(t.target) for n in parts if isinstance(n, cst.Assign) for t in n.targets}
    others |= {id(n.value) for n in parts if isinstance(n, cst.Attribute) and dotted(n) in disposals}
    return any(isinstance(n, cst.Attribute) and dotted(n) == field and id(n) not in others for n in parts)
