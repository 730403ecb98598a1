"""Which of the project's own functions may give a connection: what else to look for besides driver calls."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from leakcheck.patterns import pattern
from leakcheck.project.project import Project
from leakcheck.project.syntax.definitions import LAMBDA
from leakcheck.project.syntax.module import Chunk, FunctionInfo, Module
from leakcheck.project.syntax.outline import words_of
from leakcheck.project.syntax.walk import terminal, walk
from leakcheck.project.triage.vocabulary import is_on

# Both begin with what must be there: where a line begins is dear to ask of each letter.
_BASES = pattern(r"class[ \t]+\w+[ \t]*\(([^)]*)\)")
_RENAMING = pattern(r"=[ \t]*(?:\w+\.)*(\w+)[ \t]*(?:#[^\n]*)?\r?$", re.MULTILINE)
_HOPS = 3  # of imports followed from the file being checked


class Wrappers:
    """For one project; what is found out about a module is remembered."""

    def __init__(self, project: Project) -> None:
        self.project = project
        catalogue = project.catalogue
        self._homes, self._receivers = catalogue.homes, catalogue.receivers
        self._factory_classes = catalogue.factory_classes
        self._connection_classes = catalogue.connection_classes
        self._libraries = catalogue.import_words
        self._words: dict[Module, frozenset[str]] = {}
        self._given: dict[tuple[Module, int], frozenset[str]] = {}
        self._found: dict[tuple[Module, frozenset[str]], frozenset[str]] = {}
        self._giving: dict[tuple[Module, frozenset[str]], frozenset[str]] = {}  # classes
        self._making: dict[Module, frozenset[str]] = {}  # functions
        self._near: dict[tuple[Module, int], frozenset[str]] = {}
        self._bases: dict[Module, frozenset[str]] = {}
        self._at_home: dict[frozenset[str], frozenset[str]] = {}

    def words(self, module: Module) -> frozenset[str]:
        """The names by which a module may acquire: drivers' calls, and functions that hand back a connection."""
        if module not in self._words:
            self._words[module] = self._base(module) | self.projects(module)
        return self._words[module]

    def projects(self, module: Module) -> frozenset[str]:
        """Of those the names of the project's own."""
        imported = (name for m in self._imported(module) for name in self.given(m, _HOPS - 1))
        return self.given(module, _HOPS).union(imported)

    def given(self, module: Module, hops: int) -> frozenset[str]:
        """The names under which a module may give a connection: its functions, methods and factories, other names for
        them, and what it imports of others."""
        key = (module, hops)  # what is found must not depend on who asks first
        if key not in self._given:
            words = self._base(module)
            passed: frozenset[str] = frozenset()
            for other in self._imported(module) if hops else ():
                names = self.given(other, hops - 1)
                words |= names
                if not names <= passed and self._makes_objects(module, other, names):
                    passed |= names
            self._given[key] = self._given_by(module, words) | self._starred(module, hops) | passed
        return self._given[key]

    def _given_by(self, module: Module, words: frozenset[str]) -> frozenset[str]:
        words = module.among(words)
        if not words and not module.among(self._factories_of(module)):
            return words
        key = (module, words)
        if key not in self._found:
            found = self._found_in(module, words)
            self._found[key] = found | frozenset(_aliases(module, words | found))
        return self._found[key]

    def _factories_of(self, module: Module) -> frozenset[str]:
        """What makes an object that is called to acquire: the libraries' classes, and functions that give a new one."""
        return self._factory_classes.union(self._makers(module), *map(self._makers, self._imported(module)))

    def _makers(self, module: Module) -> frozenset[str]:
        """The functions of a module that give what such a class makes: `return sessionmaker(bind=engine)`."""
        if module not in self._making:
            classes = module.among(self._factory_classes)
            givers = (giver for part in module.defining(classes) for giver in part.givers) if classes else ()
            handing = (giver for giver in givers if not giver.others.isdisjoint(classes))
            self._making[module] = frozenset(giver.name.rpartition(".")[2] for giver in handing)
        return self._making[module]

    def _makes_objects(self, module: Module, other: Module, names: frozenset[str]) -> bool:
        """Whether a module has objects of another's classes that give a connection by these names: `db = Database()`,
        for everybody to use; or classes that inherit from them; or hands the classes on, as packages do."""
        key = (other, names)
        if key not in self._giving:
            giving = (chunk.name for chunk in other.chunks if chunk.kind == "class" and chunk.holds(names))
            self._giving[key] = frozenset(giving)
        classes = self._giving[key]
        if not module.among(classes):
            return False
        if module.is_package and not classes.isdisjoint(module.imported_words):
            return True
        holding = (chunk for chunk in module.chunks if chunk.holds(classes))
        return any(not classes.isdisjoint(chunk.used) or _inherits(chunk, classes) for chunk in holding)

    def _starred(self, module: Module, hops: int) -> frozenset[str]:
        """What star imports bring in."""
        sources = (self.project.find(module.absolute(star), module) for star in module.star_imports if hops)
        return frozenset(name for m in sources if m for name in self.given(m, hops - 1))

    def _found_in(self, module: Module, words: frozenset[str]) -> frozenset[str]:
        foreign = words - self._base(module) | (words & self._connection_classes)
        found = frozenset(_factories(module, self._factories_of(module))) | _owners(module, words, foreign)
        new = found | words
        while new:
            givers = (giver for part in module.defining(new) for giver in part.givers)
            handing = (giver for giver in givers if not giver.others.isdisjoint(words | found))
            given = frozenset(giver.name.rpartition(".")[2] for giver in handing) - found
            new = given | (_owners(module, words | found | given, foreign | found) - found)
            found |= new
        return found

    def _base(self, module: Module) -> frozenset[str]:
        """The words of the libraries that are near: imported here, or by what is imported. Others count where the name
        of the receiver speaks for them, or they speak for themselves."""
        if module not in self._bases:
            near = self.libraries(module)
            if near not in self._at_home:
                self._at_home[near] = frozenset(w for w, homes in self._homes.items() if not homes.isdisjoint(near))
            found = self._at_home[near] - {"__call__"}
            others = ((w, on) for w, on in self._receivers.items() if w not in found)
            found |= frozenset(w for w, on in others if "" in on or _is_on(module, w, on))
            makers = self._factory_classes if ")(" in module.source else frozenset()  # `sessionmaker(bind=engine)()`
            self._bases[module] = found | makers
        return self._bases[module]

    def libraries(self, module: Module) -> frozenset[str]:
        """Those that are near, a word for each: imported by a module, or by what it imports."""
        return self._libraries_near(module, _HOPS)

    def _libraries_near(self, module: Module, hops: int) -> frozenset[str]:
        key = (module, hops)
        if key not in self._near:
            others = self._imported(module) if hops else ()
            near = (self._libraries_near(other, hops - 1) for other in others)
            self._near[key] = (self._libraries & module.imported_words).union(*near)
        return self._near[key]

    def _imported(self, module: Module) -> list[Module]:
        """The project's modules that a module imports."""
        key = ("imported", module)
        memo = self.project.memo
        if key not in memo:
            memo[key] = list(dict.fromkeys(m for m in self._found_by(module) if m is not module))
        return memo[key]  # type: ignore[return-value]

    def _found_by(self, module: Module) -> Iterator[Module]:
        for base, taken in module.imported_modules.items():
            if found := self.project.find(base, module):
                yield found
            if found is None or found.is_package:
                inside = (self.project.find(f"{base}.{name}".lstrip("."), module) for name in dict.fromkeys(taken))
                yield from (m for m in inside if m)


def _is_on(module: Module, word: str, endings: frozenset[str]) -> bool:
    """Whether the module takes a word from something with such a name."""
    if word not in module.source:
        return False
    return is_on(module.source.encode("utf-8", "replace"), word.encode(), frozenset(e.encode() for e in endings))


def _aliases(module: Module, words: frozenset[str]) -> Iterator[str]:
    """Other names for acquirers: `from app.db import connect as open_db`, `open_db = sqlite3.connect`, partials."""
    yield from (name for name, target in module.imports.items() if target.rpartition(".")[2] in words)
    yield from (name for target, name in module.renamed if target in words)
    for chunk in module.chunks:
        if chunk.kind in ("simple", "compound") or (chunk.kind == "class" and _renames(chunk, words)):
            found = chunk.aliases if chunk.holds(words) else ()
            yield from (alias.name for alias in found if not words.isdisjoint(alias.others))


def _renames(chunk: Chunk, words: frozenset[str]) -> bool:
    """Whether a line of a class may give one of the words another name: few classes are worth a parse."""
    return not words.isdisjoint(_RENAMING.findall(chunk.statement.text))


def gives(function: FunctionInfo, words: frozenset[str]) -> bool:
    """Whether some return or yield of the function may hand over what a call of one of the words gave."""
    if function.qualname == LAMBDA:
        return _calls(function.place, words)
    named = (giver for giver in function.chunk.givers if giver.name in (function.qualname, function.name))
    return any(not words.isdisjoint(giver.others) for giver in named)


def _calls(node: cst.CSTNode, words: frozenset[str]) -> bool:
    """Whether the expression calls, or reads as an attribute, one of the words."""
    for part in walk(node):
        if isinstance(part, cst.Call) and terminal(part.func) in words:
            return True
        if isinstance(part, cst.Attribute) and part.attr.value in words:
            return True
    return False


def _factories(module: Module, classes: frozenset[str]) -> Iterator[str]:
    """Names and fields that hold an instance of a class that is called to acquire."""
    if module.among(classes):
        for chunk in module.chunks:
            for part in chunk.parts if chunk.holds(classes) else ():
                if part.holds(classes):
                    yield from (maker.name for maker in part.makers if not classes.isdisjoint(maker.others))


def _owners(module: Module, words: frozenset[str], bases: frozenset[str]) -> frozenset[str]:
    """Classes that store what a call of one of the words gives, or inherit from such a class: their objects may be what
    is to be released. Going by the text, for few of them are ever made."""
    classes = [chunk for chunk in module.chunks if chunk.kind == "class"] if words or bases else []
    storing = (chunk for chunk in classes if chunk.holds(words) and not words.isdisjoint(chunk.stored))
    found = frozenset(chunk.name for chunk in storing if not words.isdisjoint(chunk.used))
    while more := {chunk.name for chunk in classes if _inherits(chunk, bases | found)} - found:
        found |= more
    return found


def _inherits(chunk: Chunk, owners: frozenset[str]) -> bool:
    text = chunk.statement.text
    heads = (head for head in _BASES.finditer(text) if text[head.start() - 1 : head.start()] in ("", "\n"))
    return any(not owners.isdisjoint(words_of(head[1])) for head in heads)
