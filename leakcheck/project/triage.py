"""A first look at raw bytes: which files are worth a closer one, and which no parser should be given."""

from __future__ import annotations

import ast
import os
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from leakcheck.project.neighbours import Neighbours, import_statements

if TYPE_CHECKING:
    from leakcheck.catalogue import Catalogue

_WORD_CHARACTERS = b"_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BLANKED = bytes(b if b in _WORD_CHARACTERS or b > 127 else 0x20 for b in range(256))  # all but words becomes a space

_DEFINITION = re.compile(rb"^[ \t]*(?:async[ \t]+)?(def|class)[ \t]+(\w+)", re.MULTILINE)
_USE = re.compile(rb"\s*(?:(?P<back>return|yield)\b|(?:\w+\.)?(?P<name>\w+)\s*(?::[^=]*)?=[^=]|.*\bas\s+(?P<as>\w+))")
_GIVEN_BACK = re.compile(rb"\b(?:return|yield)[ \t(]+(?:\w+\.)?(\w+)[ \t)]*(?:,|#|\r?$)", re.MULTILINE)
_CALL = re.compile(rb"\b(\w+)[ \t]*\(")
_AS = re.compile(rb"\b(\w+)\s+as\s+(\w+)")
_ASSIGNED = re.compile(rb"^(\w+)[ \t]*(?::[^=\n]*)?=(?!=)([^\n]*)", re.MULTILINE)
_STORED = re.compile(rb"^[ \t]+self\.\w+[ \t]*(?::[^=\n]*)?=(?!=)[^\n]*\(", re.MULTILINE)
_RELEASES = re.compile(rb"\bdef[ \t]+\w*(?:clos|exit|releas|dispos|shut|disconn|stop|clean|finish)", re.IGNORECASE)
_HOPS = 3  # of project imports between a file and the driver

# Beyond these a parse takes minutes or overflows the C stack; people's code is nowhere near.
_SUSPICIOUS_LINE, _SUSPICIOUS_INDENT = 5_000, 400
_MOST_NODES, _DEEPEST = 100_000, 1_000


def mentions(data: bytes, catalogue: Catalogue) -> bool:
    """Whether a file on its own holds a word that a finding needs: a driver's module, or an acquirer's name."""
    return not _direct_words(catalogue).isdisjoint(words(data))


def words(data: bytes) -> list[bytes]:
    """All the words of a file, code or not."""
    return data.translate(_BLANKED).split()


@lru_cache
def _direct_words(catalogue: Catalogue) -> frozenset[bytes]:
    """The words of database code, and of comments about findings, which may outlive the code they speak of."""
    wanted = catalogue.import_words | catalogue.acquirer_words | catalogue.option_words
    wanted |= {"leakcheck", *catalogue.rules}
    return frozenset(word.encode() for word in wanted)


@dataclass
class Triage:
    """Picks the files that can have a finding, also through the project's own wrappers in other files.

    A file counts if it mentions a driver or an acquirer; or if it imports a module that counts and mentions one of
    the names by which such modules hand out connections. Where only some files are given, what they import from the
    rest of the project is read too.
    """

    catalogue: Catalogue
    read: Callable[[str], bytes]
    root: str = ""  # of the project; without one nothing but the given files is read
    chosen: set[str] = field(default_factory=set)
    _modules: set[bytes] = field(default_factory=set)
    _wrappers: set[bytes] = field(default_factory=set)
    _makers: set[bytes] = field(default_factory=set)

    def pick(self, files: Iterable[str]) -> set[str]:
        """The files worth checking."""
        self._wrappers = {word.encode() for word in self.catalogue.tracked_words}
        self._makers = {name.encode() for name in self.catalogue.factory_classes}
        given = list(files)
        rest = self._direct(given, self.read)
        around = self._around(given, rest) if self.root and rest else {}
        self._reach(rest | around, lambda file: _peek(file) if file in around else self.read(file))
        return self.chosen.intersection(given)

    def _direct(self, files: Iterable[str], read: Callable[[str], bytes]) -> dict[str, list[bytes]]:
        """Choose the files that count by themselves; the import statements of the others."""
        rest: dict[str, list[bytes]] = {}
        for file in files:
            data = read(file)
            if mentions(data, self.catalogue):
                self._choose(file, data)
            else:
                rest[file] = import_statements(data)
        return rest

    def _around(self, given: list[str], rest: dict[str, list[bytes]]) -> dict[str, list[bytes]]:
        """The same for files that were not given, but are imported by those that do not count by themselves."""
        neighbours = Neighbours(self.root)
        seen = {os.path.abspath(file) for file in given}
        around: dict[str, list[bytes]] = {}
        new = rest
        for _ in range(_HOPS):
            found = {path for file, imports in new.items() for path in neighbours.of(imports, file)} - seen
            seen |= found
            new = self._direct(sorted(found), _peek)
            around |= new
        return around

    def _reach(self, rest: dict[str, list[bytes]], read: Callable[[str], bytes]) -> None:
        """Choose what calls a wrapper of a module that counts, until nothing is added."""
        imported = {file: frozenset(word for s in statements for word in words(s)) for file, statements in rest.items()}
        for _ in range(_HOPS):
            known = len(self.chosen), len(self._modules)
            for file in [file for file, named in imported.items() if not named.isdisjoint(self._modules)]:
                data = read(file)
                again = _renamed(rest[file], self._wrappers)
                if again or _calls(data, self._wrappers):
                    del imported[file]
                    self._wrappers |= again
                    self._choose(file, data)
                elif any(b"*" in statement for statement in rest[file]) or not imported[file].isdisjoint(
                    self._wrappers
                ):
                    self._modules.add(_stem(file))  # what it imports can be imported from it
            if (len(self.chosen), len(self._modules)) == known:
                break

    def _choose(self, file: str, data: bytes) -> None:
        self.chosen.add(file)
        self._modules.add(_stem(file))
        self._wrappers.update(_made(data, self._makers), _named_anew(data, self._wrappers))
        self._wrappers.update(_handed_out(data, self._wrappers))


def _stem(file: str) -> bytes:
    folder, name = os.path.split(os.path.abspath(file))
    return os.fsencode(os.path.basename(folder) if name == "__init__.py" else name.removesuffix(".py"))


def _peek(file: str) -> bytes:
    """The bytes of a file that nobody asked to check; nothing if it cannot be read."""
    try:
        with open(file, "rb") as stream:
            return stream.read()
    except OSError:
        return b""


def _calls(data: bytes, names: set[bytes]) -> bool:
    return not (names.isdisjoint(words(data)) or names.isdisjoint(_CALL.findall(data)))  # the cheap test first


def _renamed(imports: list[bytes], names: set[bytes]) -> set[bytes]:
    """Other names that import statements give them: `from app.db import connect as open_db`."""
    return {alias for statement in imports for name, alias in _AS.findall(statement) if name in names}


def _named_anew(data: bytes, names: set[bytes]) -> Iterator[bytes]:
    """Module-level names assigned from something that mentions one: `open_db = partial(sqlite3.connect, "x")`."""
    for name, value in _ASSIGNED.findall(data):
        if not names.isdisjoint(words(value)):
            yield name


def _made(data: bytes, makers: set[bytes]) -> Iterator[bytes]:
    """Names assigned from such a call: `SessionLocal = sessionmaker(...)`."""
    if makers.isdisjoint(words(data)):
        return
    for line in data.splitlines():
        target, _, value = line.partition(b"=")
        if _calls(value, makers):
            yield from words(target.partition(b":")[0])[-1:]


def _handed_out(data: bytes, sought: set[bytes]) -> Iterator[bytes]:
    """Names under which a file may hand out connections: functions that use a sought name and give something back."""
    _, *parts = _DEFINITION.split(data)
    owner, releases = b"", _RELEASES.search(data) is not None
    for kind, name, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        owner = name if kind == b"class" else owner
        if kind == b"class" and not sought.isdisjoint(words(body.partition(b":")[0])):
            yield name  # its objects are made by calling it, and inherit what its base opens
        if not _calls(body, sought):
            continue
        if _hands_out(body, sought):
            yield owner if name.startswith(b"__") else name
        if owner and releases and _STORED.search(body):
            yield owner  # its objects keep a connection


def _hands_out(body: bytes, sought: set[bytes]) -> bool:
    """Whether a function's text looks as if it gives its caller what a sought call gave it."""
    names = set()
    for line in body.splitlines():
        use = _USE.match(line)
        if use and _calls(line, sought):
            if use["back"]:
                return True
            names.add(use["name"] or use["as"])
    return not names.isdisjoint(_GIVEN_BACK.findall(body))


def obstacle(text: str, lines: Sequence[str]) -> str | None:
    """Why text is too large or too deeply nested to be parsed in reasonable time, or None."""
    indent = max((len(line) - len(line.lstrip()) for line in lines), default=0)
    if max(map(len, lines), default=0) < _SUSPICIOUS_LINE and indent < _SUSPICIOUS_INDENT:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (RecursionError, MemoryError):
        return "too deeply nested"
    except (SyntaxError, ValueError) as error:
        # newer syntax than ours is the parser's business; "too many ..." is a limit of every Python
        return str(error) if "too many" in str(error) else None
    return _oversize(tree)


def _oversize(tree: ast.AST) -> str | None:
    count, depth, level = 0, 0, [tree]
    while level:
        count, depth = count + len(level), depth + 1
        if depth > _DEEPEST:
            return "too deeply nested"
        if count > _MOST_NODES:
            return "too large: more data than code"
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return None
