"""What is kept between runs: facts about files, which of them matter, and reports that may still hold."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from leakcheck import __version__
from leakcheck.project.cache.compiled import files_in, stamps_of
from leakcheck.project.cache.ledger import Ledger, Look
from leakcheck.project.cache.storage import NAME, Parts, Storage, digest_of
from leakcheck.project.cache.verdicts import Verdicts
from leakcheck.project.folders import Folders
from leakcheck.project.locate import Locator

if TYPE_CHECKING:
    from leakcheck.diagnostics import Report
    from leakcheck.processes import Batch
    from leakcheck.project.triage.facts import Facts
    from leakcheck.settings import Settings


class Cache:
    """For one run. Without a folder nothing is known and nothing is kept."""

    def __init__(self, settings: Settings, look: Look, folder: Path | None) -> None:
        self._storage = Storage(folder) if folder else None
        self._names = _names(settings) if folder else {}
        self.ledger = Ledger(look, self._read("files"), kept=folder is not None)
        self._folders = Folders()
        locator = Locator(str(settings.root), lambda: _libraries(settings), self._folders)
        self._verdicts = Verdicts(self._read("reports"), self.ledger, locator)
        self._keeps_reports = folder is not None and not settings.applies_fixes and not settings.census
        self._chosen: tuple[object, ...] = ()

    def _read(self, what: str) -> Parts:
        return self._storage.read(self._names[what]) if self._storage else Parts([])

    def facts(self, file: str) -> Facts:
        """What triage asks of a file; nothing of one that cannot be read."""
        return self.ledger.facts(file)

    def chosen(self, paths: Mapping[str, str]) -> set[str] | None:
        """What triage picked of exactly these files with exactly this content, if it is known: not if modules have come
        or gone beside them."""
        if self._storage is None:
            return None
        known = self._read("chosen")
        key, chosen, folders = known[0], known[1], known[2]
        if key != self._key(paths) or not isinstance(chosen, list) or not isinstance(folders, dict):
            return None
        return None if self._folders.changed(folders) else {file for file in chosen if isinstance(file, str)}

    def choose(self, paths: Mapping[str, str], chosen: set[str], folders: Iterable[str]) -> None:
        """Remember what triage picked, if it asked for no file but these, and where it looked for others."""
        if self._storage is not None:
            marks = {folder: self._folders.mark(folder) for folder in folders}
            self._chosen = self._key(paths), sorted(chosen), marks

    def _key(self, paths: Mapping[str, str]) -> str:
        contents = (f"{file} {self.ledger.digest(path)}" for file, path in paths.items())
        return digest_of("\n".join(contents).encode("utf-8", "surrogateescape"))

    def holding(self, paths: Mapping[str, str]) -> dict[str, Report]:
        """Reports of former runs that still hold."""
        return self._verdicts.holding(paths) if self._keeps_reports else {}

    def keep(self, batch: Batch) -> None:
        """Remember new reports and what they rest on."""
        if self._keeps_reports:
            self._verdicts.keep(batch.reports, batch.nodes, batch.folders)

    def save(self) -> None:
        """Write what is new."""
        if self._storage is None:
            return
        if self._keeps_reports and self._verdicts.is_new:
            self._storage.write(self._names["reports"], *self._verdicts.plain())
        if self._chosen:
            self._storage.write(self._names["chosen"], *self._chosen)
        if self.ledger.is_new:
            self._storage.write(self._names["files"], *self.ledger.plain())


def folder_of(settings: Settings, chosen: Path | None) -> Path:
    """Where the cache is unless the user says so: in the project's root."""
    return chosen or settings.root / NAME


@lru_cache(maxsize=1)
def _libraries(settings: Settings) -> frozenset[str]:
    from leakcheck.project.triage.vocabulary import vocabulary_for  # not needed where nothing is known of former runs

    return frozenset(word.decode() for word in vocabulary_for(settings).known)


def _names(settings: Settings) -> dict[str, str]:
    """Names that change with whatever facts and reports depend on besides the files."""
    knowledge = (__version__, sys.version_info[:3], _stamps(settings), repr(settings.connections))
    asked = (knowledge, repr(settings), os.getcwd())
    return {
        "files": f"files-{_short(knowledge)}",
        "chosen": f"chosen-{_short((knowledge, str(settings.root)))}",
        "reports": f"reports-{_short(asked)}",
    }


def _short(value: object) -> str:
    return digest_of(repr(value).encode("utf-8", "surrogateescape"))[:16]


def _stamps(settings: Settings) -> list[tuple[str, int, int]]:
    """The program, and the knowledge it decides by, as they are on disk."""
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    known = files_in((package, os.path.join(os.path.dirname(package), "rules")), ".py", ".toml", ".md")
    return stamps_of([*map(str, settings.drivers), *known])
