"""Engines of a file that is run for its own statements: these work with them, one after the other, and end."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from leakcheck.checks.pools.constructors import Built
from leakcheck.checks.pools.fates import Fates
from leakcheck.checks.pools.trails import bindings
from leakcheck.checks.purpose import is_only_in
from leakcheck.checks.scripts import goes_on
from leakcheck.flow.values import Class, Function
from leakcheck.project.syntax.module import Chunk, FunctionInfo
from leakcheck.project.syntax.walk import SCOPES, children, terminal, walk
from leakcheck.words import words


def is_for_the_lines(built: Built, fates: Fates) -> bool:
    """Whether a file's own statements work with an engine, also by functions of the file that they call, and nothing
    keeps it, or what it gives, for later: the engine has done its work when the last of them is run."""
    if built.function is not None:
        return False
    lines = Lines(built, fates)
    return lines.are_all() and lines.work() and lines.keep_nothing() and lines.are_alone()


class Lines:
    """The statements and functions of a file that mention an engine, or what comes from it, by their names for it."""

    def __init__(self, built: Built, fates: Fates) -> None:
        self.built, self.fates, self.module = built, fates, built.module
        self.users = [self.module.chunk_of(built.node)]
        self.names: set[str] = set()
        self._follow()

    def _follow(self) -> None:
        size = -1
        while size != len(self.users) + len(self.names):
            size = len(self.users) + len(self.names)
            self.users += [c for c in self.module.chunks if c not in self.users and not self.names.isdisjoint(c.words)]
            for chunk in self.users:
                self.names |= {target.value for target in self._bound(chunk) if isinstance(target, cst.Name)}
                self.names |= {chunk.name} if chunk.kind == "function" else set()

    def _bound(self, chunk: Chunk) -> Iterator[cst.BaseExpression]:
        return (target for target, value in bindings(_body(chunk)) if self._holds(value))

    def _holds(self, node: cst.CSTNode) -> bool:
        """Whether the engine, or what comes from it, may be in a value: what pandas reads holds no connection."""
        if node is self.built.node or (isinstance(node, cst.Name) and node.value in self.names):
            return True
        if isinstance(node, cst.Call) and self._kinds(node) & {"borrows", "takes"}:
            return False
        parts = [node.value] if isinstance(node, (cst.Arg, cst.Attribute)) else children(node)
        return any(map(self._holds, parts))

    def _kinds(self, call: cst.Call) -> frozenset[str]:
        """What is known of its callee, if that opens nothing."""
        name = self.fates.resolver.callee_name(self.fates.resolver.static(call.func, None, self.module)) or ""
        return frozenset() if name in self.fates.catalogue.by_acquire else self.fates.kinds(name, call)

    def are_all(self) -> bool:
        """Whether those that mention it are statements, and plain functions that one of the others calls, and end."""
        if any(map(goes_on, self.users)):
            return False
        for chunk in self.users:
            if chunk.kind == "function":
                if not isinstance(chunk.info, FunctionInfo) or chunk.info.decorators:
                    return False
            elif chunk.kind not in ("simple", "compound"):
                return False
        functions = [chunk for chunk in self.users if chunk.kind == "function"]
        return all(any(f.name in user.words for user in self.users if user is not f) for f in functions)

    def work(self) -> bool:
        """Whether one asks the database for something, other than to have its tables: whoever builds an engine for
        others does that."""
        return any(self._works(node) for node in self._nodes() if isinstance(node, cst.Call))

    def _works(self, call: cst.Call) -> bool:
        if isinstance(call.func, cst.Attribute) and self._holds(call.func.value):
            return terminal(call.func) in words().connections
        is_given = any(self._holds(argument) for argument in call.args)
        return is_given and "takes" in self._kinds(call) and terminal(call.func) not in words().readies

    def keep_nothing(self) -> bool:
        """Whether it is put into no field or container, nor given to who may keep it, nor named for nobody in sight."""
        for chunk in self.users:
            if not all(isinstance(target, cst.Name) for target in self._bound(chunk)):
                return False
        for node in self._nodes():
            if isinstance(node, cst.Call) and any(map(self._holds, node.args)) and self._may_keep(node):
                return False
            if type(node) in SCOPES and any(map(self._holds, children(node))) and not self._is_own(node):
                return False  # a closure over it
        return True

    def _may_keep(self, call: cst.Call) -> bool:
        func = call.func
        if isinstance(func, cst.Attribute) and self._holds(func.value):
            return False  # `session.add(row)`
        callee = self.fates.resolver.static(func, None, self.module)
        if isinstance(callee, Class):
            return True
        if isinstance(callee, Function) and (callee.info.module is not self.module or goes_on(self.module)):
            return True  # who might go on and on
        is_made = self.fates.makes_maker(call, None, self.module)
        return not is_made and self.fates.keeps(call, None, self.module, self._holds)

    def are_alone(self) -> bool:
        """Whether each name for it is read here, and none by another file."""
        given = {t.value for c in self._statements() for t in self._bound(c) if isinstance(t, cst.Name)}
        targets = {id(t) for chunk in self._statements() for t, _ in bindings(_body(chunk))}
        read = {n.value for n in self._nodes() if isinstance(n, cst.Name) and id(n) not in targets}
        shared = given | {chunk.name for chunk in self.users if chunk.kind == "function"}
        return given <= read and all(is_only_in(self.module, n, self.fates.resolver.project) for n in shared)

    def _statements(self) -> Iterator[Chunk]:
        return (chunk for chunk in self.users if chunk.kind != "function")

    def _nodes(self) -> Iterator[cst.CSTNode]:
        return (node for chunk in self.users for node in walk(chunk.tree))

    def _is_own(self, node: cst.CSTNode) -> bool:
        """Whether it is a function of the file's own, and in no other."""
        return any(isinstance(c.info, FunctionInfo) and c.info.node is node for c in self.users)


def _body(chunk: Chunk) -> cst.CSTNode:
    """What a statement runs, or the call of a function."""
    return chunk.info.node.body if isinstance(chunk.info, FunctionInfo) else chunk.tree
