"""Which file an absolute import means: the folders it may start from, nearest first. Folders are listed once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache

from leakcheck.project.folders import Folders

_folder = lru_cache(maxsize=4096)(os.path.dirname)  # a file asks for many names


class Locator:
    """For one project. `root` bounds the search; `libraries` gives the names that mean no module of the project."""

    def __init__(self, root: str, libraries: Callable[[], frozenset[str]], folders: Folders | None = None) -> None:
        self._root, self._libraries = os.path.abspath(root), libraries
        self.folders = folders or Folders()
        self._roots: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
        self._tops: dict[tuple[str, str, bool], tuple[str, ...]] = {}
        self._found: dict[tuple[str, str], str] = {}

    def locate(self, name: str, asker: str) -> str:
        """The file that a dotted name means in a file; "" if it is none of the project's."""
        folder = _folder(asker)
        key = (folder, name)
        if key not in self._found:
            self._found[key] = next(self._candidates(name, folder), "")
        found = self._found[key]
        return "" if found == asker else found  # `import duckdb` in a duckdb.py means the library

    def means(self, name: str, asker: str) -> str:
        """The same for a question as it is traced: `.name` is a submodule of the asking package, `~name` one beside
        a script, `=name` no module."""
        if name.startswith("="):
            return self.nearest(name[1:], os.path.dirname(asker))
        if name.startswith("~"):
            return self.beside(name[1:], asker)
        return self.below(os.path.dirname(asker), name[1:]) if name.startswith(".") else self.locate(name, asker)

    def beside(self, name: str, asker: str) -> str:
        """The module of that name in a file's own folder, if that is a package and no library is known by the name."""
        folder = _folder(asker)
        is_library = name in sys.stdlib_module_names or name in self._libraries()
        if is_library or "__init__.py" not in self.folders.entries(folder):
            return ""
        found = self.below(folder, name)
        return "" if found == asker else found

    def nearest(self, name: str, folder: str) -> str:
        """The file of that name in a folder or the nearest one above, within the root or a repository."""
        while name not in self.folders.entries(folder):
            inside = folder.startswith(os.path.join(self._root, "")) and ".git" not in self.folders.entries(folder)
            if not inside:
                return ""
            folder = os.path.dirname(folder)
        return os.path.join(folder, name)

    def below(self, folder: str, name: str) -> str:
        """The module or package of that name in a folder."""
        entries = self.folders.entries(folder)
        if f"{name}.py" in entries:
            return os.path.join(folder, f"{name}.py")
        if name in entries and "__init__.py" in self.folders.entries(os.path.join(folder, name)):
            return os.path.join(folder, name, "__init__.py")
        return ""

    def forget(self) -> None:
        """Files have come or gone."""
        self.folders.forget()
        self._roots.clear()
        self._tops.clear()
        self._found.clear()

    def _candidates(self, name: str, folder: str) -> Iterator[str]:
        top, dot, rest = name.partition(".")
        *packages, last = rest.split(".")
        for root in self._starts(top, folder, bool(dot)):
            if found := self._inside(os.path.join(root, top), packages, last) if dot else self.below(root, top):
                yield found

    def _inside(self, folder: str, packages: list[str], last: str) -> str:
        for package in packages:
            if package not in self.folders.entries(folder):
                return ""
            folder = os.path.join(folder, package)
        return self.below(folder, last)

    def _starts(self, top: str, folder: str, dotted: bool) -> tuple[str, ...]:
        """The folders in which a name's first part stands: for most names, which mean libraries, there is none."""
        key = (folder, top, dotted)
        if key not in self._tops:
            if folder not in self._roots:
                self._roots[folder] = tuple(dict.fromkeys(self._import_roots(folder))), tuple(self._packages(folder))
            roots, packages = self._roots[folder]
            if dotted and top not in self._libraries():  # a program that puts its own package on the path
                roots = (*roots, *packages)
            names = {top} if dotted else {top, f"{top}.py"}
            self._tops[key] = tuple(root for root in roots if not names.isdisjoint(self.folders.entries(root)))
        return self._tops[key]

    def _packages(self, folder: str) -> Iterator[str]:
        """The packages a folder lies in, the nearest first."""
        while "__init__.py" in self.folders.entries(folder):
            yield folder
            folder = os.path.dirname(folder)

    def _import_roots(self, folder: str) -> Iterator[str]:
        """The asking file's folder and those above, nearest first, then the root and `src` in it."""
        while True:
            is_package = "__init__.py" in self.folders.entries(folder)
            if not is_package:  # a package's own folder is not on the path
                yield folder
            if folder == self._root or ".git" in self.folders.entries(folder) or folder == os.path.dirname(folder):
                break
            if not is_package and not folder.startswith(os.path.join(self._root, "")):
                break
            folder = os.path.dirname(folder)
        yield self._root
        yield os.path.join(self._root, "src")


def module_name(path: str) -> str:
    """The dotted name a file is imported by: its folders up to the topmost one with an `__init__.py`."""
    folder, file = os.path.split(path)
    stem = os.path.splitext(file)[0]
    parts = [] if file == "__init__.py" else [stem]
    while os.path.isfile(os.path.join(folder, "__init__.py")) and os.path.basename(folder):
        folder, name = os.path.split(folder)
        parts.append(name)
    return ".".join(reversed(parts)) or os.path.basename(os.path.dirname(path))
