"""The words a file must use to be worth a closer look, and where it uses them: a search in raw bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ahocorasick_rs import BytesAhoCorasick

    from leakcheck.catalogue import Catalogue
    from leakcheck.settings import Settings

Words = frozenset[bytes]

_STATEMENTS = frozenset({b"execute", b"commit"})  # sent in a loop, whoever opened the connection
_MANAGER = b"objects"  # of a Django model, by which rows are written in a loop
_SAVES = re.compile(rb"\.a?(?:create|save)\(")
_COMMENT = b"leakcheck"  # comments about findings may outlive the code they speak of
_CODE = re.compile(rb"(?<!\w)LK\d+(?!\w)", re.IGNORECASE)

# What may be a loop over rows besides `for`: `[cursor.execute(…) for row in rows]` begins with what is sent.
OTHER_LOOPS = r"(?:\A|\n)[ \t]*(?:while|async[ \t]+for)\b|[\[({]\s*(?:await\s+)?[\w.]+\.execute\("
_LOOP = re.compile(rb"(?:\A|\n)[ \t]*for\b|" + OTHER_LOOPS.encode())

_IN_WORD = frozenset(b"_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") | frozenset(range(128, 256))
_CALLED = re.compile(rb"[ \t\\\r\n]*\(|\s+as\s")
_TAKEN = re.compile(rb"(?:[.=(]|partial\()[ \t\\\r\n]*\Z")
_BRACKET = re.compile(rb"[()]")
_LAST_NAME = re.compile(rb"\w+\Z")
_BEFORE = 24  # bytes before a word that may hold the dot, however it is laid out
_OWNER = 400  # bytes before a dot that hold the name of what it follows, and the arguments of a call


class Search:
    """Finds words, all of them in one pass over a text."""

    def __init__(self, words: Iterable[bytes]) -> None:
        self.words = frozenset(words)

    @cached_property
    def _finder(self) -> BytesAhoCorasick:
        from ahocorasick_rs import BytesAhoCorasick, MatchKind  # not needed where nothing has changed

        return BytesAhoCorasick(sorted(self.words), matchkind=MatchKind.LeftmostFirst)  # far faster than other kinds

    def uses(self, data: bytes, mentioned: Words = frozenset()) -> Iterator[bytes]:
        """Each use of a word, and each mention where that is enough; in no order."""
        end = 0
        for _, first, last in self._finder.find_matches_as_indexes(data):
            if first >= end:  # else another one in the same word
                start, end = _word_around(data, first, last)
                word = data[start:end]
                if word in self.words and (word in mentioned or _is_use(data, start, end)):
                    yield word


class Vocabulary(NamedTuple):
    """What the catalogue makes worth looking for, as the words of a file."""

    tracked: Words  # acquire what must be given back
    free: Words  # those of them that need no library
    makers: Words  # their instances are called to acquire
    pools: Words  # build pools
    libraries: Words  # one word for each library with pools or makers, and each web framework
    drivers: Words  # those of libraries with something to track
    kept: Words  # by which the session of a request is used, where a library that keeps one is near
    keepers: Words  # one word for each such library
    known: Words  # every library of the catalogue
    mentioned: Words  # tell by being there: settings that pools are built from, comments about findings
    homes: Mapping[bytes, Words]  # the libraries of which one must be near, for those that need one
    receivers: Mapping[bytes, Words]  # or what the receiver's name must end in
    anywhere: Search  # what is looked for in every file
    beside_imports: Search  # and where a library is imported

    @property
    def telling(self) -> Words:
        """Words that may lead to a finding whatever the file imports."""
        return self.free | _STATEMENTS | {_MANAGER} | self.mentioned

    def used(self, data: bytes, imported: Words) -> Words:
        """The words that a file calls, takes from an object, renames or assigns; in prose they do not count."""
        found = frozenset(self.anywhere.uses(data, self.mentioned))
        if not imported.isdisjoint(self.libraries):
            found |= frozenset(self.beside_imports.uses(data))
        managed = b".objects" in data and _SAVES.search(data) is not None
        if (managed or not found.isdisjoint(_STATEMENTS)) and not _LOOP.search(data):
            managed, found = False, found - _STATEMENTS
        found |= {_MANAGER} if managed else set()
        return found | {_COMMENT} if b"LK" in data and _CODE.search(data) else found


def is_on(data: bytes, word: bytes, endings: Words) -> bool:
    """Whether a word may be taken from something with such a name: `engine.connect`, `get_engine().connect`."""
    unsure = False
    for start, _ in occurrences(data, word):
        owner = _owner(data[max(0, start - _OWNER) : start])
        if owner is None:
            unsure = True
        elif owner.endswith(tuple(endings)):
            return True
    return unsure and any(ending in data.lower() for ending in endings)


def _owner(before: bytes) -> bytes | None:
    """The last name of what stands before a word with a dot, in lower case; None if it cannot be told."""
    head = before.rstrip(b" \t")
    if not head.endswith(b"."):
        return None if head.endswith((b"\n", b"\r", b"\\")) else b""
    head = head[:-1].rstrip(b" \t")
    if head.endswith(b")"):
        head = _without_arguments(head)
    name = _LAST_NAME.search(head)
    return name[0].lower() if name else b"" if head.endswith(b"]") else None


def _without_arguments(head: bytes) -> bytes:
    """What a bracket at the end belongs to; nothing where it cannot be told."""
    depth = 0
    for bracket in reversed(list(_BRACKET.finditer(head))):
        depth += 1 if bracket[0] == b")" else -1
        if depth == 0 and head.find(b'"', bracket.start()) < 0 and head.find(b"'", bracket.start()) < 0:
            return head[: bracket.start()]
    return b""


def _word_around(data: bytes, start: int, end: int) -> tuple[int, int]:
    while start and data[start - 1] in _IN_WORD:
        start -= 1
    while end < len(data) and data[end] in _IN_WORD:
        end += 1
    return start, end


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


@lru_cache(maxsize=4)
def vocabulary_for(settings: Settings) -> Vocabulary:
    """The vocabulary of the catalogue that settings ask for."""
    from leakcheck.project.cache.compiled import compiled, keep

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
    from leakcheck.origins import import_words

    injectors = catalogue.web.dependencies
    frameworks = _encoded(name.partition(".")[0] for name in injectors)
    tracked, kept = _encoded(catalogue.tracked_words), _encoded(catalogue.kept_words)
    makers, pools = _encoded(catalogue.factory_classes), _encoded(catalogue.pool_words)
    injecting, mentioned = _encoded(name.rpartition(".")[2] for name in injectors), _encoded(catalogue.option_words)
    transactions = catalogue.waits.transactions
    theirs = (d for d in catalogue.drivers if any(f"{top}." in name for top in d.imports for name in transactions))
    opening = dict.fromkeys(_encoded(name.rpartition(".")[2] for name in transactions), _encoded(import_words(theirs)))
    free = frozenset(word for word, endings in catalogue.receivers.items() if "" in endings)
    return Vocabulary(
        tracked=tracked,
        free=_encoded(free),
        makers=makers,
        pools=pools,
        libraries=_encoded(import_words(d for d in catalogue.drivers if d.pools or d.producers)) | frameworks,
        drivers=_encoded(catalogue.library_words),
        kept=kept - tracked,
        keepers=_encoded(import_words(catalogue.registries)),
        known=_encoded(catalogue.import_words),
        mentioned=mentioned | {_COMMENT},
        homes=opening | {word.encode(): _encoded(near) for word, near in catalogue.homes.items()},
        receivers={word.encode(): _encoded(on) for word, on in catalogue.receivers.items() if word not in free},
        anywhere=Search(tracked | kept | opening.keys() | mentioned | _STATEMENTS | {_COMMENT}),
        beside_imports=Search(pools | makers | injecting),
    )


def _encoded(words: Iterable[str]) -> Words:
    return frozenset(word.encode() for word in words)
