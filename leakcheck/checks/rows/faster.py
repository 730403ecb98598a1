"""Which form sends many rows at a time, by the library of the object that executes."""

from __future__ import annotations

import re

import libcst as cst

from leakcheck.checks.assigned import assigned, bound
from leakcheck.checks.sql import Statement
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.values import Instance, Symbol, Value
from leakcheck.models import Driver
from leakcheck.patterns import pattern
from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.words import words

_CLOSING = (Symbol("contextlib.closing"), Symbol("contextlib.aclosing"))
_DEPTH = 3  # of objects that others made: a cursor, its connection, and the pool of that
_PLAIN, _ANSWERING = "one statement for many rows", "one statement for many rows, which returns as many answers"
_UPSERT = pattern(r"\bON\s+(?:CONFLICT|DUPLICATE)\b|\bOR\s+(?:REPLACE|IGNORE)\b", re.IGNORECASE)
_BEHIND = pattern(  # a value of the row's behind `VALUES (…)`: in what is done with a row that is there already
    r"\bON\s+(?:CONFLICT|DUPLICATE)\b.*(?:%s|%\(\w+\)s|\?|(?<!:):\w+|\$\d)", re.IGNORECASE | re.DOTALL
)
_EXCEPTION = pattern(r"\.(?:exceptions?|errors?|exc)\b|(?:Error|Exception|Violation)$")


class Faster:
    """For one function, or a module's top level."""

    def __init__(self, function: FunctionInfo | None, module: Module, resolver: Resolver) -> None:
        self.function, self.module, self.resolver = function, module, resolver
        self.drivers, self._library = resolver.catalogue.drivers, resolver.catalogue.library

    def driver(self, node: cst.Call) -> Driver | None:
        """The library whose object makes a call of `execute`, where that is known."""
        return self._of_statement(node) or self._of_owner(node, _DEPTH) or self._imported()

    def _of_statement(self, node: cst.Call) -> Driver | None:
        """`text("UPDATE …")`, `insert(users)`: whoever makes the statement runs it."""
        made = node.args[0].value if node.args else node
        values = [made] if isinstance(made, cst.Call) else assigned(made, self.function, self.module)
        for value in values:
            callee = self._static(value.func) if isinstance(value, cst.Call) else None
            if isinstance(callee, Symbol) and (driver := self._library(callee.name)):
                return driver
        return None

    def _of_owner(self, node: cst.BaseExpression, depth: int) -> Driver | None:
        """By what the method belongs to; a cursor by the connection that made it."""
        if isinstance(node, cst.Await):
            return self._of_owner(node.expression, depth)
        owner = node.func.value if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) else None
        if owner is None or depth <= 0:
            return None
        if known := self._typed(owner):
            return known
        made = [owner] if isinstance(owner, cst.Call) else list(bound(owner, self.function, self.module))
        found = (self._typed(value) or self._of_owner(value, depth - 1) for value in map(self._closed, made))
        return next(filter(None, found), None)

    def _closed(self, node: cst.BaseExpression) -> cst.BaseExpression:
        """What `closing(…)` closes."""
        closes = isinstance(node, cst.Call) and self._static(node.func) in _CLOSING
        return node.args[0].value if closes and isinstance(node, cst.Call) and node.args else node

    def _typed(self, node: cst.BaseExpression) -> Driver | None:
        value = self._static(node)
        if spec := self.resolver.connection_type(value):
            named = self._library(spec.type) if spec.type else None  # a pool's connections are another library's
            return named or next((d for d in self.drivers if d.library == spec.library and d.imports), None)
        return self._library(value.type) if isinstance(value, Instance) and isinstance(value.type, str) else None

    def _static(self, node: cst.BaseExpression) -> Value:
        return self.resolver.static(node, self.function, self.module)

    def _imported(self) -> Driver | None:
        """The library that the module imports more of than exceptions, or one that its own names allude to:
        the project's modules for a library tend to have its name, `vectors.cassandra.index`. It only counts for
        libraries without a statement for many rows: whatever else executes, such a statement helps."""
        names = [name for name in (self.module.name, *self.module.imports.values()) if not _EXCEPTION.search(name)]
        parts = {part for name in names for part in name.split(".")}
        tops = [(driver, top) for driver in self.drivers if driver.single_rows for top in driver.imports]
        imported = (driver for driver, top in tops if any(f"{name}.".startswith(f"{top}.") for name in names))
        alluded = (driver for driver, top in tops if top.partition(".")[0] in parts)
        return next(imported, None) or next(alluded, None)


def advice(driver: Driver | None, statement: Statement, batch: int) -> str:
    """What to use, and how many rows at a time."""
    said = _form(driver, statement)
    counted = said.replace("many rows", f"{batch} rows").replace("list of rows", f"list of {batch} rows")
    return f"use {counted}" + f", {batch} rows at a time" * (counted == said)


def _form(driver: Driver | None, statement: Statement) -> str:
    """What to recommend instead of `execute`: true of any library, unless one is known."""
    forms = driver.bulk_of if driver else {}
    if statement.returns:
        return forms.get("RETURNING", _ANSWERING)
    kind = _kind(statement)
    form = forms.get(kind) or (forms.get("UPSERT") if kind == "BEHIND" else None)
    return form or (driver.bulk if driver else "") or _PLAIN


def gains(driver: Driver | None, statement: Statement) -> bool:
    """Whether rows go faster together: new ones in one statement, others if the library sends many at a time."""
    if statement.verb not in words().adds:
        return driver is not None and driver.batches
    return not statement.asks or (driver is not None and "SELECT" not in driver.bulk_of)


def is_upsert(statement: Statement) -> bool:
    """Whether a row may be there already."""
    return _UPSERT.search(statement.text) is not None


def _kind(statement: Statement) -> str:
    """The verb, if one form serves all statements of it: rows that may be there already are another matter."""
    if statement.asks:
        return "SELECT"
    if statement.verb != "INSERT" or not is_upsert(statement):
        return statement.verb
    return "BEHIND" if _BEHIND.search(statement.text) else "UPSERT"
