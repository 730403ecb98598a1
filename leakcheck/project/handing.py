"""Under which names a file may hand out connections: a guess from its raw bytes, which may name too many."""

from __future__ import annotations

import re
from collections.abc import Iterator

from leakcheck.project.facts import words
from leakcheck.project.vocabulary import Words, occurrences

_CLASS = re.compile(rb"\n[ \t]*class[ \t]+(\w+)([^:]*)")
_STORED = re.compile(rb"\n[ \t]+self\.\w+[ \t]*(?::[^=\n]*)?=(?!=)[^\n]*\(")
_RELEASES = re.compile(rb"\bdef[ \t]+\w*(?:clos|exit|releas|dispos|shut|disconn|stop|clean|finish)", re.IGNORECASE)
_IDENTIFIER = re.compile(rb"\w+")
_USE = re.compile(rb"\s*(?:(?P<back>return|yield)\b|(?:\w+\.)?(?P<name>\w+)\s*(?::[^=]*)?=[^=]|.*\bas\s+(?P<as>\w+))")
_GIVEN_BACK = re.compile(rb"\b(?:return|yield)[ \t(]+(?:\w+\.)?(\w+)[ \t)]*(?:,|#|\r?$)", re.MULTILINE)
_AS = re.compile(rb"\b(\w+)\s+as\s+(\w+)")
_ASSIGNED = re.compile(rb"\n(\w+)[ \t]*(?::[^=\n]*)?=(?!=)([^\n]*)")


def handed_out(data: bytes, imports: bytes, sought: Words, makers: Words) -> Words:
    """The names by which a file gives others what a sought call gave it, or the sought call itself."""
    known = frozenset(name for name in sought | makers if name in data)
    if not known:
        return frozenset()
    passed_on = frozenset(words(imports)) & sought
    renamed = (*_renamed(imports, known), *_named_anew(data, known))
    return passed_on.union(renamed, _made(data, makers), _returned(data, known))


def _calls(data: bytes, names: Words) -> bool:
    return any(_is_called(data, name) for name in names if name in data)


def _is_called(data: bytes, name: bytes) -> bool:
    return any(data[end : end + 8].lstrip(b" \t").startswith(b"(") for _, end in occurrences(data, name))


def _renamed(imports: bytes, names: Words) -> Iterator[bytes]:
    """Other names that import statements give them: `from app.db import connect as open_db`."""
    return (alias for name, alias in _AS.findall(imports) if name in names)


def _named_anew(data: bytes, names: Words) -> Iterator[bytes]:
    """Module-level names assigned from something that mentions one: `open_db = partial(sqlite3.connect, "x")`."""
    found = (f for f in _ASSIGNED.findall(b"\n" + data) if any(name in f[1] for name in names))
    return (name for name, value in found if not names.isdisjoint(words(value)))


def _made(data: bytes, makers: Words) -> Iterator[bytes]:
    """Names assigned from such a call: `SessionLocal = sessionmaker(...)`."""
    if not any(maker in data for maker in makers):
        return
    for line in data.splitlines():
        target, _, value = line.partition(b"=")
        if _calls(value, makers):
            yield from words(target.partition(b":")[0])[-1:]


def _returned(data: bytes, sought: Words) -> Iterator[bytes]:
    """Functions that use a sought name and give something back, and classes whose objects own such a thing."""
    before, *bodies = (b"\n" + data).split(b"def ")
    owner = b""
    for body in (*bodies, b""):
        for owner, bases in _CLASS.findall(before) if b"class " in before else ():
            if not sought.isdisjoint(words(bases)):
                yield owner  # its objects are made by calling it, and inherit what its base opens
        before = body
        if not _calls(body, sought):
            continue
        name = _IDENTIFIER.match(body)
        if name and _gives_back(body, sought):
            yield owner if name[0].startswith(b"__") else name[0]
        if owner and _STORED.search(body) and _RELEASES.search(data):  # the slowest comes last
            yield owner  # its objects keep a connection


def _gives_back(body: bytes, sought: Words) -> bool:
    """Whether a function's text looks as if it gives its caller what a sought call gave it."""
    names = set()
    for line in body.splitlines():
        if _calls(line, sought) and (use := _USE.match(line)):
            if use["back"]:
                return True
            names.add(use["name"] or use["as"])
    return not names.isdisjoint(_GIVEN_BACK.findall(body))
