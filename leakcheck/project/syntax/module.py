"""One file of Python: an outline of all of it, and LibCST trees of the column-0 statements somebody asked about."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import libcst as cst

from leakcheck.diagnostics import Span
from leakcheck.patterns import pattern
from leakcheck.project.locate import module_name
from leakcheck.project.syntax.chunk import DEF, Chunk
from leakcheck.project.syntax.definitions import ClassInfo, FunctionInfo, Scope
from leakcheck.project.syntax.index import Index, Usual
from leakcheck.project.syntax.mentions import Mentions
from leakcheck.project.syntax.outline import outline, whole, words_of
from leakcheck.project.syntax.sketch import Place
from leakcheck.project.syntax.toplevel import TopLevel
from leakcheck.project.triage.facts import import_statements
from leakcheck.project.triage.neighbours import modules_named

__all__ = ["Chunk", "ClassInfo", "FunctionInfo", "Module", "Scope"]

_DEFINING = ("function", "class", "compound")
_MANY = 60  # words: to split the text is faster than to look for each
_SEVERAL = 5  # words: to look for all usual ones is faster
_NONE = Usual()
_GLOBAL = pattern(r"global[ \t]([^\n]*)")
_AS = pattern(r"\b(\w+)\s+as\s+(\w+)")
# A line end to Python, but not to regular expressions; and a form feed, after which a line begins anew.
_ODD = {"\r": pattern(r"\r(?!\n)"), "\f": pattern(r"\f[ \t\f]*[^\s#]")}


class Module:
    """Nothing of its text is looked at before somebody asks: most modules that are imported matter to nobody."""

    def __init__(self, source: str, filename: str, name: str | None = None, at_once: bool = False,
                 usual: Usual = _NONE) -> None:  # fmt: skip
        self.source, self.filename = source, filename
        if name is not None:
            self.name = name
        self.is_package = os.path.basename(filename) == "__init__.py"
        self.error: cst.ParserSyntaxError | None = None  # of a statement that was parsed alone: perhaps cut wrongly
        self._asked: set[str] = set()  # the words that were looked for, and those of them that may stand in the text
        self._present: set[str] = set()
        self.parsed = 0  # characters, of statements that are kept as trees
        self.sketched: list[Chunk] = []  # those the standard library's parser has read
        self._at_once, self._usual = at_once, usual
        self._parts_of: dict[int, Chunk] = {}  # by a node's id
        self._indexed: set[Chunk] = set()

    @cached_property
    def name(self) -> str:
        """The dotted name it is imported by."""
        return module_name(self.path)

    @cached_property
    def is_script(self) -> bool:
        """Whether it asks if it was started itself."""
        return "__main__" in self.source

    @cached_property
    def chunks(self) -> list[Chunk]:
        """Its column-0 statements."""
        odd = self._at_once or any(sign in self.source and ends.search(self.source) for sign, ends in _ODD.items())
        divide = whole if odd else outline
        return [Chunk(statement, self) for statement in divide(self.source)]

    @cached_property
    def top(self) -> TopLevel:
        """What those bind."""
        return TopLevel(self.chunks)

    @property
    def imports(self) -> dict[str, str]:
        """A bound name -> the qualified name it stands for, as written (relative ones begin with dots)."""
        return self.top.imports

    @property
    def star_imports(self) -> list[str]:
        """What is imported as a whole, as written."""
        starred = any(b"*" in statement for statement in self._import_statements)
        return self.top.star_imports if starred else []

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

    def forget_sketches(self) -> None:
        """Free what its own check looked into most."""
        while self.sketched:
            self.sketched.pop().forget_sketch()

    def dissolve(self) -> None:
        """Free what is known of the text; nothing may be asked any more."""
        for chunk in self._known_chunks:
            for part in (*chunk.__dict__.get("members", ()), chunk):
                part.__dict__.clear()
        self.__dict__.clear()

    @property
    def _known_chunks(self) -> Sequence[Chunk]:
        """None, where nobody has asked for them."""
        known: Sequence[Chunk] = self.__dict__.get("chunks", ())
        return known

    def _parsed_parts(self) -> Iterator[Chunk]:
        """The statements and methods that somebody asked about."""
        for chunk in self._known_chunks:
            parts = chunk.parts if "members" in chunk.__dict__ else (chunk,)
            yield from (part for part in parts if "tree" in part.__dict__)

    @property
    def statements(self) -> list[Chunk]:
        """Those that are run with the module itself, imports aside."""
        return [chunk for chunk in self.chunks if chunk.kind in ("simple", "compound")]

    @property
    def own_body(self) -> list[cst.CSTNode]:
        """What is in them."""
        return [node for chunk in self.statements for node in chunk.tree.body]

    # -- questions -------------------------------------------------------------------------------------------------

    def definition(self, name: str) -> FunctionInfo | ClassInfo | None:
        """The module-level function or class of that name; the last one counts."""
        chunk = self.top.defined.get(name)
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
        return self.top.assigned(name)

    def annotation(self, name: str) -> cst.BaseExpression | None:
        """The annotation of a module-level name."""
        return self.top.annotation(name)

    def mentioning(self, words: frozenset[str]) -> Iterator[Chunk]:
        """The statements and methods whose text holds one of the words, in source order."""
        words = self.among(words)
        for chunk in self._having(words):
            yield from chunk.having(words)

    def functions(self, words: frozenset[str], may: Callable[[Mentions, Chunk], bool]) -> Iterator[FunctionInfo]:
        """Those in whose statement one of the words stands, and that may be meant by the way they mention names."""
        for part in self.defining(words):
            known = part.mentions
            names = {m.space.name for m in known or () if may(m, part)}
            for found in part.definitions if names or known is None else ():
                if isinstance(found, FunctionInfo) and (found.qualname in names or known is None):
                    yield found

    def scopes(self, words: frozenset[str], place: Place | None = None) -> Iterator[FunctionInfo]:
        """Every function and method that mentions one of the words; perhaps without those that use none in such a
        place."""
        for part in self.defining(words, place):
            if place is None or part.uses(words, place):
                yield from part.scopes(words)

    def names_of_scopes(self, words: frozenset[str]) -> frozenset[str]:
        """At least the names of those functions, going by the text."""
        return frozenset(name for part in self.defining(words) for name in DEF.findall(part.statement.text))

    def defining(self, words: frozenset[str], place: Place | None = None) -> Iterator[Chunk]:
        """The parts with functions in whose text one of the words stands, and perhaps a statement of that kind."""
        words = self.among(words)  # of most there is none, and each is looked for in each class
        for chunk in self._having(words):
            may_be = chunk.kind in _DEFINING and (place is None or place.may_be_in(chunk.statement.text))
            if may_be and not words.isdisjoint(chunk.used):
                yield from chunk.having(words)

    def _having(self, words: frozenset[str]) -> Iterator[Chunk]:
        """The statements in whose text one of the words stands, of those that stand in the module's."""
        return map(self.chunks.__getitem__, self._index.having(words) if words else ())

    @cached_property
    def _index(self) -> Index:
        return Index(self.source, [(chunk.statement.start, number) for number, chunk in enumerate(self.chunks)])

    def setting(self, name: str) -> Iterator[FunctionInfo]:
        """Functions that declare a name global, and may assign it."""
        if name in self._globals:
            for chunk in self.mentioning(frozenset({name})):
                found = chunk.definitions if "global" in chunk.words else ()
                yield from (d for d in found if isinstance(d, FunctionInfo) and name in d.bindings.outer)

    @cached_property
    def _globals(self) -> frozenset[str]:
        """The words in the lines that declare names global."""
        return words_of(" ".join(_GLOBAL.findall(self.source)) if "global" in self.source else "")

    def classes(self, words: frozenset[str]) -> Iterator[ClassInfo]:
        """Every class whose text holds one of the words."""
        words = self.among(words)
        for chunk in self._having(words):
            if chunk.kind in _DEFINING:
                inside = (part for part in chunk.having(words) if part is not chunk and "class" in part.words)
                for part in (chunk, *inside):
                    yield from (d for d in part.definitions if isinstance(d, ClassInfo))

    def among(self, words: frozenset[str]) -> frozenset[str]:
        """Those of some words that may stand in the text: each is looked for once, unless there are many."""
        if len(words) > _MANY or "_words" in self.__dict__:
            return words & self._words
        if len(words) > _SEVERAL or "_usual_words" in self.__dict__:
            return (words & self._usual_words) | self._looked_for(words - self._usual.words)
        return self._looked_for(words)

    @cached_property
    def _usual_words(self) -> frozenset[str]:
        return self._usual.within(self.source)

    def _looked_for(self, words: frozenset[str]) -> frozenset[str]:
        if new := words - self._asked:
            self._asked |= new
            self._present.update(word for word in new if word in self.source)
        return words & self._present

    @cached_property
    def _words(self) -> frozenset[str]:
        return words_of(self.source)

    @cached_property
    def _import_statements(self) -> list[bytes]:
        return import_statements(self.source.encode("utf-8", "replace"))

    @cached_property
    def renamed(self) -> list[tuple[str, str]]:
        """The last name of what an import statement gives another name, with that; of those inside functions too."""
        statements = (line.decode("utf-8", "replace") for line in self._import_statements if b" as " in line)
        return [found for statement in statements for found in _AS.findall(statement)]

    @cached_property
    def imported_words(self) -> frozenset[str]:
        """The words of all import statements."""
        return words_of(b"\n".join(self._import_statements).decode("utf-8", "replace"))

    @cached_property
    def imported_modules(self) -> dict[str, list[str]]:
        """The absolute names of the modules in all import statements, those inside functions included, each with what
        is taken from it: modules too, where it is a package."""
        names: dict[str, list[str]] = {}
        for base, taken in (found for statement in self._import_statements for found in modules_named(statement)):
            names.setdefault(self.absolute(base), []).extend(taken)
        return names

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
        if id(node) not in self._parts_of:
            for part in self._parsed_parts():
                if part not in self._indexed:
                    self._indexed.add(part)
                    self._parts_of.update(dict.fromkeys(part.node_ids - self._parts_of.keys(), part))
        return self._parts_of[id(node)]

    def span(self, node: cst.CSTNode) -> Span:
        """Where the node stands in the file."""
        where = self.chunk_of(node).place(node)
        start, end = where.start, where.end
        return Span(self.filename, start.line, start.column + 1, end.line, end.column + 1)
