"""The project around a file: which other module an import means. Modules are read on demand and kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice, takewhile
from pathlib import Path

from leakcheck.catalogue import Catalogue, load
from leakcheck.project.module import ClassInfo, FunctionInfo, Module
from leakcheck.project.source import SourceUnreadable, read_source
from leakcheck.settings import Settings

Definition = Module | FunctionInfo | ClassInfo
_MOST_TEXTS = 300  # files searched for users of a class


class Project:
    """One a process. `root` bounds the search for modules that an import may mean."""

    def __init__(self, settings: Settings, catalogue: Catalogue | None = None) -> None:
        self.settings = settings
        self.catalogue = catalogue or load(settings.drivers, settings.connections)
        self.root = settings.root
        self._modules: dict[Path, Module | None] = {}
        self._roots: dict[Path, list[str]] = {}  # by folder, where its absolute imports may start
        self._tops: dict[str, bool] = {}
        self._found: dict[tuple[Path, str], Path | None] = {}
        self.memo: dict[object, object] = {}  # summaries and other answers, keyed by their askers

    def fork(self) -> Project:
        """A copy to try changed texts in: it knows the modules read so far, and what it learns stays in it."""
        fork = Project(self.settings, self.catalogue)
        fork._modules = dict(self._modules)
        fork._found = dict(self._found)
        return fork

    def add(self, source: str, filename: str, at_once: bool = False) -> Module:
        """The module for text in hand: a file being checked, standard input."""
        path = Path(filename).absolute()
        known = self._modules.get(path)
        if known is not None and known.source == source and not at_once:
            known.filename = filename  # as given, not as it was found through an import
            return known
        module = Module(source, filename, module_name(path), at_once)
        if known is not None:
            module.keep_trees(known)
            self._unlearn()
        self._modules[path] = module
        return module

    def _unlearn(self) -> None:
        """What was concluded from a text that has changed; the files around it are the same."""
        self.memo = {key: value for key, value in self.memo.items() if isinstance(key, tuple) and key[0] == "texts"}

    def forget(self, path: Path) -> None:
        """A file that has changed on disk, come or gone: it is read again, and nothing is taken for known."""
        self._modules.pop(path.absolute(), None)
        self._tops.clear()
        self._found.clear()
        self.memo.clear()

    def module_at(self, path: Path) -> Module | None:
        """The module in a file; None if it cannot be read."""
        path = path.absolute()
        if path not in self._modules:
            try:
                self._modules[path] = Module(read_source(path), _shown(path), module_name(path))
            except (SourceUnreadable, RecursionError):
                self._modules[path] = None
        return self._modules[path]

    def texts_around(self, module: Module) -> list[str]:
        """The sources of the files beside a module and below, where code that uses its classes is likely to stand."""
        folder = Path(module.filename).absolute().parent
        key = ("texts", folder)
        if key not in self.memo:
            known = Path(module.filename).is_file()  # text in hand has no neighbours
            paths = islice(_python_below(folder), _MOST_TEXTS) if known else ()
            self.memo[key] = [text for path in paths if (text := _text(path))]
        return self.memo[key]  # type: ignore[return-value]

    def find(self, name: str, asker: Module) -> Module | None:
        """The project's module of that absolute dotted name, as `asker` would import it."""
        path = self._locate(name, Path(asker.filename).absolute())
        return self.module_at(path) if path else None

    def submodule(self, package: Module, name: str) -> Module | None:
        """The module of that name in a package's folder."""
        if not package.is_package:
            return None
        folder = Path(package.filename).absolute().parent
        return self.module_at(folder / f"{name}.py") or self.module_at(folder / name / "__init__.py")

    def _locate(self, name: str, asker: Path) -> Path | None:
        key = (asker.parent, name)
        if key not in self._found:
            self._found[key] = next(self._candidates(name, asker.parent), None)
        found = self._found[key]
        return None if found == asker else found  # `import duckdb` in a duckdb.py means the library

    def _candidates(self, name: str, folder: Path) -> Iterator[Path]:
        """Files an absolute import in a folder may mean. Strings, because paths are slow and this is asked often."""
        if folder not in self._roots:
            self._roots[folder] = list(dict.fromkeys(str(root) for root in _import_roots(folder, self.root)))
        first, *rest = name.split(".")
        roots = self._roots[folder]
        if rest and first not in self.catalogue.import_words:  # a program that puts its own package on the path
            roots = [*roots, *(str(package) for package in _packages(folder))]
        for root in roots:
            top = os.path.join(root, first)
            if top not in self._tops:
                self._tops[top] = os.path.isdir(top) or os.path.isfile(top + ".py")
            if self._tops[top]:
                target = os.path.join(top, *rest)
                yield from (Path(p) for p in (target + ".py", os.path.join(target, "__init__.py")) if os.path.isfile(p))

    def lookup(self, name: str, asker: Module, depth: int = 8) -> Definition | str | None:
        """What an absolute qualified name means: a definition in the project, else None.

        Re-exports (`from .db import get_connection` in `__init__.py`) and star imports are followed. A name that
        turns out to be re-exported from a library is returned as that library's qualified name.
        """
        if depth <= 0:
            return None
        head, _, last = name.rpartition(".")
        if found := self.find(name, asker):
            return found
        if not head:
            return None
        owner = self.lookup(head, asker, depth - 1)
        if isinstance(owner, ClassInfo):
            return owner.methods.get(last)
        return self.member(owner, last, depth) if isinstance(owner, Module) else None

    def member(self, module: Module, name: str, depth: int = 8) -> Definition | str | None:
        """A module's attribute: its own definition, or what it imported under that name."""
        if own := module.definition(name):
            return own
        if name in module.imports and depth > 0:
            target = module.absolute(module.imports[name])
            return self.lookup(target, module, depth - 1) or target
        for star in module.star_imports if depth > 0 else ():
            source = self.lookup(module.absolute(star), module, depth - 1)
            if isinstance(source, Module) and not name.startswith("_"):
                if found := self.member(source, name, depth - 1):
                    return found
        return None


def _shown(path: Path) -> str:
    """How a file is named in findings about others: relative to the current folder where it stands below it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if here in path.parents else str(path)


def _python_below(folder: Path) -> Iterator[Path]:
    """Python files in a folder and below, the nearest first."""
    level = [folder]
    while level:
        below: list[Path] = []
        for each in level:
            entries = sorted(each.iterdir())
            yield from (entry for entry in entries if entry.suffix == ".py")
            below += (e for e in entries if e.name[:1] not in "._" and e.is_dir() and not e.is_symlink())
        level = below


def _text(path: Path) -> str:
    try:
        return read_source(path)
    except SourceUnreadable:
        return ""


def module_name(path: Path) -> str:
    """The dotted name a file is imported by: its folders up to the topmost one with an `__init__.py`."""
    parts = [] if path.name == "__init__.py" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file() and folder.name:
        parts.append(folder.name)
        folder = folder.parent
    return ".".join(reversed(parts)) or path.parent.name


def _import_roots(start: Path, root: Path) -> Iterator[Path]:
    """Folders an absolute import may start from: the asking file's and those above, nearest first, then `root/src`."""
    for folder in (start, *start.parents):
        if not (folder / "__init__.py").is_file():  # a package's own folder is not on the path
            yield folder
        if folder == root or (folder / ".git").exists():
            break
        if not _inside(folder, root) and not (folder / "__init__.py").is_file():
            break
    yield root
    yield root / "src"


def _packages(start: Path) -> Iterator[Path]:
    """The packages a folder lies in, the nearest first."""
    return takewhile(lambda folder: (folder / "__init__.py").is_file(), (start, *start.parents))


def _inside(folder: Path, root: Path) -> bool:
    return folder == root or root in folder.parents
