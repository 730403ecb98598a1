"""One file of Python: an outline of all of it, and LibCST trees of the column-0 statements somebody asked about."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import PurePath

import libcst as cst

from leakcheck.diagnostics import Span
from leakcheck.project.bindings import imported_names
from leakcheck.project.chunk import Chunk, blocks
from leakcheck.project.definitions import ClassInfo, FunctionInfo, Scope
from leakcheck.project.facts import import_statements
from leakcheck.project.neighbours import modules_named
from leakcheck.project.outline import outline, whole, words_of
from leakcheck.project.sketch import Place

__all__ = ["Chunk", "ClassInfo", "FunctionInfo", "Module", "Scope"]

_DEFINING = ("function", "class", "compound")
_GLOBAL = re.compile(r"\bglobal[ \t]([^\n]*)")
_DEF = re.compile(r"\bdef[ \t]+(\w+)")
_LONE_RETURN = re.compile(r"\r(?!\n)")  # a line end to Python, but not to regular expressions


class Module:
    """`imports` maps a bound name to the qualified name it stands for, as written (relative ones begin with dots)."""

    def __init__(self, source: str, filename: str, name: str, at_once: bool = False) -> None:
        self.source, self.filename, self.name = source, filename, name
        self.is_package = PurePath(filename).name == "__init__.py"
        self.error: cst.ParserSyntaxError | None = None  # of a statement that was parsed alone: perhaps cut wrongly
        divide = whole if at_once or _LONE_RETURN.search(source) else outline
        self.chunks = [Chunk(statement, self) for statement in divide(source)]
        self.imports: dict[str, str] = {}
        self.star_imports: list[str] = []
        self._defined: dict[str, Chunk] = {}
        self._assigned: dict[str, list[cst.BaseExpression]] = {}
        self._annotated: dict[str, cst.BaseExpression] = {}
        self._index()

    def keep_trees(self, earlier: Module) -> None:
        """Parse no statement again that an earlier version had. A tree serves once: its nodes have one place."""
        if earlier.error is not None:
            return
        known: dict[str, list[Chunk]] = {}
        for chunk in earlier._parsed_parts():
            known.setdefault(chunk.statement.text, []).append(chunk)
        for chunk in self.chunks:
            for part in chunk.parts if known else ():
                if same := known.get(part.statement.text):
                    part.keep_tree(same.pop())

    def _parsed_parts(self) -> Iterator[Chunk]:
        """The statements and methods that somebody asked about."""
        for chunk in self.chunks:
            parts = chunk.parts if "members" in chunk.__dict__ else (chunk,)
            yield from (part for part in parts if "tree" in part.__dict__)

    def _index(self) -> None:
        """Imports and definitions at once; assignments when they are asked for."""
        self._pending: list[Chunk] = []
        imports: list[str] = []
        for chunk in self.chunks:
            if chunk.name:
                self._defined[chunk.name] = chunk
            elif chunk.kind == "import":
                imports.append(chunk.statement.text)
            elif chunk.kind == "compound" and not chunk.words.isdisjoint({"import", "def", "class"}):
                self._index_compound(chunk)
            else:
                self._pending.append(chunk)
        self._index_imports(imports)

    def _index_imports(self, statements: list[str]) -> None:
        """Import statements read the same in every Python 3, so the standard library's faster parser serves."""
        try:
            parsed = ast.parse("\n".join(statements)).body
        except (SyntaxError, ValueError):
            return self._index_body([node for text in statements for node in cst.parse_module(text).body])
        for node in parsed:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self.imports[alias.asname or alias.name.partition(".")[0]] = (
                        alias.name if alias.asname else alias.name.partition(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom):
                base = "." * node.level + (node.module or "")
                for alias in node.names:
                    if alias.name == "*":
                        self.star_imports.append(base)
                    else:
                        self.imports[alias.asname or alias.name] = base + "." * (not base.endswith(".")) + alias.name
        return None

    def _index_compound(self, chunk: Chunk) -> None:
        self._index_body(chunk.tree.body)
        for definition in chunk.definitions:
            if definition.parent is None:
                self._defined.setdefault(definition.name, chunk)

    def _index_body(self, body: Sequence[cst.CSTNode]) -> None:
        for node in body:
            if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
                continue
            if isinstance(node, cst.SimpleStatementLine):
                self._index_body(node.body)
            elif isinstance(node, cst.BaseSmallStatement):
                self._index_small(node)
            else:
                for block in blocks(node):
                    self._index_body(block.body)

    def _index_small(self, node: cst.BaseSmallStatement) -> None:
        if isinstance(node, (cst.Import, cst.ImportFrom)):
            self.imports.update(imported_names(node, self.star_imports))
        elif isinstance(node, cst.Assign):
            for target in node.targets:
                if isinstance(target.target, cst.Name):
                    self._assigned.setdefault(target.target.value, []).append(node.value)
        elif isinstance(node, cst.AnnAssign) and isinstance(node.target, cst.Name):
            self._annotated[node.target.value] = node.annotation.annotation
            if node.value is not None:
                self._assigned.setdefault(node.target.value, []).append(node.value)

    # -- questions -------------------------------------------------------------------------------------------------

    def definition(self, name: str) -> FunctionInfo | ClassInfo | None:
        """The module-level function or class of that name; the last one counts."""
        chunk = self._defined.get(name)
        if chunk is None:
            return None
        if chunk.info is not None:
            return chunk.info
        return next((d for d in reversed(chunk.definitions) if d.parent is None and d.name == name), None)

    def defined_at(self, node: cst.CSTNode) -> FunctionInfo | ClassInfo | None:
        """The definition whose node this is."""
        chunk = self.chunk_of(node)
        return next((d for d in chunk.definitions if d.node is node), None)

    def assigned(self, name: str) -> list[cst.BaseExpression]:
        """The expressions assigned to a module-level name."""
        self._index_pending({name})
        return self._assigned.get(name, [])

    def annotation(self, name: str) -> cst.BaseExpression | None:
        """The annotation of a module-level name."""
        self._index_pending({name})
        return self._annotated.get(name)

    def assignments(self, mentioning: frozenset[str]) -> Iterable[tuple[str, list[cst.BaseExpression]]]:
        """Module-level names with what they are assigned, at least those whose statement mentions one of the words."""
        self._index_pending(mentioning)
        return self._assigned.items()

    def _index_pending(self, words: Iterable[str]) -> None:
        wanted = frozenset(words)
        rest = []
        for chunk in self._pending:
            if wanted.isdisjoint(chunk.words):
                rest.append(chunk)
            else:
                self._index_body(chunk.tree.body)
        self._pending = rest

    def mentioning(self, words: frozenset[str]) -> Iterator[Chunk]:
        """The statements and methods whose text holds one of the words, in source order."""
        for chunk in self.chunks:
            if not words.isdisjoint(chunk.words):
                if not words.isdisjoint(chunk.own_words):
                    yield chunk
                yield from (member for member in chunk.members if not words.isdisjoint(member.words))

    def scopes(self, words: frozenset[str], place: Place | None = None) -> Iterator[FunctionInfo]:
        """Every function and method that mentions one of the words; perhaps without those that use none in such a
        place."""
        for part in self._defining(words):
            if place is None or part.uses(words, place):
                found = (d for d in part.definitions if isinstance(d, FunctionInfo))
                yield from (function for function in found if not words.isdisjoint(function.words))

    def names_of_scopes(self, words: frozenset[str]) -> frozenset[str]:
        """At least the names of those functions, going by the text."""
        return frozenset(name for part in self._defining(words) for name in _DEF.findall(part.statement.text))

    def _defining(self, words: frozenset[str]) -> Iterator[Chunk]:
        """The parts with functions in whose text one of the words stands."""
        for chunk in self.chunks:
            if chunk.kind in _DEFINING and not words.isdisjoint(chunk.used):
                if not words.isdisjoint(chunk.own_words):
                    yield chunk
                yield from (member for member in chunk.members if not words.isdisjoint(member.words))

    def setting(self, name: str) -> Iterator[FunctionInfo]:
        """Functions that declare a name global, and may assign it."""
        if name in self._globals:
            for chunk in self.mentioning(frozenset({name})):
                found = chunk.definitions if "global" in chunk.words else ()
                yield from (d for d in found if isinstance(d, FunctionInfo) and name in d.bindings.outer)

    @cached_property
    def _globals(self) -> frozenset[str]:
        """The words in the lines that declare names global."""
        return words_of(" ".join(_GLOBAL.findall(self.source)))

    def classes(self, words: frozenset[str]) -> Iterator[ClassInfo]:
        """Every class whose text holds one of the words."""
        for chunk in self.chunks:
            if chunk.kind in _DEFINING and not words.isdisjoint(chunk.words):
                inside = (m for m in chunk.members if "class" in m.words and not words.isdisjoint(m.words))
                for part in (chunk, *inside):
                    yield from (d for d in part.definitions if isinstance(d, ClassInfo))

    @cached_property
    def words(self) -> frozenset[str]:
        return words_of(self.source)

    @cached_property
    def _import_statements(self) -> list[bytes]:
        return import_statements(self.source.encode("utf-8", "replace"))

    @cached_property
    def imported_words(self) -> frozenset[str]:
        """The words of all import statements."""
        return words_of(b"\n".join(self._import_statements).decode("utf-8", "replace"))

    @cached_property
    def imported_modules(self) -> tuple[str, ...]:
        """The absolute names of what may be a module in any import statement, those inside functions included."""
        names: dict[str, None] = {}
        for base, taken in (found for statement in self._import_statements for found in modules_named(statement)):
            names[base] = None
            names.update(dict.fromkeys(base + "." * (not base.endswith(".")) + name for name in taken))
        return tuple(self.absolute(name) for name in names)

    @cached_property
    def path(self) -> str:
        """The absolute path of the file."""
        return os.path.abspath(self.filename)

    def absolute(self, name: str) -> str:
        """The qualified name for an import as written here: leading dots resolved against this module."""
        level = len(name) - len(name.lstrip("."))
        if not level:
            return name
        parts = self.name.split(".")
        drop = level - 1 if self.is_package else level
        base = parts[: len(parts) - drop] if drop else parts
        return ".".join([*base, *filter(None, name[level:].split("."))])

    def chunk_of(self, node: cst.CSTNode) -> Chunk:
        """The parsed statement or method a node is part of."""
        return next(chunk for chunk in self._parsed_parts() if id(node) in chunk.node_ids)

    def span(self, node: cst.CSTNode) -> Span:
        """Where the node stands in the file."""
        where = self.chunk_of(node).place(node)
        start, end = where.start, where.end
        return Span(self.filename, start.line, start.column + 1, end.line, end.column + 1)
