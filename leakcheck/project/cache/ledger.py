"""What is known of files by their content: a digest, and the facts that triage asks for. Kept between runs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from leakcheck.project.cache.storage import Parts, digest_of
from leakcheck.project.folders import SETTLED

if TYPE_CHECKING:
    from leakcheck.forks import Spread
    from leakcheck.project.triage.facts import Facts

Look = Callable[[bytes], "tuple[Facts, str]"]
Plain = list[Any]  # size, when the text and when the entry changed, which file, the content's name, why it is no source
_Looked = tuple[dict[str, Plain], "dict[str, tuple[str, Facts]]"]  # what `_seen` and `_new` hold of some files

_CHANGED = [-1, 0, 0, 0]  # no file's
_UNREADABLE: Plain = [*_CHANGED, "", ""]
_TYPES = [int, int, int, int, str, str]


class Ledger:
    """Looks at files, and remembers those that are as they were when it looked last. One that is not `kept` spares
    itself their contents' names."""

    def __init__(self, look: Look, known: Parts, kept: bool = True) -> None:
        self._look, self._parts, self._kept = look, known, kept
        entries = known[0]
        self._known: dict[str, Plain] = entries if isinstance(entries, dict) else {}
        self._seen: dict[str, Plain] = {}
        self._new: dict[str, tuple[str, Facts]] = {}  # with the content's name
        self._began = time.time_ns()
        self.is_new = False  # something was found out that is not kept yet

    @cached_property
    def _facts(self) -> dict[str, Any]:
        """Of the files that are known, as kept: not needed where triage is known."""
        facts = self._parts[1]
        return facts if isinstance(facts, dict) else {}

    def look_ahead(self, files: Iterable[str], spread: Spread[_Looked]) -> None:
        """Look at those of which nothing is known, for they all will be asked for."""
        for seen, new in spread(self._look_at, [file for file in files if file not in self._known]):
            self._seen |= seen
            self._new |= new
            self.is_new |= bool(new)

    def _look_at(self, files: Iterable[str]) -> _Looked:
        found = [file for file in files if self._entry(file) is not _UNREADABLE]
        return {file: self._seen[file] for file in found}, {f: self._new[f] for f in found if f in self._new}

    def problem(self, file: str) -> str:
        """Why a file is no source text; raises OSError if it cannot be read."""
        entry = self._seen.get(file)
        return (self._current(file) if entry is None else entry)[5]  # type: ignore[no-any-return]

    def digest(self, file: str) -> str:
        """The name of a file's content; "" if it cannot be read."""
        return self._entry(file)[4]  # type: ignore[no-any-return]

    def lasting(self, file: str) -> str:
        """The same for a file that others have read before: "" if they may have read another text."""
        if file not in self._seen and max(self._entry(file)[1:3]) >= self._began - SETTLED:
            self._seen[file] = _UNREADABLE
        return self.digest(file)

    def changed(self, digests: dict[str, Any]) -> list[str]:
        """Of files with digests of former runs, those that this run has found to be different."""
        seen = self._seen
        return [file for file, digest in digests.items() if file in seen and seen[file][4] != digest]

    def facts(self, file: str) -> Facts:
        """What triage asks of a file; nothing of one that cannot be read."""
        from leakcheck.project.triage.facts import Facts

        digest = self.digest(file)
        if file in self._new:
            return self._new[file][1]
        kept = self._facts.get(file)
        if digest and isinstance(kept, list) and len(kept) == 3 and kept[0] == digest:
            _, used, imports = kept
            if type(used) is str and type(imports) is str:
                return Facts(frozenset(used.encode("latin-1").split()), imports.encode("latin-1"))
        try:
            self._looked(file, data := _read(file), self._name(data))
        except OSError:
            return Facts()
        return self._new[file][1]

    def _entry(self, file: str) -> Plain:
        entry = self._seen.get(file)
        if entry is None:
            try:
                entry = self._current(file)
            except OSError:
                return _UNREADABLE
        return entry

    def _current(self, file: str) -> Plain:
        status = os.stat(file)
        signature = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
        known = self._known.get(file)
        if not isinstance(known, list) or list(map(type, known)) != _TYPES:
            known = _UNREADABLE
        self._seen[file] = known if known[:4] == signature else [*signature, *self._content(file, known)]
        return self._seen[file]

    def _content(self, file: str, known: Plain) -> tuple[str, str]:
        data = _read(file)
        self.is_new = True
        digest = self._name(data)
        if known[4] == digest and file in self._facts:
            return digest, known[5]
        return digest, self._looked(file, data, digest)

    def _name(self, data: bytes) -> str:
        return digest_of(data) if self._kept else "-"

    def _looked(self, file: str, data: bytes, digest: str) -> str:
        self.is_new = True
        facts, problem = self._look(data)
        self._new[file] = digest, facts
        return problem

    def plain(self) -> tuple[dict[str, Plain], dict[str, Any]]:
        """What to keep. A file that has changed a moment ago may do so again unnoticed: it is looked at again."""
        settled = time.time_ns() - SETTLED
        entries = {
            file: entry if max(entry[1:3]) < settled else [*_CHANGED, *entry[4:]] for file, entry in self._seen.items()
        }
        return self._known | entries, self._facts | {file: _plain(*new) for file, new in self._new.items()}


def _plain(digest: str, facts: Facts) -> list[str]:
    return [digest, b" ".join(sorted(facts.used)).decode("latin-1"), facts.imports.decode("latin-1")]


def _read(file: str) -> bytes:
    with open(file, "rb") as stream:
        return stream.read()
