"""The pool or engine that a connection comes from, by the calls that may have built it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import libcst as cst

from leakcheck.checks.assigned import followed, latest
from leakcheck.checks.constructors import Built, Constructors
from leakcheck.checks.pool_keys import has_pool_of_its_own, receiver
from leakcheck.flow.core import Site
from leakcheck.flow.values import Function
from leakcheck.project.module import FunctionInfo, Module

_DEPTH = 4  # of names, makers of sessions and functions of the project followed
_SERVERS = re.compile(r"postgres|mysql|mariadb|oracle|mssql|psycopg", re.IGNORECASE)


class Engines:
    """For one project."""

    def __init__(self, constructors: Constructors) -> None:
        self.constructors, self.resolver = constructors, constructors.resolver

    def is_bounded(self, site: Site, function: FunctionInfo | None, module: Module) -> bool:
        """Whether the pool may run empty: a server's, as far as is known, that keeps its connections."""
        if function is not None and only_sqlite(function):
            return False
        built = self._built(site, function, module)
        return not built or not all(each.keeps_nothing or each.is_embedded for each in built)

    def is_private(self, site: Site, function: FunctionInfo | None, module: Module) -> bool:
        """Whether the pool is built in the function that uses it: no other thread takes from it."""
        if function is None:
            return False
        built = self._built(site, function, module)
        return all(each.function is function for each in built) if built else self._is_made_here(site, function)

    def _is_made_here(self, site: Site, function: FunctionInfo) -> bool:
        """`db = Database(url)`, whose objects build a pool each."""
        node = site.node.func if isinstance(site.node, cst.Call) else site.node
        while isinstance(node, cst.Attribute):
            node = node.value
        made = latest(node, site.node, function.node.body) if isinstance(node, cst.Name) else node
        return isinstance(made, cst.Call) and has_pool_of_its_own(made, function, function.module, self.resolver)

    def _built(self, site: Site, function: FunctionInfo | None, module: Module) -> list[Built]:
        node = receiver(site) if not site.wrappers else None
        return list(self._behind(node, function, module, _DEPTH)) if node is not None else []

    def _behind(
        self, node: cst.BaseExpression, function: FunctionInfo | None, module: Module, depth: int
    ) -> Iterator[Built]:
        """The constructions that a name, a maker of sessions or a call of the project may stand for."""
        if depth <= 0:
            return
        if isinstance(node, cst.Await):
            node = node.expression
        if not isinstance(node, cst.Call):
            for value, scope, where in followed(node, function, module, self.resolver.project):
                yield from self._behind(value, scope, where, depth - 1)
        elif built := self.constructors.built(node, function, module):
            yield built
        elif isinstance(callee := self.resolver.static(node.func, function, module), Function):
            for value in callee.info.returned:
                yield from self._behind(value, callee.info, callee.info.module, depth - 1)
        else:
            for argument in node.args:  # `sessionmaker(bind=engine)`
                yield from self._behind(argument.value, function, module, depth - 1)


def only_sqlite(function: FunctionInfo) -> bool:
    """Whether the text around a function, or what its class or file is called, is about SQLite and about no server."""
    file = os.path.basename(function.module.filename)
    named = (file, function.cls.name if function.cls else "")
    text = function.chunk.statement.text
    about = "PRAGMA" in text or any("sqlite" in name.lower() for name in named)
    return about and not any(_SERVERS.search(part) for part in (text, *named))
