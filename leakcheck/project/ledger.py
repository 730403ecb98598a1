"""What is known of files by their content: a digest, and the facts that triage asks for. Kept between runs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from leakcheck.project.storage import digest_of

if TYPE_CHECKING:
    from leakcheck.project.facts import Facts

Look = Callable[[bytes], "tuple[Facts, str]"]

_SETTLED = 1_000_000_000  # nanoseconds after which a file that changes again gets another time
_CHANGED = (-1, 0, 0, 0)  # no file's


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: how it looked from outside, its content's name, and what triage asks for, as kept."""

    signature: tuple[int, ...]  # size, when its text and when its entry changed, which file
    digest: str
    used: str = ""
    imports: str = ""
    problem: str = ""  # why it is no source text

    @property
    def facts(self) -> Facts:
        """The facts about its text."""
        from leakcheck.project.facts import Facts  # not needed where triage is known

        return Facts(frozenset(self.used.encode("latin-1").split()), self.imports.encode("latin-1"))


class Ledger:
    """Looks at files, and remembers those that are as they were when it looked last."""

    def __init__(self, look: Look, known: object = None) -> None:
        self._look = look
        self._known: dict[str, Any] = known if isinstance(known, dict) else {}
        self._seen: dict[str, Entry] = {}
        self.is_new = False  # something was found out that is not kept yet

    def entry(self, file: str) -> Entry:
        """What is known of a file now; raises OSError if it cannot be read."""
        entry = self._seen.get(file)
        if entry is None:
            entry = self._seen[file] = self._current(file)
        return entry

    def digest(self, file: str) -> str:
        """The name of a file's content; "" if it cannot be read."""
        try:
            return self.entry(file).digest
        except OSError:
            return ""

    def facts(self, file: str) -> Facts:
        """What triage asks of a file; nothing of one that cannot be read."""
        try:
            return self.entry(file).facts
        except OSError:
            return Entry(_CHANGED, "").facts

    def _current(self, file: str) -> Entry:
        status = os.stat(file)
        signature = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        known = _entry(self._known.get(file))
        if known is not None and known.signature == signature:
            return known
        with open(file, "rb") as stream:
            data = stream.read()
        self.is_new = True
        digest = digest_of(data)
        if known is not None and known.digest == digest:
            return Entry(signature, digest, known.used, known.imports, known.problem)
        facts, problem = self._look(data)
        used = b" ".join(sorted(facts.used)).decode("latin-1")
        return Entry(signature, digest, used, facts.imports.decode("latin-1"), problem)

    def plain(self) -> dict[str, Any]:
        """What to keep. A file that has changed a moment ago may do so again unnoticed: it is looked at again."""
        settled = time.time_ns() - _SETTLED
        return self._known | {file: _plain(entry, settled) for file, entry in self._seen.items()}


def _plain(entry: Entry, settled: int) -> list[Any]:
    signature = entry.signature if max(entry.signature[1:3]) < settled else _CHANGED
    return [*signature, entry.digest, entry.used, entry.imports, entry.problem]


def _entry(plain: Any) -> Entry | None:
    """The entry that was kept; None if that is not what was written."""
    if not isinstance(plain, list) or len(plain) != 8:
        return None
    numbers, texts = plain[:4], plain[4:]
    if not all(type(n) is int for n in numbers) or not all(type(t) is str for t in texts):
        return None
    return Entry(tuple(numbers), *texts)
