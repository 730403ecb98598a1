"""Rows of a session behind its commit: the next look at one asks the database again, on a connection of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from leakcheck.flow.resources import Resources
from leakcheck.flow.sites import Site
from leakcheck.flow.state import Resource, State, Status
from leakcheck.flow.values import Symbol
from leakcheck.models import Connection
from leakcheck.project.syntax.module import FunctionInfo
from leakcheck.project.syntax.remembered import remembered
from leakcheck.project.syntax.walk import terminal, walk

_PARTED = frozenset({"expunge", "expunge_all", "make_transient", "make_transient_to_detached"})
_SHARED = frozenset({"metadata", "registry"})  # attributes of every mapped class


class Rows(Resources):
    """Only of sessions whose block gives them back, and only what surely is a row of theirs."""

    def look_at_row(self, node: cst.Attribute, state: State) -> None:
        """`job.name`: wakes the session that has let its rows expire."""
        if self.function is None or not isinstance(node.value, cst.Name):
            return
        for rid in [rid for rid in state.resources if rid in self.entered]:
            resource, site = state.resources[rid], self.site_of(rid)
            if site.spec.expires and _has_ended(resource, site.spec):
                if self._is_row(node, node.value.value, site) and self._lets_expire(site):
                    site.looked_at = site.looked_at or node
                    self.used(rid, node, state)

    def _is_row(self, node: cst.Attribute, name: str, site: Site) -> bool:
        """Whether a column of a row of the session is read: no constant of its class, by the capitals."""
        function, column = self.function, node.attr.value
        assert function is not None
        if column.startswith("_") or column.isupper() or column in _SHARED or not _PARTED.isdisjoint(function.words):
            return False
        return id(node) not in _called(function.node.body) and name in _rows(function, site.name, site.spec)

    def _lets_expire(self, site: Site) -> bool:
        """Whether nothing says that it does not: neither its own arguments, nor those of what makes such sessions."""
        if site.wrappers or not isinstance(site.node, cst.Call) or self._is_told(site.node, site.spec):
            return False
        maker = self.resolver.static(site.node.func, self.function, self.module)
        if isinstance(maker, Symbol):
            return self.resolver.canonical(maker.name) == site.spec.type
        name = site.node.func.value if isinstance(site.node.func, cst.Name) else ""
        made = self.resolver.project.assigned(name, self.module)
        plain = all(isinstance(value, cst.Call) and not self._is_told(value, site.spec) for value, _ in made)
        return bool(made) and plain and all(".configure(" not in module.source for _, module in made)

    def _is_told(self, call: cst.Call, spec: Connection) -> bool:
        return any(a.star or (a.keyword is not None and a.keyword.value == spec.expires) for a in call.args)


def _has_ended(resource: Resource, spec: Connection) -> bool:
    """Whether it rests since a commit, or since the block of a transaction."""
    if resource.status is not Status.RESTING or resource.how != "soft":
        return False
    ended = resource.where.item if isinstance(resource.where, cst.WithItem) else resource.where
    return isinstance(ended, cst.Call) and terminal(ended.func) in ("commit", *spec.rests_after)


@remembered(256)
def _called(body: cst.CSTNode) -> frozenset[int]:
    """The ids of what is called: a method is no column."""
    return frozenset(id(node.func) for node in walk(body) if isinstance(node, cst.Call))


def _rows(function: FunctionInfo, session: str, spec: Connection) -> frozenset[str]:
    """The variables that surely hold rows of a session: what it has found, and what was added to it."""
    found = {
        name for name, values in function.bindings.assigned.items()
        if values and all(_is_found(value, session, spec) for value in values)
    }  # fmt: skip
    return frozenset(found.union(_added(function, session)))


def _added(function: FunctionInfo, session: str) -> Iterator[str]:
    for node in walk(function.node.body) if "add" in function.words else ():
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == "add":
            given = node.args[0].value if len(node.args) == 1 else None
            if isinstance(node.func.value, cst.Name) and node.func.value.value == session:
                if isinstance(given, cst.Name):
                    yield given.value


def _is_found(value: cst.BaseExpression, session: str, spec: Connection) -> bool:
    """`session.get(Job, 1)`, `session.query(Job).filter(…).first()`, `session.scalar(select(Job))`."""
    methods, arguments, root = _chain(value)
    if not isinstance(root, cst.Name) or root.value != session or not arguments or methods[0] not in spec.rows:
        return False
    if len(methods) == 1 and methods[0] != "scalar":
        return _is_model(arguments[0].value)
    if methods[-1] in spec.builds:
        return len(arguments) == 1 and _is_model(arguments[0].value)
    _, selected, select = _chain(arguments[0].value)
    selects = isinstance(select, cst.Name) and select.value == "select"
    return selects and len(selected) == 1 and _is_model(selected[0].value)


def _chain(node: cst.BaseExpression) -> tuple[list[str], Sequence[cst.Arg], cst.BaseExpression]:
    """The methods of a chain of calls, the last one first; what the first one is given; what it is called on."""
    methods: list[str] = []
    arguments: Sequence[cst.Arg] = ()
    while isinstance(node, cst.Call):
        arguments = node.args
        if not isinstance(node.func, cst.Attribute):
            return methods, arguments, node.func
        methods.append(node.func.attr.value)
        node = node.func.value
    return methods, arguments, node


def _is_model(node: cst.BaseExpression) -> bool:
    """Whether it is a class, by its name."""
    return isinstance(node, cst.Name) and node.value[:1].isupper() and not node.value.isupper()
