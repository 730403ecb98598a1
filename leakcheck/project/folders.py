"""What stands in folders: listed once a run, and known to be the same as in a former one without listing them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from typing import Any

from leakcheck.project.cache.storage import digest_of

Marks = dict[str, list[Any]]  # by folder, when its entries changed, and a digest of those that imports can mean

# What a project says its requirements in, by what counts most.
REQUIREMENTS = (
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "Pipfile.lock",
    "requirements.txt",
    "pyproject.toml",
    "Pipfile",
    "setup.cfg",
    "setup.py",
)

SETTLED = 1_000_000_000  # nanoseconds after which what changes again gets another time

_UNSETTLED = -1
_MOST_TEXTS = 300  # files searched for users of a class


class Folders:
    """For one run, or for an editor until files come or go."""

    def __init__(self) -> None:
        self._listed: dict[str, frozenset[str]] = {}
        self._began = time.time_ns()

    def entries(self, folder: str) -> frozenset[str]:
        """The names in a folder; none if it cannot be listed."""
        known = self._listed.get(folder)
        if known is None:
            try:
                known = frozenset(os.listdir(folder))
            except OSError:
                known = frozenset()
            self._listed[folder] = known
        return known

    def below(self, folder: str) -> list[str]:
        """Python files in a folder and below, the nearest first; not all if there are many."""
        found: list[str] = []
        level = [folder]
        while level and len(found) < _MOST_TEXTS:
            inner: list[str] = []
            for each in level:
                entries = self._scanned(each)
                found += (entry.path for entry in entries if entry.name.endswith(".py") and entry.is_file())
                inner += (e.path for e in entries if e.name[:1] not in "._" and e.is_dir(follow_symlinks=False))
            level = inner
        return found[:_MOST_TEXTS]

    def _scanned(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError:
            entries = []
        self._listed.setdefault(folder, frozenset(entry.name for entry in entries))
        return entries

    @property
    def asked(self) -> Iterable[str]:
        """The folders that somebody has looked into, or for."""
        return self._listed.keys()

    def forget(self) -> None:
        """Files have come or gone."""
        self._listed.clear()

    def mark(self, folder: str) -> list[Any]:
        """How a folder looks. One that has changed a moment ago, or since the run began, has to be listed again."""
        changed = _changed(folder)
        settled = changed < self._began - SETTLED
        return [changed if settled else _UNSETTLED, _digest(self.entries(folder))]

    def changed(self, marks: Mapping[str, Any]) -> list[str]:
        """The folders in which other modules stand than when they were marked."""
        return [folder for folder, mark in marks.items() if not self._is_as_marked(folder, mark)]

    def _is_as_marked(self, folder: str, mark: Any) -> bool:
        if not isinstance(mark, list) or len(mark) != 2:
            return False
        return bool(mark[0] == _changed(folder) or mark[1] == _digest(self.entries(folder)))


def _changed(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0


def _digest(entries: Iterable[str]) -> str:
    return digest_of("\n".join(sorted(filter(_counts, entries))).encode("utf-8", "surrogateescape"))


def _counts(name: str) -> bool:
    return name.endswith(".py") or name == ".git" or name.isidentifier() or name in REQUIREMENTS


def absolute(files: Iterable[str]) -> dict[str, str]:
    """The absolute path of each file; that of a folder is found out once."""
    above: dict[str, str] = {}
    found: dict[str, str] = {}
    for file in files:
        folder, _, name = file.rpartition(os.sep)
        if not folder or name in ("", os.curdir, os.pardir):
            found[file] = os.path.abspath(file)
            continue
        if folder not in above:
            above[folder] = os.path.join(os.path.abspath(folder), "")
        found[file] = above[folder] + name
    return found
