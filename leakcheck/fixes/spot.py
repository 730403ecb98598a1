"""What the rewrites beyond leaks know: a finding's expression in the syntax tree, and what surrounds it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import field
from functools import cached_property

from leakcheck.catalogue import Catalogue
from leakcheck.checks.pools.configured import Configured
from leakcheck.checks.pools.constructors import Built
from leakcheck.diagnostics import Diagnostic, Span
from leakcheck.fixes.imports import Imports
from leakcheck.fixes.scene import File
from leakcheck.fixes.syntax import LOOPS, SCOPES, Block, Function, inner
from leakcheck.fixes.text import Draft, Refused, has_comment, indentation, line_end
from leakcheck.flow.sites import Site
from leakcheck.models import Cursor
from leakcheck.records import dataclass
from leakcheck.settings import Settings


@dataclass(frozen=True)
class Surroundings:
    """What is known of a module besides its text: acquires, pools, cursors, options of pools, by their places."""

    catalogue: Catalogue
    settings: Settings
    sites: dict[Span, Site] = field(default_factory=dict)
    pools: dict[Span, Built] = field(default_factory=dict)
    cursors: dict[Span, Cursor] = field(default_factory=dict)
    configured: dict[Span, Configured] = field(default_factory=dict)


class Spot:
    """One finding. `node` is the expression it stands at."""

    def __init__(self, file: File, found: Diagnostic, around: Surroundings) -> None:
        self.file, self.tree, self.found, self.around = file, file.tree, found, around
        self.node = self.tree.at(found.span)
        self.statement = self.tree.statement(self.node)
        self.function: Function | None = self.tree.function(self.node)

    @property
    def scope(self) -> ast.AST:
        """The function, or the module."""
        return self.function or self.tree.module

    def block(self, statement: ast.stmt) -> Block:
        return self.tree.block(statement)

    @cached_property
    def loop(self) -> ast.For | ast.While:
        """The innermost loop around the finding, in the same function."""
        for up in self.tree.parents(self.node):
            if isinstance(up, (ast.For, ast.While)):
                return up
            if isinstance(up, (*SCOPES, *LOOPS)):
                break
        raise Refused("its loop was not found")

    def names(self) -> set[str]:
        """Every name that the function, or the module's top level, uses."""
        found = {n.id for n in ast.walk(self.scope) if isinstance(n, ast.Name)}
        return found | {n.arg for n in ast.walk(self.scope) if isinstance(n, ast.arg)}

    def fresh(self, *wishes: str) -> str:
        """A name that nothing here uses."""
        taken = self.names() | set(self.file.module.imports)
        for name in (*wishes, *(f"{wish}_" for wish in wishes)):
            if name not in taken:
                return name
        raise Refused("no name is free for what it needs")

    # -- text --------------------------------------------------------------------------------------------------------

    def draft(self) -> Draft:
        return Draft(self.tree.lines, self.file.strings, self.unit)

    @cached_property
    def unit(self) -> str:
        """What one level of indentation looks like here."""
        return self.tree.unit(self.statement)

    def imports(self, module: str) -> Imports:
        return Imports(self.tree, line_end(self.file.source), self.file.style, module)

    def indent(self, statement: ast.stmt) -> str:
        return indentation(self.tree.lines[statement.lineno - 1])

    def lines(self, statement: ast.stmt) -> range:
        """Its line numbers, decorators left out."""
        return range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)

    def flat(self, node: ast.expr) -> str:
        """The text of an expression on one line."""
        text = self.tree.text(node)
        if "\n" not in text and "\r" not in text:
            return text
        if has_comment(text):
            raise Refused("a comment would be lost")
        if isinstance(node, (ast.Tuple, ast.List)) and text[0] in "([":
            inside = ", ".join(self.flat(e) for e in node.elts) + ("," if len(node.elts) == 1 else "")
            return f"({inside})" if isinstance(node, ast.Tuple) else f"[{inside.rstrip(',')}]"
        if isinstance(node, ast.Dict) and all(node.keys):
            return "{" + ", ".join(f"{self.flat(k)}: {self.flat(v)}" for k, v in zip(node.keys, node.values, strict=True) if k) + "}"  # fmt: skip  # noqa: E501
        return ast.unparse(node)

    def laid_out(self, node: ast.expr, indent: str) -> list[str]:
        """The lines of an expression as they are, at another depth; none if that cannot be told."""
        first, *others = self.tree.text(node).splitlines()
        margin = indentation(self.tree.lines[(node.end_lineno or node.lineno) - 1])
        numbers = range(node.lineno + 1, (node.end_lineno or node.lineno) + 1)
        strange = any(line.strip() and not line.startswith(margin) for line in others)
        if strange or not others or others[-1].strip() not in tuple(")]}") or self.file.strings & {*numbers}:
            return []
        return [indent + first, *((indent + line.removeprefix(margin)).rstrip() for line in others)]

    def alone(self, *statements: ast.stmt) -> None:
        """Refuses statements that share a line with something else, or start inside of a string's lines."""
        for statement in statements:
            if not self.tree.alone(statement):
                raise Refused("several statements share a line")


def erase(draft: Draft, numbers: range) -> None:
    """Whole lines go, comments behind them too."""
    for number in numbers:
        draft.replace(number, 0, len(draft.line(number).rstrip("\r\n")), "")


def around(spot: Spot, node: ast.AST) -> Iterator[ast.AST]:
    """What encloses a node, up to its function."""
    for up in spot.tree.parents(node):
        if isinstance(up, SCOPES):
            return
        yield up


def stored(node: ast.AST) -> set[str]:
    """The names that a statement binds, nested functions left out."""
    return {n.id for n in inner(node) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}


def loaded(node: ast.AST) -> set[str]:
    """The names that it reads, nested functions included."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
