"""The pool or engine that a connection comes from, by the calls that may have built it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import libcst as cst

from leakcheck.checks.assigned import bound, entered, followed, latest
from leakcheck.checks.pools.constructors import Built, Constructors
from leakcheck.checks.pools.dialects import SERVERS
from leakcheck.checks.pools.keys import Key, has_pool_of_its_own, pool_key, receiver
from leakcheck.flow.sites import Site
from leakcheck.flow.values import Function
from leakcheck.project.syntax.module import FunctionInfo, Module

_DEPTH = 6  # of names, makers of sessions and functions of the project followed


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

    def is_file(self, site: Site, function: FunctionInfo | None, module: Module) -> bool:
        """Whether it is a file's, as its URL says that is written out: nobody's slot."""
        built = self._built(site, function, module)
        return bool(built) and all(each.is_file for each in built)

    def is_private(self, site: Site, function: FunctionInfo | None, module: Module) -> bool:
        """Whether the pool is built in the function that uses it: no other thread takes from it."""
        if function is None:
            return False
        built = self._built(site, function, module) if not site.wrappers else []
        return all(each.function is function for each in built) if built else self._is_made_here(site, function)

    def key(self, site: Site, function: FunctionInfo | None, module: Module) -> Key | None:
        """What two acquires from one pool have in common; None where each call builds another pool."""
        if site.wrappers and self._gives_another(site.wrappers[-1], _DEPTH):
            return None
        return pool_key(site, function, module, self.resolver)

    def _gives_another(self, function: FunctionInfo, depth: int) -> bool:
        """Whether all that a function returns is built, or comes from a pool that is built, by each of its calls."""
        given = function.returned if depth > 0 and not self.constructors.is_cached(function) else ()
        return bool(given) and all(self._is_another(value, function, depth) for value in given)

    def _is_another(self, node: cst.BaseExpression, function: FunctionInfo, depth: int) -> bool:
        if isinstance(node, cst.Name) and depth > 0:
            is_local = node.value in function.bindings.names
            values = list(bound(node, function, function.module)) if is_local else []
            return bool(values) and all(self._is_another(value, function, depth - 1) for value in values)
        if isinstance(node, (cst.Await, cst.Attribute)):
            return self._is_another(node.expression if isinstance(node, cst.Await) else node.value, function, depth)
        if not isinstance(node, cst.Call) or self.constructors.built(node, function, function.module):
            return isinstance(node, cst.Call)
        callee = self.resolver.static(node.func, function, function.module)
        if isinstance(callee, Function):
            return self._gives_another(callee.info, depth - 1)
        return any(self._is_another(part, function, depth) for part in (node.func, *(a.value for a in node.args)))

    def _is_made_here(self, site: Site, function: FunctionInfo) -> bool:
        """`db = Database(url)`, whose objects build a pool each."""
        node = site.node.func if isinstance(site.node, cst.Call) else site.node
        while isinstance(node, cst.Attribute):
            node = node.value
        made = latest(node, site.node, function.node.body) if isinstance(node, cst.Name) else node
        return isinstance(made, cst.Call) and has_pool_of_its_own(made, function, function.module, self.resolver)

    def _built(self, site: Site, function: FunctionInfo | None, module: Module) -> list[Built]:
        if site.wrappers:
            getter = site.wrappers[-1]
            return [b for value in getter.returned for b in self._behind(value, getter, getter.module, _DEPTH)]
        node = receiver(site)
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
            for value in entered(node, function):
                yield from self._behind(value, function, module, depth - 1)
        elif built := self.constructors.built(node, function, module):
            yield built
        elif isinstance(callee := self.resolver.static(node.func, function, module), Function):
            for value in callee.info.returned:
                yield from self._behind(value, callee.info, callee.info.module, depth - 1)
        else:
            func = node.func
            owner = (func.value,) if isinstance(func, cst.Attribute) else ()  # `engine.connect()`
            for part in (func, *owner, *(argument.value for argument in node.args)):  # `sessionmaker(bind=engine)`
                yield from self._behind(part, function, module, depth - 1)


def only_sqlite(function: FunctionInfo) -> bool:
    """Whether the text around a function, or what its class or file is called, is about SQLite and about no server."""
    file = os.path.basename(function.module.filename)
    named = (file, function.cls.name if function.cls else "")
    text = function.chunk.statement.text
    about = "PRAGMA" in text or any("sqlite" in name.lower() for name in named)
    return about and not any(SERVERS.search(part) for part in (text, *named))
