"""What the shipped catalogue says, kept beside the program's bytecode in forms that are quick to read, and by the same
rules: not where Python writes none, and not if a file it was read from has changed since."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from leakcheck import __version__
from leakcheck.project.cache.storage import Storage, digest_of
from leakcheck.project.triage.vocabulary import Search, Vocabulary, Words

_TABLES, _SEARCHES = 2, 2  # its last fields
_OF = b"="  # in a table, between a word and one of those it stands for
_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def compiled() -> Vocabulary | None:
    """The vocabulary, if it is there and as it was written."""
    lines = [line.split() for line in _storage().lines(_name("vocabulary"))]
    if len(lines) != len(Vocabulary._fields):
        return None
    plain, tables = lines[: -_TABLES - _SEARCHES], lines[-_TABLES - _SEARCHES : -_SEARCHES]
    return Vocabulary._make((*map(frozenset, plain), *map(_table, tables), *map(Search, lines[-_SEARCHES:])))


def keep(vocabulary: Vocabulary) -> None:
    """Write it for the next run."""
    if not sys.dont_write_bytecode:
        *plain, homes, receivers, anywhere, beside = vocabulary
        tables = ({word + _OF + other for word in table for other in table[word]} for table in (homes, receivers))
        lines = (b" ".join(sorted(words)) for words in (*plain, *tables, anywhere.words, beside.words))
        _storage().write_lines(_name("vocabulary"), lines)


def _table(pairs: Iterable[bytes]) -> dict[bytes, Words]:
    found: dict[bytes, Words] = {}
    for word, _, other in (pair.partition(_OF) for pair in pairs):
        found[word] = found.get(word, frozenset()) | {other}
    return found


def rule_tables(read: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The tables of the catalogue's files by their paths; they are only read where they are not known."""
    known = _storage().read(_name("rules"))[0]
    if isinstance(known, dict):
        return known
    found = read()
    if not sys.dont_write_bytecode:
        _storage().write(_name("rules"), found)
    return found


def _storage() -> Storage:
    return Storage(Path(_PACKAGE, "__pycache__"), tagged=False)


def _name(what: str) -> str:
    rules = (os.path.join(_PACKAGE, "rules"), os.path.join(os.path.dirname(_PACKAGE), "rules"))
    code = (os.path.join(_PACKAGE, *name) for name in (("project", "triage", "vocabulary.py"), ("origins.py",)))
    stamps = (__version__, stamps_of([*code, *files_in(rules, ".toml")]))
    return f"{what}-{digest_of(repr(stamps).encode())[:16]}"


def files_in(tops: Iterable[str], *endings: str) -> Iterator[str]:
    """The files below some folders, in order."""
    for top in tops:
        for folder, folders, names in os.walk(top):
            folders.sort()
            yield from (os.path.join(folder, name) for name in sorted(names) if name.endswith(endings))


def stamps_of(files: Iterable[str]) -> list[tuple[str, int, int]]:
    """How files look from outside."""
    return [(file, (found := os.stat(file)).st_size, found.st_mtime_ns) for file in files]
