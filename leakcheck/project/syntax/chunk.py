"""A statement of a file as a LibCST tree, made when somebody asks about it; methods are apart from their class."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import libcst as cst
from libcst._position import CodeRange  # its public place imports much else

from leakcheck.patterns import pattern
from leakcheck.project.giving import Giver, aliases, givers, makers
from leakcheck.project.syntax.definitions import ClassInfo, FunctionInfo, Scope
from leakcheck.project.syntax.fields import assigned, stored
from leakcheck.project.syntax.index import Index
from leakcheck.project.syntax.light.text import parsed
from leakcheck.project.syntax.light.tree import light_module, light_places
from leakcheck.project.syntax.mentions import Mentions, mentions
from leakcheck.project.syntax.outline import Statement, methods, used_in, without, words_of
from leakcheck.project.syntax.sketch import Place, Sketch
from leakcheck.project.syntax.walk import children, walk

if TYPE_CHECKING:
    from leakcheck.project.syntax.module import Module

# What begins with a letter that must be there is found ten times as fast as what begins with a boundary.
DEF = pattern(r"def(?<!\wdef)[ \t]+(\w+)")
_GIVING = frozenset({"return", "yield"})
_FIRST = CodeRange((1, 0), (1, 0))  # of what only the standard library's parser understands
_AROUND = "class _:\n"  # a method is parsed as it is indented
_MANY = 40  # words: to split the text is faster than to look for each
_SETS = pattern(r"(?:[ \t]*@[^\n]*\n)*?[ \t]*@[\w.]+\.(?:setter|deleter)\b")


class Chunk:
    """A column-0 statement, or a method of a class at column 0, parsed when first asked for.

    The tree of a class has `pass` where its methods are: they are chunks of their own, for few of them matter.
    """

    def __init__(self, statement: Statement, module: Module, owner: Chunk | None = None) -> None:
        self.statement, self.module, self.owner = statement, module, owner
        self.kind, self.name = statement.kind, statement.name

    @cached_property
    def members(self) -> list[Chunk]:
        """The methods of a class."""
        return [Chunk(found, self.module, self) for found in methods(self.statement)] if self.kind == "class" else []

    @property
    def parts(self) -> list[Chunk]:
        """The chunk and its methods."""
        return [self, *self.members]

    def holds(self, words: frozenset[str]) -> bool:
        """Whether one of the words may be in the text: the quickest no."""
        text = self.statement.text
        return len(words) > _MANY or any(word in text for word in words)

    def having(self, words: frozenset[str]) -> list[Chunk]:
        """The parts in whose text one of the words stands, where one stands in the whole."""
        return list(map(self.parts.__getitem__, self._index.having(words))) if self.members else [self]

    @cached_property
    def _index(self) -> Index:
        """Of a class: what stands between its methods is its own."""
        stretches = [(0, 0)]
        for number, member in enumerate(self.members, 1):
            start = member.statement.start
            stretches += [(start, number), (start + len(member.statement.text), 0)]
        return Index(self.statement.text, stretches)

    @cached_property
    def words(self) -> frozenset[str]:
        """Those of the methods are among the class' own."""
        return words_of(self.statement.text)

    @cached_property
    def used(self) -> frozenset[str]:
        """Names that are called or read as an attribute: a smaller superset of what is acquired from."""
        return used_in(self.statement.text)

    @cached_property
    def own_words(self) -> frozenset[str]:
        """The words outside the methods."""
        return words_of(self.text) if self.members else self.words

    @cached_property
    def _parsed(self) -> tuple[str, list[int]]:
        """The text that is parsed, and which lines of the statement are left in it, where some are not."""
        if self.owner is not None:
            return _AROUND + self.statement.text, []
        if self.members:
            return without(self.statement, [member.statement for member in self.members])
        return self.statement.text, []

    @property
    def text(self) -> str:
        """What is parsed: of a class without its methods, of a method with a class around it."""
        return self._parsed[0]

    def _line(self, number: int) -> int:
        """The line of the file that is the tree's line of that number, from 1."""
        left = self._parsed[1]
        return self.statement.line + (left[number - 1] if left else number - 1 - (self.owner is not None))

    @cached_property
    def sketch(self) -> Sketch:
        self.module.sketched.append(self)
        return Sketch(self.text)

    def forget_sketch(self) -> None:
        """It can be made again; what was concluded from it for others stays."""
        self.__dict__.pop("sketch", None)
        self.__dict__.pop("mentions", None)

    def uses(self, words: frozenset[str], place: Place) -> bool:
        """Whether a statement there may call one of the names, or read it as an attribute."""
        return place.may_be_in(self.statement.text) and self.sketch.uses(words, place)

    @cached_property
    def stored(self) -> frozenset[str]:
        """Of a class that has a way to release what it keeps: the words in what it stores in its fields, at once or by
        way of a local name."""
        return stored(self.statement.text) if self.kind == "class" else frozenset()

    @cached_property
    def fields(self) -> frozenset[str]:
        """The names `x` of every `self.x = …` and `self.x: …` that may be in it."""
        return assigned(self.statement.text)

    @cached_property
    def givers(self) -> Sequence[Giver]:
        """The functions in it, by qualified name, with what they hand over; if it cannot be told, all they mention."""
        if _GIVING.isdisjoint(self.words):
            return ()
        if self.sketch.body is None:
            return [Giver(name, self.words) for name in DEF.findall(self.statement.text)]
        return list(givers(self.sketch.body, self._prefix))

    @cached_property
    def mentions(self) -> Sequence[Mentions] | None:
        """How the functions in it mention names; None if it cannot be told."""
        return None if self.sketch.body is None else list(mentions(self.sketch.body, self._prefix))

    @property
    def _prefix(self) -> str:
        return f"{self.owner.name}." if self.owner else ""

    @cached_property
    def aliases(self) -> Sequence[Giver]:
        """Other names that a statement gives to what may acquire."""
        return list(aliases(self.sketch.body or ()))

    @cached_property
    def makers(self) -> Sequence[Giver]:
        """Names and fields that hold what a call makes."""
        return list(makers(self.sketch.body or ()))

    @cached_property
    def tree(self) -> cst.Module:
        """Without layout, most often. Empty if the text cannot be parsed; the module then says so."""
        self.module.parsed += len(self.text)
        return light_module(self.text, self._syntax) or self._full_tree

    @property
    def _syntax(self) -> ast.Module | None:
        return self.sketch.tree if "sketch" in self.__dict__ else parsed(self.text)

    @cached_property
    def _full_tree(self) -> cst.Module:
        try:
            return cst.parse_module(self.text)
        except cst.ParserSyntaxError as error:
            self.module.error = self.module.error or error
            return cst.Module([])

    def place(self, node: cst.CSTNode) -> CodeRange:
        """Where a node of the tree stands in the file."""
        where = self._light_places.get(node) or self.positions.get(node) or _FIRST
        start, end = where.start, where.end
        return CodeRange((self._line(start.line), start.column), (self._line(end.line), end.column))

    def keep_tree(self, earlier: Chunk) -> None:
        """What an earlier version of the file knew of the same statement; all of it counts from its first line."""
        for name in ("words", "used", "own_words", "tree", "_full_tree", "node_ids", "_light_places", "positions"):
            if name in earlier.__dict__:
                self.__dict__[name] = earlier.__dict__[name]

    @cached_property
    def info(self) -> FunctionInfo | ClassInfo | None:
        """What the statement defines: known by its name, before its text is parsed."""
        if self.kind == "class":
            return ClassInfo(None, self, self.name, None)
        if self.owner is not None:
            return FunctionInfo(None, self, f"{self.owner.name}.{self.name}", self.owner.info)
        return FunctionInfo(None, self, self.name, None) if self.kind == "function" else None

    @property
    def head(self) -> cst.FunctionDef | cst.ClassDef:
        """The node of that definition."""
        kind = cst.ClassDef if self.kind == "class" else cst.FunctionDef
        found = (node for node in self._body if isinstance(node, kind))
        return next(found, None) or _nothing(kind, self.name)

    @property
    def _body(self) -> Sequence[cst.CSTNode]:
        body: Sequence[cst.CSTNode] = self.tree.body
        return body[0].body.body if self.owner and body and isinstance(body[0], cst.ClassDef) else body

    @cached_property
    def definitions(self) -> list[FunctionInfo | ClassInfo]:
        """Every function and class in its tree, nested ones included, in source order."""
        found: list[FunctionInfo | ClassInfo] = []
        self._define(self._body, self.owner.info if self.owner else None, "", found)
        return found

    def scopes(self, words: frozenset[str]) -> Iterator[FunctionInfo]:
        """Those functions that mention one of the words."""
        found = (d for d in self.definitions if isinstance(d, FunctionInfo))
        return (function for function in found if not words.isdisjoint(function.words))

    @cached_property
    def methods(self) -> dict[str, FunctionInfo]:
        """Those of the class that have a statement of their own. A property's setter has the getter's name: the getter
        is the one that gives a value."""
        named = ((member.name, member.info) for member in self.members if not _SETS.match(member.statement.text))
        return {name: info for name, info in named if isinstance(info, FunctionInfo)}

    def _define(
        self, body: Iterable[cst.CSTNode], parent: Scope, prefix: str, found: list[FunctionInfo | ClassInfo]
    ) -> None:
        for node in body:
            if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
                info = self._info(node, prefix, parent)
                found.append(info)
                if isinstance(parent, ClassInfo) and isinstance(info, FunctionInfo) and info is not self.info:
                    parent.add_method(info)
                self._define(node.body.body, info, info.qualname + ".", found)
            elif not isinstance(node, (cst.SimpleStatementLine, cst.BaseSmallStatement)):
                for block in blocks(node):
                    self._define(block.body, parent, prefix, found)

    def _info(self, node: cst.FunctionDef | cst.ClassDef, prefix: str, parent: Scope) -> FunctionInfo | ClassInfo:
        if self.info is not None and node is self.info.node:
            return self.info
        if isinstance(node, cst.ClassDef):
            return ClassInfo(node, self, prefix + node.name.value, parent)
        return FunctionInfo(node, self, prefix + node.name.value, parent)

    @cached_property
    def node_ids(self) -> frozenset[int]:
        return frozenset(map(id, walk(self.tree)))

    @cached_property
    def _light_places(self) -> dict[cst.CSTNode, CodeRange]:
        syntax = None if self.tree is self.__dict__.get("_full_tree") else self._syntax
        return light_places(self.text, syntax, self.tree) if syntax else {}

    @cached_property
    def positions(self) -> dict[cst.CSTNode, CodeRange]:
        """Lines count from the tree's first; costs more than parsing, so only for what is reported."""
        from libcst.metadata.position_provider import PositionProvider

        provider = PositionProvider()
        provider._gen_impl(self._full_tree)  # a MetadataWrapper would visit the whole tree once more, for nothing
        found: dict[cst.CSTNode, CodeRange] = dict(provider._computed)  # type: ignore[arg-type]
        return found if self.tree is self._full_tree else dict(_moved(found, self._full_tree, self.tree))


def _moved(
    places: dict[cst.CSTNode, CodeRange], full: cst.CSTNode, light: cst.CSTNode
) -> Iterator[tuple[cst.CSTNode, CodeRange]]:
    """The places of a tree's nodes, for those of the tree without layout."""
    pending = [(full, light)]
    while pending:
        pair = pending.pop()
        yield pair[1], places[pair[0]]
        pending += zip(*map(children, pair), strict=False)


def _nothing(kind: type[cst.CSTNode], name: str) -> cst.FunctionDef | cst.ClassDef:
    """In the place of what could not be parsed."""
    body = cst.IndentedBlock([])
    return (
        cst.ClassDef(cst.Name(name), body)
        if kind is cst.ClassDef
        else cst.FunctionDef(cst.Name(name), cst.Parameters(), body)
    )


def blocks(node: cst.CSTNode) -> Iterator[cst.BaseSuite]:
    """The statement blocks directly inside a compound statement."""
    for part in walk(node, lambda n: not isinstance(n, cst.BaseSuite)):
        if isinstance(part, cst.BaseSuite):
            yield part
