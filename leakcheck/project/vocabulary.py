"""The words a file must use to be worth a closer look, and where it uses them: a search in raw bytes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leakcheck.catalogue import Catalogue
    from leakcheck.settings import Settings

Words = frozenset[bytes]

_STATEMENTS = frozenset({b"execute", b"commit"})  # sent in a loop, whoever opened the connection
_COMMENT = b"leakcheck"  # comments about findings may outlive the code they speak of
_CODE = re.compile(rb"(?<!\w)LK\d+(?!\w)", re.IGNORECASE)

_LOOP = re.compile(rb"(?:\A|\n)[ \t]*for\b")

_IN_WORD = frozenset(b"_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") | frozenset(range(128, 256))
_CALLED = re.compile(rb"[ \t\\\r\n]*\(|\s+as\s")
_TAKEN = re.compile(rb"(?:[.=(]|partial\()[ \t\\\r\n]*\Z")
_BEFORE = 24  # bytes before a word that may hold the dot, however it is laid out
_SHORTEST, _LONGEST = 4, 9  # of a core


class Search:
    """Finds uses of some words. Most files end at the first step, which looks for a few pieces of words."""

    def __init__(self, used: Words, mentioned: Words = frozenset()) -> None:
        self._words, self._mentioned = used | mentioned, mentioned
        self._cores = tuple((core, re.compile(re.escape(core) + rb"\w*")) for core in _cores(self._words))

    def uses(self, data: bytes) -> Iterator[bytes]:
        """Each use, and each mention of what need only be mentioned; in no order."""
        words = self._words
        for core, pattern in self._cores:
            if core not in data:
                continue
            for match in pattern.finditer(data):
                start, end = match.span()
                while start and data[start - 1] in _IN_WORD:
                    start -= 1
                word = data[start:end]
                if word in words and (word in self._mentioned or _is_use(data, start, end)):
                    yield word


@dataclass(frozen=True)
class Vocabulary:
    """What the catalogue makes worth looking for, as the words of a file."""

    tracked: Words  # acquire what must be given back, where their library is near
    generic: Words  # those of them that need no library
    makers: Words  # their instances are called to acquire
    pools: Words  # build pools
    injectors: Words  # mark what a web framework injects
    libraries: Words  # one word for each library with pools or makers, and each web framework
    drivers: Words  # those of libraries with something to track
    known: Words  # every library of the catalogue
    mentioned: Words  # tell by being there: settings that pools are built from, comments about findings

    @cached_property
    def sought(self) -> Words:
        """What hands out a connection or a pool: a function that gives back what such a call gave it does so too."""
        return self.tracked | self.generic | self.pools

    @cached_property
    def _anywhere(self) -> Search:
        return Search(self.tracked | self.generic | _STATEMENTS, self.mentioned)

    @cached_property
    def _beside_imports(self) -> Search:
        return Search(self.pools | self.makers | self.injectors)

    @cached_property
    def telling(self) -> Words:
        """Words that may lead to a finding whatever the file imports."""
        return self.generic | _STATEMENTS | self.mentioned

    def used(self, data: bytes, imported: Words) -> Words:
        """The words that a file calls, takes from an object, renames or assigns; in prose they do not count."""
        found = frozenset(self._anywhere.uses(data))
        if not imported.isdisjoint(self.libraries):
            found |= frozenset(self._beside_imports.uses(data))
        if not found.isdisjoint(_STATEMENTS) and not _LOOP.search(data):
            found -= _STATEMENTS
        return found | {_COMMENT} if b"LK" in data and _CODE.search(data) else found


def occurrences(data: bytes, word: bytes) -> Iterator[tuple[int, int]]:
    """Where a word stands as a whole."""
    start = data.find(word)
    while start >= 0:
        end = start + len(word)
        if not (_is_word(data[start - 1 : start]) or _is_word(data[end : end + 1])):
            yield start, end
        start = data.find(word, end)


def _is_word(byte: bytes) -> bool:
    return bool(byte) and byte[0] in _IN_WORD


def uses_any(data: bytes, names: Words, imported: Words) -> bool:
    """Whether a text uses one of some names; of those it imports, any mention outside the import counts."""
    return any(_uses(data, name, name in imported) for name in names if name in data)


def _uses(data: bytes, name: bytes, by_mention: bool) -> bool:
    whole = occurrences(data, name)
    return sum(1 for _ in whole) > 1 if by_mention else any(_is_use(data, *where) for where in whole)


def _is_use(data: bytes, start: int, end: int) -> bool:
    if data[start - 1 : start] == b"." or data[end : end + 1] == b"(":
        return True
    return _CALLED.match(data, end) is not None or _TAKEN.search(data, max(0, start - _BEFORE), start) is not None


def _cores(words: Iterable[bytes]) -> list[bytes]:
    """The fewest pieces found greedily: the one that most of the words left have in common, the longest of those."""
    left, chosen = set(words), []
    while left:
        pieces = Counter(piece for word in left for piece in _pieces(word))
        best = max(pieces, key=lambda piece: (pieces[piece], len(piece), piece))
        chosen.append(best)
        left = {word for word in left if best not in word}
    return chosen


def _pieces(word: bytes) -> set[bytes]:
    lengths = range(min(_SHORTEST, len(word)), _LONGEST + 1)
    return {word[start : start + size] for size in lengths for start in range(len(word) - size + 1)}


@lru_cache(maxsize=4)
def vocabulary_for(settings: Settings) -> Vocabulary:
    """The vocabulary of the catalogue that settings ask for."""
    from leakcheck.project.compiled import compiled, keep

    shipped = not settings.drivers and not settings.connections
    if shipped and (known := compiled()):
        return known
    from leakcheck.catalogue import load  # slow to read

    found = vocabulary(load(settings.drivers, settings.connections))
    if shipped:
        keep(found)
    return found


def vocabulary(catalogue: Catalogue) -> Vocabulary:
    """The vocabulary of a catalogue."""
    from leakcheck.catalogue import import_words

    injectors = catalogue.web.dependencies
    frameworks = _encoded(name.partition(".")[0] for name in injectors)
    return Vocabulary(
        tracked=_encoded(catalogue.tracked_words),
        generic=_encoded(catalogue.generic_words),
        makers=_encoded(catalogue.factory_classes),
        pools=_encoded(catalogue.pool_words),
        injectors=_encoded(name.rpartition(".")[2] for name in injectors),
        libraries=_encoded(import_words(d for d in catalogue.drivers if d.pools or d.producers)) | frameworks,
        drivers=_encoded(catalogue.library_words),
        known=_encoded(catalogue.import_words),
        mentioned=_encoded(catalogue.option_words) | {_COMMENT},
    )


def _encoded(words: Iterable[str]) -> Words:
    return frozenset(word.encode() for word in words)
