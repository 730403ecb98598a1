"""What an object does with a connection that its constructor is given: use it, or answer for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from leakcheck.flow.owners import gives_itself_away
from leakcheck.flow.owning import REGISTERS, field_released_outside, release_by, releasing_methods
from leakcheck.flow.state import Resource, Status
from leakcheck.models import Connection, Release
from leakcheck.project.syntax.bindings import pairs
from leakcheck.project.syntax.module import ClassInfo
from leakcheck.project.syntax.walk import dotted, walk

if TYPE_CHECKING:
    from leakcheck.flow.resolve import Resolver
    from leakcheck.flow.summaries import Summaries, Summary

Ways = tuple[Release, ...]
_WITH_THE_CALLER = (Status.OPEN, Status.RESTING)
_ITSELF = frozenset({"__del__", "__init__", "__new__"})


class Taking:
    """Answers for one project."""

    def __init__(self, resolver: Resolver, summaries: Summaries) -> None:
        self.resolver, self._summaries = resolver, summaries
        self._ways: dict[tuple[ClassInfo, str, Connection], Ways | None] = {}
        self.answering: dict[ClassInfo, Ways] = {}  # classes whose objects release what they are given

    def ways(self, cls: ClassInfo, parameter: str, spec: Connection) -> Ways | None:
        """The ways in which the object releases it; none at all if it only uses it; None if somebody else may."""
        key = (cls, parameter, spec)
        if key not in self._ways:
            self._ways[key] = None  # while it is being found: recursion ends here
            with self._summaries.afresh():
                self._ways[key] = found = self._find(cls, parameter, spec)
            if found:
                self.answering[cls] = tuple(dict.fromkeys((*self.answering.get(cls, ()), *found)))
        return self._ways[key]

    def may_raise(self, cls: ClassInfo, parameter: str, spec: Connection) -> bool:
        """Whether the constructor may well fail with it."""
        summary = self._given_to(cls, parameter, spec)
        return summary is None or len(summary.returns) < len(summary.outcomes)

    def _given_to(self, cls: ClassInfo, parameter: str, spec: Connection) -> Summary | None:
        """What the constructor does with it."""
        init = self.resolver.method(cls, "__init__")
        return self._summaries.of(init, cls, ((parameter, spec, False),)) if init is not None else None

    def _find(self, cls: ClassInfo, parameter: str, spec: Connection) -> Ways | None:
        init = self.resolver.method(cls, "__init__")
        if init is None or gives_itself_away(init) or not REGISTERS.isdisjoint(init.words):
            return None
        fates = self._fates(cls, parameter, spec)
        kept = [fate.how[5:] for fate in fates if _is_own_field(fate.how)]
        if not fates or len(kept) + sum(fate.status in _WITH_THE_CALLER for fate in fates) < len(fates):
            return None
        fields = list(dict.fromkeys((*kept, *self._filled(cls))))
        if any(field_released_outside(cls, field, spec, self.resolver) for field in fields):
            return None
        methods = {m.name: m for field in fields for m in releasing_methods(cls, field, spec, self.resolver)}
        if methods:
            self._summaries.owners.fields[cls] = frozenset(fields)
        return None if methods.keys() & _ITSELF else tuple(map(release_by, methods.values()))

    def _fates(self, cls: ClassInfo, parameter: str, spec: Connection) -> list[Resource]:
        """What becomes of it where the constructor ends normally."""
        summary = self._given_to(cls, parameter, spec)
        ends = summary.returns if summary is not None else []
        return [fate for end in ends for name, fate, _ in end.parameters if name == parameter]

    def _filled(self, cls: ClassInfo) -> Iterator[str]:
        """The fields in which the constructors of a class and its bases may put what they are given."""
        for owner in self.resolver.ancestors(cls):
            init = owner.methods.get("__init__") if isinstance(owner, ClassInfo) else None
            assigned = (n for n in walk(init.node.body) if isinstance(n, cst.Assign)) if init is not None else ()
            yield from (path[5:] for node in assigned for path in _named(node) if _is_own_field(path))


def _named(node: cst.Assign) -> Iterator[str]:
    """The targets of an assignment that get what a name may stand for."""
    for target in node.targets:
        for part, given in pairs(target.target, node.value):
            if any(isinstance(each, cst.Name) for each in _values(given)):
                yield dotted(part) or ""


def _is_own_field(path: str) -> bool:
    return path.startswith("self.") and "." not in path[5:]


def _values(node: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """The expressions of which one is the value."""
    if isinstance(node, cst.BooleanOperation):
        yield from (*_values(node.left), *_values(node.right))
    elif isinstance(node, cst.IfExp):
        yield from (*_values(node.body), *_values(node.orelse))
    else:
        yield node
