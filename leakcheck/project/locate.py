"""Which file an absolute import means: the folders it may start from, nearest first. Folders are listed once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

_MOST_TEXTS = 300  # files searched for users of a class


class Locator:
    """For one project. `root` bounds the search; `libraries` gives the names that mean no module of the project."""

    def __init__(self, root: str, libraries: Callable[[], frozenset[str]]) -> None:
        self._root, self._libraries = os.path.abspath(root), libraries
        self._listed: dict[str, frozenset[str]] = {}
        self._roots: dict[str, tuple[str, ...]] = {}
        self._found: dict[tuple[str, str], str] = {}

    def locate(self, name: str, asker: str) -> str:
        """The file that a dotted name means in a file; "" if it is none of the project's."""
        folder = os.path.dirname(asker)
        key = (folder, name)
        if key not in self._found:
            self._found[key] = next(self._candidates(name, folder), "")
        found = self._found[key]
        return "" if found == asker else found  # `import duckdb` in a duckdb.py means the library

    def means(self, name: str, asker: str) -> str:
        """The same for a question as it is traced: `.name` is a submodule of the asking package."""
        return self.below(os.path.dirname(asker), name[1:]) if name.startswith(".") else self.locate(name, asker)

    def below(self, folder: str, name: str) -> str:
        """The module or package of that name in a folder."""
        entries = self.entries(folder)
        if f"{name}.py" in entries:
            return os.path.join(folder, f"{name}.py")
        if name in entries and "__init__.py" in self.entries(os.path.join(folder, name)):
            return os.path.join(folder, name, "__init__.py")
        return ""

    def entries(self, folder: str) -> frozenset[str]:
        """What stands in a folder."""
        if folder not in self._listed:
            try:
                self._listed[folder] = frozenset(os.listdir(folder))
            except OSError:
                self._listed[folder] = frozenset()
        return self._listed[folder]

    def forget(self) -> None:
        """Files have come or gone."""
        self._listed.clear()
        self._roots.clear()
        self._found.clear()

    def _candidates(self, name: str, folder: str) -> Iterator[str]:
        if folder not in self._roots:
            self._roots[folder] = tuple(dict.fromkeys(self._import_roots(folder)))
        *packages, last = name.split(".")
        roots: Iterable[str] = self._roots[folder]
        if packages and packages[0] not in self._libraries():  # a program that puts its own package on the path
            roots = (*roots, *self._packages(folder))
        for root in roots:
            for package in packages:
                if package not in self.entries(root):
                    break
                root = os.path.join(root, package)
            else:
                if found := self.below(root, last):
                    yield found

    def _packages(self, folder: str) -> Iterator[str]:
        """The packages a folder lies in, the nearest first."""
        while "__init__.py" in self.entries(folder):
            yield folder
            folder = os.path.dirname(folder)

    def _import_roots(self, folder: str) -> Iterator[str]:
        """The asking file's folder and those above, nearest first, then the root and `src` in it."""
        while True:
            is_package = "__init__.py" in self.entries(folder)
            if not is_package:  # a package's own folder is not on the path
                yield folder
            if folder == self._root or ".git" in self.entries(folder) or folder == os.path.dirname(folder):
                break
            if not is_package and not folder.startswith(os.path.join(self._root, "")):
                break
            folder = os.path.dirname(folder)
        yield self._root
        yield os.path.join(self._root, "src")


def files_below(folder: str) -> list[str]:
    """Python files in a folder and below, the nearest first; not all if there are many."""
    found: list[str] = []
    level = [folder]
    while level and len(found) < _MOST_TEXTS:
        below: list[str] = []
        for each in level:
            with os.scandir(each) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
            found += (entry.path for entry in entries if entry.name.endswith(".py"))
            below += (e.path for e in entries if e.name[:1] not in "._" and e.is_dir(follow_symlinks=False))
        level = below
    return found[:_MOST_TEXTS]
