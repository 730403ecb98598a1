"""The project around a file: which other module an import means. Modules are read on demand and kept."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from leakcheck.catalogue import Catalogue, load
from leakcheck.project import pythons
from leakcheck.project.commands import Commands
from leakcheck.project.described import Descriptions
from leakcheck.project.folders import Folders
from leakcheck.project.locate import Locator
from leakcheck.project.requirements import Requirements
from leakcheck.project.source import SourceUnreadable, read_source
from leakcheck.project.syntax.index import Usual
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo, Module
from leakcheck.project.syntax.outline import words_of
from leakcheck.project.syntax.remembered import forget_all
from leakcheck.project.trace import Trace
from leakcheck.settings import Settings

if TYPE_CHECKING:
    import libcst as cst

# Bytes for a character of a module, of a tree with what is concluded from it, and of a sketch.
_A_CHARACTER, _ONE_PARSED, _ONE_SKETCHED = 8, 25, 36

Definition = Module | FunctionInfo | ClassInfo


class Project:
    """One a process. `root` bounds the search for modules that an import may mean."""

    def __init__(self, settings: Settings, catalogue: Catalogue | None = None) -> None:
        self.settings = settings
        self.catalogue = catalogue or load(settings.drivers, settings.connections)
        self.root = settings.root
        self._usual = Usual(self.catalogue.tracked_words | self.catalogue.pool_words)
        self.trace = Trace()
        self._locator = Locator(str(settings.root), lambda: self.catalogue.import_words)
        self._descriptions = Descriptions(self._locator)
        self._requirements, self._commands = Requirements(self._descriptions), Commands(self._descriptions)
        self._modules: dict[str, Module | None] = {}
        self.memo: dict[object, object] = {}  # summaries and other answers, keyed by their askers

    @property
    def folders(self) -> Folders:
        """Where modules were looked for so far."""
        return self._locator.folders

    @property
    def memory(self) -> int:
        """What all modules read so far take, in bytes: about what it was seen to grow by."""
        known = [module for module in self._modules.values() if module]
        sketched = sum(len(part.text) for module in known for part in module.sketched)
        others = sum(_A_CHARACTER * len(module.source) + _ONE_PARSED * module.parsed for module in known)
        return others + _ONE_SKETCHED * sketched

    def fork(self) -> Project:
        """A copy to try changed texts in: it knows the modules read so far, and what it learns stays in it."""
        fork = Project(self.settings, self.catalogue)
        fork._modules = dict(self._modules)
        fork._locator, fork.trace = self._locator, self.trace
        return fork

    def add(self, source: str, filename: str, at_once: bool = False) -> Module:
        """The module for text in hand: a file being checked, standard input."""
        path = os.path.abspath(filename)
        known = self._modules.get(path)
        if known is not None and known.source == source and not at_once:
            known.filename = filename  # as given, not as it was found through an import
            return known
        module = Module(source, filename, at_once=at_once, usual=self._usual)
        if known is not None:
            module.keep_trees(known)
            self._unlearn()
        self._modules[path] = module
        _ = module.top  # what cannot be parsed is known before it is checked
        return module

    def put_back(self, module: Module) -> None:
        """The module of a file as it was read: others may use the statements of it that can be parsed, whether the file
        was checked before them or not."""
        self._modules[module.path] = module
        self._unlearn()

    def _unlearn(self) -> None:
        """What was concluded from a text that has changed; the files around it are the same."""
        self.memo = {key: value for key, value in self.memo.items() if isinstance(key, tuple) and key[0] == "texts"}

    def forget(self, path: Path) -> None:
        """A file that has changed on disk, come or gone: it is read again, and nothing is taken for known."""
        self._modules.pop(os.path.abspath(path), None)
        self._locator.forget()
        self._descriptions.forget()
        self.memo.clear()

    def dissolve(self) -> None:
        """Nobody asks it any more. Taken apart, most of it is freed at once: to find out that all these trees are
        garbage takes ten times as long."""
        for module in filter(None, self._modules.values()):
            module.dissolve()
        self.memo.clear()
        forget_all()

    def module_at(self, path: str) -> Module | None:
        """The module in a file; None if it cannot be read."""
        if path not in self._modules:
            try:
                self._modules[path] = Module(read_source(Path(path)), _shown(path), usual=self._usual)
            except (SourceUnreadable, RecursionError):
                self._modules[path] = None
        return self._modules[path]

    def texts_around(self, module: Module) -> list[str]:
        """The sources of the files beside a module and below, where code that uses its classes is likely to stand."""
        return list(self._sources_around(module).values())

    def modules_around(self, module: Module, words: frozenset[str]) -> list[Module]:
        """The other modules there in whose text all of some words stand."""
        around = self._sources_around(module).items()
        paths = [path for path, text in around if path != module.path and all(word in text for word in words)]
        return [found for found in map(self.module_at, paths) if found is not None and words <= words_of(found.source)]

    def _sources_around(self, module: Module) -> dict[str, str]:
        """By path."""
        folder = os.path.dirname(module.path)
        key = ("texts", folder)
        if key not in self.memo:
            known = os.path.isfile(module.path)  # text in hand has no neighbours
            paths = self.folders.below(folder) if known else ()
            self.memo[key] = {path: text for path in paths if (text := _text(Path(path)))}
        self.trace.node(module.path).below = True
        return self.memo[key]  # type: ignore[return-value]

    def find(self, name: str, asker: Module) -> Module | None:
        """The project's module of that absolute dotted name, as `asker` would import it."""
        path = self._locator.locate(name, asker.path)
        self.trace.asked(asker.path, name, path)
        if path:
            return self.module_at(path)
        return self._beside(name, asker) if "." not in name else None

    def _beside(self, name: str, asker: Module) -> Module | None:
        """What a plain name means that is none elsewhere: a script has its own folder on the path, whether that is a
        package or not, and so has what is started in there, if nobody knows a library of that name."""
        path = self._locator.beside(name, asker.path)
        self.trace.asked(asker.path, f"~{name}", path)
        found = self.module_at(path) if path else None
        if found is None or asker.is_script:
            return found
        if name in self.catalogue.waits.packages or not words_of(found.source).issuperset(self._taken(name, asker)):
            return None
        return None if self._requirements.name(name, asker.path, partial(self.trace.asked, asker.path)) else found

    @staticmethod
    def _taken(name: str, asker: Module) -> set[str]:
        """What is imported from a module of that name, or asked of it by that name."""
        asked = re.findall(rf"(?<![\w.]){re.escape(name)}\.(\w+)", asker.source)
        return {*asker.imported_modules.get(name, ()), *asked} - {"*"}

    def submodule(self, package: Module, name: str) -> Module | None:
        """The module of that name in a package's folder."""
        if not package.is_package:
            return None
        path = self._locator.below(os.path.dirname(package.path), name)
        self.trace.asked(package.path, f".{name}", path)
        return self.module_at(path) if path else None

    def allows_only(self, package: str, versions: str, asker: Module) -> bool:
        """Whether the newest version of a package that the requirements around a module allow is one of these."""
        asked = partial(self.trace.asked, asker.path)
        return self._requirements.allows_only(package, versions, asker.path, asked)

    def oldest_python(self, asker: Module) -> int | None:
        """The minor version of the oldest Python 3 that the nearest file which says so wants to run on."""
        if not os.path.isfile(asker.path):  # text in hand has no neighbours
            return None
        files = self._descriptions.nearest(pythons.FILES, asker.path, partial(self.trace.asked, asker.path))
        said = (pythons.oldest(os.path.basename(file), self._descriptions.text(file)) for file in files)
        return next((minor for minor in said if minor is not None), None)

    def may_require(self, parts: tuple[str, ...], asker: Module) -> bool:
        """Whether the requirements around a module name a package with one of these in its name, or tell nothing."""
        if not os.path.isfile(asker.path):  # text in hand has no neighbours
            return True
        return self._requirements.may_have(parts, asker.path, partial(self.trace.asked, asker.path))

    def is_command(self, function: FunctionInfo) -> bool:
        """Whether the project around a module installs its function as a command, by its own name or a package's."""
        module = function.module
        if not os.path.isfile(module.path):  # text in hand has no neighbours
            return False
        place = os.path.splitext(module.path.removesuffix(f"{os.sep}__init__.py"))[0]
        asked = partial(self.trace.asked, module.path)
        for name in self._commands.modules(function.name, module.path, asked):
            if place.endswith(os.sep + name.replace(".", os.sep)):
                return True
            if self.lookup(f"{name}.{function.name}", module) is function:
                return True
        return False

    def conftests(self, asker: Module) -> list[Module]:
        """What pytest reads before it reads a module, the nearest first."""
        found: list[Module] = []
        place, folder = asker.path, os.path.dirname(asker.path)
        while os.path.isfile(place):  # text in hand has no neighbours
            file = self._locator.nearest("conftest.py", folder)
            self.trace.asked(place, "=conftest.py", file)
            if not file:
                break
            if file != asker.path and (module := self.module_at(file)):
                found.append(module)
            place, folder = file, os.path.dirname(os.path.dirname(file))
        return found

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

    def assigned(self, name: str, asker: Module) -> list[tuple[cst.BaseExpression, Module]]:
        """What a name of a module is assigned, in it or where it is imported from, and in which of them."""
        found = [(value, asker) for value in asker.assigned(name)]
        head, _, last = asker.absolute(asker.imports.get(name, "")).rpartition(".")
        if head and (source := self.find(head, asker)):
            found += ((value, source) for value in source.assigned(last))
        return found

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


def _shown(path: str) -> str:
    """How a file is named in findings about others: relative to the current folder where it stands below it."""
    return path.removeprefix(os.path.join(os.getcwd(), ""))


def _text(path: Path) -> str:
    try:
        return read_source(path)
    except SourceUnreadable:
        return ""
