"""What an object does with a connection that its constructor is given: use it, or answer for it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from leakcheck.flow.forwarding import forwards
from leakcheck.flow.owners import gives_itself_away
from leakcheck.flow.owning import ITSELF, REGISTERS, field_released_outside, release_by, releasing_methods
from leakcheck.flow.sharing import gives_the_same
from leakcheck.flow.state import Resource, Status
from leakcheck.flow.values import LITERALS, Bound
from leakcheck.models import Connection, Release
from leakcheck.project.syntax.bindings import pairs
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo
from leakcheck.project.syntax.walk import dotted, walk

if TYPE_CHECKING:
    from leakcheck.flow.outcomes import Summary
    from leakcheck.flow.resolve import Resolver
    from leakcheck.flow.summaries import Summaries

Ways = tuple[Release, ...]
_WITH_THE_CALLER = (Status.OPEN, Status.RESTING)


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

    def passes_on(self, cls: ClassInfo, parameter: str, spec: Connection) -> bool:
        """Whether an object stands for what it is given: it keeps that, and releases it when asked to."""
        init = self.resolver.method(cls, "__init__")
        fields: Iterable[str] = self._filled(cls, init, parameter) if init is not None and parameter else ()
        if parameter in self.resolver.arguments(cls):
            fields = (parameter,)
        return any(forwards(cls, field, spec, self.resolver) for field in fields)

    def may_raise(self, cls: ClassInfo, parameter: str, spec: Connection) -> bool:
        """Whether the constructor may well fail with it."""
        if self.resolver.constructor(cls) is None:
            return False
        summary = self._given_to(cls, parameter, spec)
        return summary is None or len(summary.returns) < len(summary.outcomes)

    def _given_to(self, cls: ClassInfo, parameter: str, spec: Connection) -> Summary | None:
        """What the constructor does with it."""
        init = self.resolver.method(cls, "__init__")
        return self._summaries.of(init, cls, (Bound(parameter, spec),)) if init is not None else None

    def _find(self, cls: ClassInfo, parameter: str, spec: Connection) -> Ways | None:
        if parameter in self.resolver.arguments(cls):
            return self.ways_of_field(cls, parameter, spec)
        init = self.resolver.method(cls, "__init__")
        if init is None or gives_itself_away(init) or not REGISTERS.isdisjoint(init.words):
            return None
        fates = self._fates(cls, parameter, spec)
        kept = [fate.how[5:] for fate in fates if _is_own_field(fate.how)]
        if not fates or len(kept) + sum(fate.status in _WITH_THE_CALLER for fate in fates) < len(fates):
            return None
        return self._of_fields(cls, list(dict.fromkeys((*kept, *self._filled(cls, init, parameter)))), spec)

    def ways_of_field(self, cls: ClassInfo, field: str, spec: Connection) -> Ways | None:
        """The same of what the object is given by somebody who sets the field: `store.conn = connect()`."""
        init = self.resolver.constructor(cls)
        if not self._summaries.owners.is_plain(cls) or gives_the_same(cls, self.resolver):
            return None
        if init is not None and not REGISTERS.isdisjoint(init.words):
            return None
        if found := self._of_fields(cls, [field], spec):
            self.answering[cls] = tuple(dict.fromkeys((*self.answering.get(cls, ()), *found)))
        return found

    def _of_fields(self, cls: ClassInfo, fields: list[str], spec: Connection) -> Ways | None:
        if any(field_released_outside(cls, field, spec, self.resolver) for field in fields):
            return None
        methods = self._releasing(cls, fields, spec, surely=True)
        if methods.keys() != self._releasing(cls, fields, spec).keys():
            return None  # a helper may release it, going by its name: enough for doubt, not for a release
        if methods:
            self._summaries.owners.fields[cls] = frozenset(fields)
        return None if methods.keys() & ITSELF else tuple(map(release_by, methods.values()))

    def _releasing(
        self, cls: ClassInfo, fields: list[str], spec: Connection, surely: bool = False
    ) -> dict[str, FunctionInfo]:
        """The methods that release what one of the fields holds."""
        return {m.name: m for field in fields for m in releasing_methods(cls, field, spec, self.resolver, surely)}

    def _fates(self, cls: ClassInfo, parameter: str, spec: Connection) -> list[Resource]:
        """What becomes of it where the constructor ends normally."""
        summary = self._given_to(cls, parameter, spec)
        ends = summary.returns if summary is not None else []
        return [fate for end in ends for name, fate, _ in end.parameters if name == parameter]

    def _filled(self, cls: ClassInfo, made_by: FunctionInfo, parameter: str) -> Iterator[str]:
        """The fields in which the constructors of a class and its bases may put what is given as the parameter."""
        for owner in self.resolver.ancestors(cls):
            init = owner.methods.get("__init__") if isinstance(owner, ClassInfo) else None
            if init is not None:
                others = _other_parameters(init, parameter) if init is made_by else frozenset()  # a base has its own
                others |= LITERALS.keys()
                assigned = (n for n in walk(init.node.body) if isinstance(n, cst.Assign))
                yield from (path[5:] for node in assigned for path in _named(node, others) if _is_own_field(path))


def _other_parameters(init: FunctionInfo, parameter: str) -> frozenset[str]:
    """The names that stand for another parameter all the way."""
    names = (p.name.value for p in init.parameters)
    return frozenset(name for name in names if name != parameter and name not in init.bindings.assigned)


def _named(node: cst.Assign, others: Collection[str]) -> Iterator[str]:
    """The targets of an assignment that get what a name beside these may stand for."""
    for target in node.targets:
        for part, given in pairs(target.target, node.value):
            if any(isinstance(each, cst.Name) and each.value not in others for each in _values(given)):
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
