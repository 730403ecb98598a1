"""Under which names a file may hand out connections: a guess from its raw bytes, which may name too many."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Container, Iterable, Iterator, Mapping

from leakcheck.project.triage.facts import RELEASING, among, words
from leakcheck.project.triage.vocabulary import Words, occurrences

_CLASS = re.compile(rb"[ \t]*class[ \t]+(\w+)([^:]*)")
_STORED = re.compile(  # from a call, or from a local name that may hold what one gave
    rb"[\n:;][ \t]+self\.\w+[^=\n(]*=(?!=)(?:[^\n]*\(|[ \t]*(?!None\b|True\b|False\b)[A-Za-z_]\w*[ \t]*[#\r\n])"
)
_RELEASES = re.compile(RELEASING.encode())
_IDENTIFIER = re.compile(rb"\w+")
_USE = re.compile(rb"\s*(?:(?P<back>return|yield)\b|(?:\w+\.)?(?P<name>\w+)\s*(?::[^=]*)?=[^=]|.*\bas\s+(?P<as>\w+))")
_GIVEN_BACK = re.compile(rb"\b(?:return|yield)[ \t(]+(?:\w+\.)?(\w+)[ \t)]*(?:,|#|\r?$)", re.MULTILINE)
_AS = re.compile(rb"\b(\w+)\s+as\s+(\w+)")
_ASSIGNED = re.compile(rb"(\w+)[ \t]*(?::[^=\n]*)?=(?!=)")
_DEF = b"def "

Place = tuple[int, int]  # where a word begins and ends


def handed_out(data: bytes, imports: bytes, sought: Words, makers: Words) -> Words:
    """The names by which a file gives others what a sought call gave it, or the sought call itself."""
    text = b"\n%b\n" % data
    found = frozenset(words(imports)) & sought
    seen: Words = frozenset()
    new = sought | makers
    while new:  # a function here may give what another one here gives
        mentions = {name: list(occurrences(text, name)) for name in among(data, new)}
        calls = {name: [at for at, end in there if _is_called(text, at, end)] for name, there in mentions.items()}
        seen |= new
        ours = (_inheriting(text, mentions), _returned(text, calls), _named_anew(text, mentions))
        new = frozenset().union(*ours, _made(text, calls, makers)) - seen if mentions else frozenset()
        found |= new.union(renamed(imports, mentions))
    return found


def classes_in(data: bytes) -> Words:
    """The names of the classes in a file."""
    return frozenset(found[1] for found in _classes(b"\n%b\n" % data))


def _is_called(text: bytes, at: int, end: int) -> bool:
    return text[end : end + 8].lstrip(b" \t").startswith(b"(") and not text.endswith(_DEF, 0, at)


def _line(text: bytes, at: int) -> Place:
    """Where the line begins and ends that a place is in."""
    return text.rfind(b"\n", 0, at) + 1, text.index(b"\n", at)


def renamed(imports: bytes, names: Container[bytes]) -> Iterator[bytes]:
    """Other names that import statements give them: `from app.db import connect as open_db`."""
    return (alias for name, alias in _AS.findall(imports) if name in names)


def _named_anew(text: bytes, mentions: Mapping[bytes, list[Place]]) -> Iterator[bytes]:
    """Module-level names assigned from something that mentions one: `open_db = partial(sqlite3.connect, "x")`."""
    for at, _ in (place for found in mentions.values() for place in found):
        target = _ASSIGNED.match(text, *_line(text, at))
        if target and target.end() <= at:
            yield target[1]


def _made(text: bytes, calls: Mapping[bytes, list[int]], makers: Words) -> Iterator[bytes]:
    """Names assigned from a maker's call: `SessionLocal = sessionmaker(...)`."""
    for at in (at for name in makers & calls.keys() for at in calls[name]):
        target, assigns, _ = text[_line(text, at)[0] : at].partition(b"=")
        if assigns:
            yield from words(target.partition(b":")[0])[-1:]


def _inheriting(text: bytes, names: Mapping[bytes, object]) -> Iterator[bytes]:
    """Classes that inherit from one: their objects are made by calling them, and have what their base opens."""
    return (found[1] for found in _classes(text) if not names.keys().isdisjoint(words(found[2])))


def _classes(text: bytes) -> Iterator[re.Match[bytes]]:
    at = text.find(b"class ")
    while at >= 0:
        if found := _CLASS.match(text, text.rfind(b"\n", 0, at) + 1):
            yield found
        at = text.find(b"class ", at + 6)


def _returned(text: bytes, calls: Mapping[bytes, list[int]]) -> Iterator[bytes]:
    """Functions that use a sought name and give something back, and classes whose objects own such a thing."""
    bodies: dict[int, list[int]] = {}  # by their beginning, the calls in them
    for at in {at for found in calls.values() for at in found}:
        bodies.setdefault(text.rfind(_DEF, 0, at), []).append(at)
    classes = [(found.start(), found[1]) for found in _classes(text)] if bodies else []
    keepers = set()
    for start, inside in bodies.items():
        owner = classes[place - 1][1] if (place := bisect(classes, (start,))) else b""
        body = text[start + len(_DEF) : text.find(_DEF, start + len(_DEF))]
        name = _IDENTIFIER.match(body)
        if start >= 0 and name and _gives_back(text, start + len(_DEF), body, inside):
            yield owner if name[0].startswith(b"__") else name[0]
        if start >= 0 and owner and _STORED.search(body):
            keepers.add(owner)
    if keepers and _RELEASES.search(text):  # the slowest comes last
        yield from keepers


def _gives_back(text: bytes, start: int, body: bytes, calls: Iterable[int]) -> bool:
    """Whether a function's text looks as if it gives its caller what a sought call gave it."""
    names = set()
    for at in calls:
        first, last = _line(text, at)
        if use := _USE.match(text, max(first, start), last):
            if use["back"]:
                return True
            names.add(use["name"] or use["as"])
    return bool(names) and not names.isdisjoint(_GIVEN_BACK.findall(body))
