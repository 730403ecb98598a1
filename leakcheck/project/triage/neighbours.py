"""Which files of the project a file's import statements mean, from raw bytes: wrappers may stand there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

from leakcheck.project.folders import Folders

_FROM = re.compile(rb"from\s*(\.*)\s*([\w.]*)\s*import\b(.*)", re.DOTALL)
_NAME = re.compile(rb"(\w+)(?:\s+as\s+\w+)?\s*(?:,|\)|#[^\n]*|;|$)")
_DOTTED = re.compile(rb"([\w.]+)(?:\s+as\s+\w+)?\s*(?:,|#|;|$)")


def modules_named(statement: bytes) -> Iterator[tuple[str, list[str]]]:
    """The dotted names of modules that one import statement loads, and the names it takes from each."""
    if found := _FROM.match(statement):
        yield os.fsdecode(found[1] + found[2]), [os.fsdecode(name) for name in _NAME.findall(found[3])]
    else:
        yield from ((os.fsdecode(name), []) for name in _DOTTED.findall(statement.removeprefix(b"import").lstrip()))


class Neighbours:
    """Answers for one project root."""

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(root) if root else ""
        self.folders = Folders()
        self._roots: dict[str, tuple[str, ...]] = {}
        self._meant: dict[tuple[str, bytes], tuple[str, ...]] = {}
        self._named: dict[bytes, tuple[tuple[str, list[str]], ...]] = {}
        self._places: dict[tuple[str, str], tuple[str, ...]] = {}
        self._starts: dict[tuple[str, str], tuple[str, ...]] = {}
        self._stems: dict[str, frozenset[str]] = {}
        self._found: dict[tuple[str, str], str] = {}

    def of(self, imports: bytes, file: str) -> list[str]:
        """The files that these import statements of a file mean, as far as they are in the project."""
        if not self.root or not imports:
            return []
        folder = os.path.dirname(file)
        found: dict[str, None] = {}
        for statement in imports.split(b"\n"):
            key = (folder, statement)
            if key not in self._meant:
                self._meant[key] = tuple(self._modules(statement, folder))
            found.update(dict.fromkeys(self._meant[key]))
        found.pop(file, None)
        return list(found)

    def unlisted(self, files: Iterable[str]) -> frozenset[bytes]:
        """The names of modules and packages in the project's folders around these files that are not among them."""
        given = frozenset(files)
        folders = {folder for file in given for folder in self._roots_of(os.path.dirname(file))} if self.root else set()
        known = given | folders
        left = (
            name.removesuffix(".py")
            for folder in folders
            for name in self.folders.entries(folder)
            if (name.endswith(".py") or name.isidentifier()) and os.path.join(folder, name) not in known
        )
        return frozenset(os.fsencode(name) for name in left)

    def _modules(self, statement: bytes, folder: str) -> Iterator[str]:
        if statement not in self._named:
            self._named[statement] = tuple(modules_named(statement))
        for dotted, names in self._named[statement]:
            for place in self._placed(dotted, folder):
                if place.endswith(".py"):
                    yield place
                else:
                    yield from self._package(place, names)

    def _package(self, folder: str, names: list[str]) -> Iterator[str]:
        """A package itself, and which of the names taken from it are modules."""
        entries = self.folders.entries(folder)
        if "__init__.py" in entries:
            yield os.path.join(folder, "__init__.py")
        for name in names:
            if f"{name}.py" in entries:
                yield os.path.join(folder, f"{name}.py")
            elif name in entries and "__init__.py" in self.folders.entries(os.path.join(folder, name)):
                yield os.path.join(folder, name, "__init__.py")

    def _placed(self, dotted: str, folder: str) -> tuple[str, ...]:
        """The files and folders that a dotted name may mean in a folder."""
        key = (folder, dotted)
        if key not in self._places:
            path = dotted.lstrip(".")
            level = len(dotted) - len(path)
            for _ in range(level - 1):
                folder = os.path.dirname(folder)
            starts = (folder,) if level else self._starts_of(path.partition(".")[0], folder)
            self._places[key] = tuple(found for start in starts if (found := self._below(start, path)))
        return self._places[key]

    def _starts_of(self, top: str, folder: str) -> tuple[str, ...]:
        """The folders in which the first part of an absolute name stands: for most, which mean libraries, none."""
        key = (folder, top)
        if key not in self._starts:
            self._starts[key] = tuple(root for root in self._roots_of(folder) if top in self._stems_in(root))
        return self._starts[key]

    def _stems_in(self, folder: str) -> frozenset[str]:
        if folder not in self._stems:
            self._stems[folder] = frozenset(name.removesuffix(".py") for name in self.folders.entries(folder))
        return self._stems[folder]

    def _below(self, folder: str, path: str) -> str:
        """What a dotted name means in a folder, as the start of a path; "" if nothing."""
        key = (folder, path)
        if key not in self._found:
            self._found[key] = self._searched(folder, path.split(".") if path else [])
        return self._found[key]

    def _searched(self, folder: str, parts: list[str]) -> str:
        for part in parts[:-1]:
            if part not in self.folders.entries(folder):
                return ""
            folder = os.path.join(folder, part)
        if not parts:
            return folder
        entries = self.folders.entries(folder)
        if f"{parts[-1]}.py" in entries:
            return os.path.join(folder, f"{parts[-1]}.py")
        return os.path.join(folder, parts[-1]) if parts[-1] in entries else ""

    def _roots_of(self, folder: str) -> tuple[str, ...]:
        """Where the absolute imports of files in a folder may start, the nearest first."""
        if folder not in self._roots:
            inside = folder.startswith(os.path.join(self.root, "")) or "__init__.py" in self.folders.entries(folder)
            climbs = inside and folder != os.path.dirname(folder)
            above = self._roots_of(os.path.dirname(folder)) if climbs else (self.root, os.path.join(self.root, "src"))
            self._roots[folder] = tuple(dict.fromkeys((folder, *above)))
        return self._roots[folder]
