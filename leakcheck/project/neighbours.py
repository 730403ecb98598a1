"""Which files of the project a file's import statements mean, from raw bytes: wrappers may stand there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

_IMPORT = re.compile(rb"^[ \t]*(?:from|import)[ \t][^\n(]*(?:\([^)]*\))?", re.MULTILINE)
_FROM = re.compile(rb"\s*from\s+(\.*)([\w.]*)\s+import\b(.*)", re.DOTALL)
_NAME = re.compile(rb"(\w+)(?:\s+as\s+\w+)?\s*(?:,|\)|#[^\n]*|$|\n)")
_DOTTED = re.compile(rb"([\w.]+)(?:\s+as\s+\w+)?\s*(?:,|#|$)")


def import_statements(data: bytes) -> list[bytes]:
    """The import statements of a file, as far as they begin a line."""
    return _IMPORT.findall(data)


def modules_named(statement: bytes) -> Iterator[str]:
    """The dotted names of modules that one import statement may load: `a.b` and `a.b.c` for `from a.b import c`."""
    if found := _FROM.match(statement):
        base = os.fsdecode(found[1] + found[2])
        yield base
        for name in _NAME.findall(found[3]):
            yield base + "." * (not base.endswith(".")) + os.fsdecode(name)
    else:
        yield from (os.fsdecode(name) for name in _DOTTED.findall(statement.strip().removeprefix(b"import")))


class Neighbours:
    """Answers for one project root; what stands in a folder is read once."""

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(root)
        self._modules: dict[str, frozenset[str]] = {}  # by folder, the names that can be imported from there
        self._roots: dict[str, tuple[str, ...]] = {}
        self._found: dict[tuple[str, str], str] = {}

    def of(self, imports: list[bytes], file: str) -> Iterator[str]:
        """The files that these import statements of a file mean, as far as they are in the project."""
        folder = os.path.dirname(os.path.abspath(file))
        for statement in imports:
            for name in modules_named(statement):
                if found := self._find(name, folder):
                    yield found

    def _find(self, name: str, folder: str) -> str:
        key = (folder, name)
        if key not in self._found:
            self._found[key] = next(self._candidates(name, folder), "")
        return self._found[key]

    def _candidates(self, name: str, folder: str) -> Iterator[str]:
        level = len(name) - len(name.lstrip("."))
        for _ in range(level - 1):
            folder = os.path.dirname(folder)
        parts = name[level:].split(".") if name[level:] else []
        for root in (folder,) if level else self._roots_of(folder):
            if parts and parts[0] not in self._importable(root):
                continue
            target = os.path.join(root, *parts)
            yield from (path for path in (target + ".py", os.path.join(target, "__init__.py")) if os.path.isfile(path))

    def _roots_of(self, folder: str) -> tuple[str, ...]:
        if folder not in self._roots:
            roots = [folder]
            while folder.startswith(os.path.join(self.root, "")):
                folder = os.path.dirname(folder)
                roots.append(folder)
            self._roots[roots[0]] = tuple(dict.fromkeys((*roots, self.root, os.path.join(self.root, "src"))))
            folder = roots[0]
        return self._roots[folder]

    def _importable(self, folder: str) -> frozenset[str]:
        if folder not in self._modules:
            try:
                entries = os.listdir(folder)
            except OSError:
                entries = []
            names = (entry.removesuffix(".py") for entry in entries)
            self._modules[folder] = frozenset(name for name in names if name.isidentifier())
        return self._modules[folder]
