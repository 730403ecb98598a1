"""The calls that build pools and engines, with what their arguments say."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import libcst as cst

from leakcheck.catalogue import Catalogue
from leakcheck.checks.assigned import Value, assigned, followed, is_filled, latest
from leakcheck.checks.pools.dialects import is_told_embedded, names_server
from leakcheck.checks.pools.versions import fitting
from leakcheck.checks.sql import Reader
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.values import Function, Symbol
from leakcheck.models import Connection, Pool
from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.project.syntax.walk import dotted, same_scope, string_value, terminal, walk
from leakcheck.records import dataclass
from leakcheck.words import words

_DEPTH = 6  # of names, functions and formats followed to the text of a URL


@dataclass(frozen=True)
class Built:
    """One such call. `function` is where it stands; `keywords` is None where some of them are out of sight."""

    node: cst.Call
    pool: Pool
    function: FunctionInfo | None
    module: Module
    callee: str
    resolver: Resolver

    @cached_property
    def keywords(self) -> dict[str, cst.BaseExpression] | None:
        found: dict[str, cst.BaseExpression] = {}
        for argument in self.node.args:
            if argument.keyword is not None:
                found[argument.keyword.value] = argument.value
            elif argument.star == "**":
                options = self._options(argument.value)
                if options is None:
                    return None
                found.update(options)
        return found

    @property
    def seen(self) -> dict[str, cst.BaseExpression]:
        """The keywords in sight, even if there may be others."""
        if self.keywords is not None:
            return self.keywords
        return {a.keyword.value: a.value for a in self.node.args if a.keyword is not None}

    def _options(self, node: cst.BaseExpression) -> dict[str, cst.BaseExpression] | None:
        """`**options` of which a literal in sight is all there is, here or in another module of the project."""
        if isinstance(node, cst.Name) and self.function is not None:
            if any(parameter.name.value == node.value for parameter in self.function.parameters):
                return None
        return self._literal(node, self.function, self.module, _DEPTH)

    def _literal(
        self, node: cst.BaseExpression, function: FunctionInfo | None, module: Module, depth: int
    ) -> dict[str, cst.BaseExpression] | None:
        """The keys and values of a literal, also behind names that nothing is put into, and what a function returns."""
        if isinstance(node, cst.Call) and terminal(node.func) == "dict" and all(a.keyword for a in node.args):
            return {a.keyword.value: a.value for a in node.args if a.keyword}
        if isinstance(node, cst.Dict) and all(isinstance(e, cst.DictElement) for e in node.elements):
            keys = [(string_value(e.key), e.value) for e in node.elements if isinstance(e, cst.DictElement)]
            return {key: value for key, value in keys if key is not None}
        values: list[Value] = []
        if isinstance(node, cst.Call):
            callee = self.resolver.static(node.func, function, module)
            info = callee.info if isinstance(callee, Function) else None
            values = [(value, info, info.module) for value in info.returned] if info is not None else []
        elif not is_filled(terminal(node), module.source) and not _grows_in(function, dotted(node) or ""):
            values = followed(node, function, module, self.resolver.project)
            values = [value for value in values if not is_filled(terminal(node), value[2].source)]
        return self._literal(*values[0], depth - 1) if depth > 0 and len(values) == 1 else None

    def number(self, keyword: str, position: int = -1) -> int | None:
        """An argument's value; None if it is missing or not known to be a number."""
        node = self.seen.get(keyword)
        plain = [a for a in self.node.args if a.keyword is None and not a.star]
        if node is None and 0 <= position < len(plain):
            node = plain[position].value
        if isinstance(node, cst.Name):
            values = assigned(node, self.function, self.module)
            node = values[0] if len(values) == 1 else None
        return node.evaluated_value if isinstance(node, cst.Integer) else None

    def gives(self, keyword: str, position: int = -1) -> bool:
        """Whether the argument is passed at all."""
        plain = [a for a in self.node.args if a.keyword is None and not a.star]
        return keyword in self.seen or 0 <= position < len(plain)

    @property
    def _url(self) -> cst.BaseExpression | None:
        plain = [a.value for a in self.node.args if a.keyword is None and not a.star]
        return plain[0] if plain else self.seen.get("url")

    @cached_property
    def url(self) -> str | None:
        """The beginning of the URL, as far as it is constant; None if nothing is known of it, or if it may be one of a
        server as well as one of a database in the process."""
        node = self._url
        if isinstance(node, cst.Name) and self.function is not None:
            node = latest(node, self.node, self.function.node.body)
        text = self._beginning(node, self.function, self.module, _DEPTH) if node is not None else None
        if text is None or node is None or not text.startswith(self._embedded):
            return text
        return None if any(map(names_server, assigned(node, self.function, self.module))) else text

    def _beginning(
        self, node: cst.BaseExpression, function: FunctionInfo | None, module: Module, depth: int
    ) -> str | None:
        """Constant text, also behind names of other modules and functions of the project that return it."""
        if depth <= 0 or (text := Reader(function, module).beginning(node)) is not None:
            return text if depth > 0 else None
        if isinstance(node, cst.FormattedString) and isinstance(node.parts[0], cst.FormattedStringExpression):
            head = self._beginning(node.parts[0].expression, function, module, depth - 1)
            after = node.parts[1] if len(node.parts) > 1 else None
            return head + after.value if head and isinstance(after, cst.FormattedStringText) else head
        if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Add):
            return self._beginning(node.left, function, module, depth - 1)
        values = followed(node, function, module, self.resolver.project)
        if isinstance(node, cst.Call):
            callee = self.resolver.static(node.func, function, module)
            info = callee.info if isinstance(callee, Function) else None
            values = [(value, info, info.module) for value in info.returned] if info is not None else []
            if f".{dotted(node.func)}".endswith(tuple(f".{name}" for name in words().urls)):
                given = [a.value for a in node.args if a.keyword is None or a.keyword.value == "drivername"]
                values = [(value, function, module) for value in given[:1]]
        found = (self._beginning(*value, depth - 1) for value in values)
        return next((text for text in found if text is not None), None)

    @cached_property
    def specs(self) -> tuple[Connection, ...]:
        """The models of what it gives."""
        callee = self.resolver.static(self.node.func, self.function, self.module)
        return tuple(self.resolver.catalogue.by_acquire.get(self.resolver.callee_name(callee) or "", ()))

    @property
    def is_collected(self) -> bool:
        """Whether garbage collection closes it sooner or later: what a failure leaves open does not stay so."""
        return bool(self.specs) and all(spec.gc in ("refcount", "cycle") for spec in self.specs)

    @cached_property
    def advised(self) -> Pool:
        """What is known of the pool, with the keywords that fit the version and the database."""
        is_known = self.url is not None or self.told is False
        return fitting(self.pool, self.resolver.project, self.module, is_known)

    @cached_property
    def told(self) -> bool | None:
        """Whether the tests around it say that its database is one in the process, or that it is none."""
        body = self.function.node.body if self.function else self.module.chunk_of(self.node).tree
        return is_told_embedded(self.node, body, self._embedded)

    @property
    def _embedded(self) -> tuple[str, ...]:
        return self.pool.embedded or ("sqlite:",)

    @property
    def is_embedded(self) -> bool:
        """A database in the process, by its URL, the tests around it or an argument that only SQLite has."""
        if self.told or (self.url is not None and self.url.startswith(self._embedded)):
            return True
        parts = list(walk(self.node, lambda n: not isinstance(n, (cst.IfExp, cst.Comparison))))
        if any(isinstance(n, cst.Name) and "sqlite" in n.value.lower() for n in parts):
            return True  # `creator=sqlite_connection`
        return any(isinstance(n, cst.SimpleString) and "check_same_thread" in n.value for n in walk(self.node))

    @property
    def is_file(self) -> bool:
        """Whether its URL is written out, and can be no server's: what settings say may be another one."""
        node = self._url
        values: list[Value] = [] if node is None else [(node, self.function, self.module)]
        if isinstance(node, (cst.Name, cst.Attribute)):
            values = followed(node, self.function, self.module, self.resolver.project)
        texts = [Reader(function, module).beginning(value) for value, function, module in values]
        return bool(texts) and all(text is not None and text.startswith(self._embedded) for text in texts)

    @property
    def keeps_nothing(self) -> bool:
        """NullPool, other kinds of pool with rules of their own, one around somebody else's connection, and a mock."""
        if not self.seen.keys().isdisjoint(self.pool.mock):
            return True
        creator = self.seen.get("creator")
        if isinstance(creator, cst.Lambda) and not isinstance(creator.body, cst.Call):
            return True
        if self.pool.pool_object in self.seen:
            return True
        chosen = self.seen.get(self.pool.pool_class)
        return chosen is not None and terminal(chosen) not in (*self.pool.usual, "None")


def _grows_in(function: FunctionInfo | None, name: str) -> bool:
    return function is not None and any(_grows(part, name) for part in walk(function.node.body))


def _grows(node: cst.CSTNode, name: str) -> bool:
    """Whether a statement puts into the dict of that name what cannot be told: `name[key] = …`, `name.update(…)`."""
    if isinstance(node, cst.AssignTarget) and isinstance(node.target, cst.Subscript):
        index = node.target.slice[0].slice
        known = isinstance(index, cst.Index) and string_value(index.value) is not None
        return dotted(node.target.value) == name and not known
    return isinstance(node, cst.Call) and dotted(node.func) in (f"{name}.update", f"{name}.setdefault")


class Constructors:
    """Finds them in a module, also behind functions of the project that only build and return one."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        catalogue: Catalogue = resolver.catalogue
        self.pools = catalogue.pools
        self.words = catalogue.pool_words
        self._words_in: dict[Module, frozenset[str]] = {}

    def words_in(self, module: Module) -> frozenset[str]:
        """The same with what a module calls them: `from sqlalchemy import create_engine as connect_to`."""
        if module not in self._words_in:
            named = (name for name, target in module.imports.items() if target.rpartition(".")[2] in self.words)
            self._words_in[module] = self.words.union(named)
        return self._words_in[module]

    def of(self, module: Module) -> Iterator[Built]:
        """Every call in a module that builds one."""
        names = self.words_in(module)
        for function in module.scopes(names):
            for node in walk(function.node.body, same_scope):
                if isinstance(node, cst.Call) and (built := self.built(node, function, module)):
                    yield built
        for chunk in module.mentioning(names):
            for node in walk(chunk.tree, same_scope) if chunk.kind in ("simple", "compound") else ():
                if isinstance(node, cst.Call) and (built := self.built(node, None, module)):
                    yield built

    def built(self, node: cst.Call, function: FunctionInfo | None, module: Module) -> Built | None:
        """The call as the construction of a pool, if it is one."""
        callee = self.resolver.static(node.func, function, module)
        name = self.resolver.callee_name(callee) or ""
        pool = self.pools.get(name) or self.pools.get(callee.name if isinstance(callee, Symbol) else "")
        if pool is None:
            return None
        built = Built(node, pool, function, module, dotted(node.func) or name, self.resolver)
        acquires = self.resolver.catalogue.by_acquire.get(name, ())
        is_pool = any(spec.kind in ("pool", "engine") for spec in acquires)
        return built if is_pool or built.gives(pool.size) else None  # `connect(pool_size=…)`

    def from_factory(self, node: cst.Call, function: FunctionInfo | None, module: Module) -> FunctionInfo | None:
        """The project's function that a call names, if it might build one."""
        callee = self.resolver.static(node.func, function, module)
        if not isinstance(callee, Function):
            return None
        return callee.info if callee.info.mentions(self.words_in(callee.info.module)) else None

    def is_cached(self, function: FunctionInfo) -> bool:
        """Whether a decorator keeps what a function returned for its next call."""
        last = ("*." + name.rpartition(".")[2] for name in function.decorators)
        return any("caches" in self.resolver.catalogue.function(name) for name in (*function.decorators, *last))
