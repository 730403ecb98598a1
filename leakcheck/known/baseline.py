"""Findings that a project had when it began to use leakcheck: a file that lists them, and only ever gets shorter."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields, replace
from functools import lru_cache
from itertools import chain
from pathlib import Path, PurePath

from leakcheck.diagnostics import Diagnostic, Report
from leakcheck.fingerprint import Lines, Scopes, text_of
from leakcheck.records import dataclass
from leakcheck.settings import Settings
from leakcheck.toml import CatalogueError

VERSION = 1


class BaselineError(CatalogueError):
    """A baseline that cannot be used: where, and what is wrong."""


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One finding by what it is known by: no line numbers, so that code may move."""

    path: str  # from the folder of the baseline, with slashes
    code: str
    function: str  # qualified name; "" at a module's top level
    acquire: str  # the reported code

    @property
    def plain(self) -> Entry:
        """The same for every formatter: no white space, one kind of quotes, no trailing commas."""
        text = re.sub(r"\s+", "", self.acquire).replace("'", '"')
        return replace(self, acquire=re.sub(r",(?=[)\]}])", "", text))


def read(file: Path) -> Counter[Entry]:
    """The entries of a file, equal ones counted; raises BaselineError."""
    try:
        return Counter(_read(file, file.stat().st_mtime_ns))
    except FileNotFoundError:
        raise BaselineError(str(file), f"is missing: leakcheck --write-baseline {file.name}") from None
    except OSError as error:
        raise BaselineError(str(file), f"cannot be read: {error.strerror}") from None


@lru_cache(maxsize=8)
def _read(file: Path, stamp: int) -> Counter[Entry]:
    """Editors and flake8 ask for every file of a project."""
    try:
        data = json.loads(file.read_text("utf-8"))
        if data["version"] != VERSION:
            raise BaselineError(str(file), f"is of version {data['version']!r}, not {VERSION}")
        found: Counter[Entry] = Counter()
        for item in data["findings"]:
            found[Entry(*(str(item[field.name]) for field in fields(Entry)))] += int(item.get("count", 1))
    except (ValueError, TypeError, LookupError) as error:
        raise BaselineError(str(file), f"is no baseline: {type(error).__name__}: {error}") from None
    return found


def text(entries: Counter[Entry]) -> str:
    """One line an entry, sorted, so that versions of the file merge."""
    lines = []
    for entry in sorted(+entries):
        item: dict[str, object] = asdict(entry)
        if entries[entry] > 1:
            item["count"] = entries[entry]
        lines.append(f"  {json.dumps(item, ensure_ascii=False)}")
    return f'{{"version": {VERSION}, "findings": [\n' + ",\n".join(lines) + "\n]}\n"


def entries_of(report: Report, folder: Path, scopes: Scopes) -> list[Entry]:
    """What the findings of a file are known by, in a baseline in that folder."""
    return [_entry(found, folder, scopes) for found in report.diagnostics]


def _entry(found: Diagnostic, folder: Path, scopes: Scopes) -> Entry:
    span = found.span
    function = scopes.enclosing(span.filename, span.line)
    return Entry(_path(span.filename, folder), found.code, function, text_of(span, scopes.lines(span.filename)))


def _path(filename: str, folder: Path) -> str:
    try:
        return PurePath(os.path.relpath(os.path.realpath(filename), os.path.realpath(folder))).as_posix()
    except ValueError:  # on another drive
        return PurePath(filename).as_posix()


class Ledger:
    """One run held against a baseline. Each entry stands for one finding; who takes it first has it."""

    def __init__(self, file: Path, settings: Settings, lines: Lines) -> None:
        self.folder, self.settings, self.scopes = file.parent, settings, Scopes(lines)
        self.kept: Counter[Entry] = Counter()  # the entries that are still needed, as they are to be written
        self.left: Counter[Entry] = Counter()  # nobody has taken them yet
        self._entries: dict[Entry, list[Entry]] = {}
        self._alike: dict[tuple[str, str], dict[Entry, None]] = {}  # by code and text
        for entry in read(file).elements():
            plain = entry.plain
            self._entries.setdefault(plain, []).append(entry)
            self._alike.setdefault((plain.code, plain.acquire), {})[plain] = None
            self.left[plain] += 1

    def new(self, report: Report) -> Report:
        """The report without what is known."""
        if report.error is not None or not report.diagnostics:
            return report
        pairs = list(zip(report.diagnostics, entries_of(report, self.folder, self.scopes), strict=True))
        pairs = [pair for pair in pairs if not self._take(pair[1], pair[1].plain)]  # those that have not moved first
        unknown = [found for found, entry in pairs if not self._take(entry, self._former(entry.plain, report.filename))]
        return replace(report, diagnostics=tuple(unknown))

    def _take(self, entry: Entry, listed: Entry | None) -> bool:
        if listed is None or not self.left[listed]:
            return False
        self.left[listed] -= 1
        self.kept[entry] += 1
        return True

    def _former(self, entry: Entry, filename: str) -> Entry | None:
        """What it was when its function had another name or its file another path; only if those are gone."""
        alike = [old for old in self._alike.get((entry.code, entry.acquire), ()) if self.left[old]]
        here = (old for old in alike if old.path == entry.path and not self.scopes.has(filename, old.function))
        moved = (old for old in alike if old.function == entry.function and self._gone(old.path))
        return next(chain(here, moved), None)

    def _gone(self, path: str) -> bool:
        return not (self.folder / path).is_file()

    def stale(self, files: Iterable[str], everything: bool) -> Counter[Entry]:
        """Entries of the files checked that nothing was found for; of files that are gone, if all were checked."""
        checked = {_path(file, self.folder) for file in files}
        return Counter(
            {
                entry: count
                for entry, count in (+self.left).items()
                if self.settings.enabled(entry.code, str(self.folder / entry.path))
                and (entry.path in checked or (everything and self._gone(entry.path)))
            }
        )

    def pruned(self, stale: Counter[Entry]) -> Counter[Entry]:
        """The entries without the stale ones, and with the places where findings are now."""
        rest = Counter(self.kept)
        for plain, count in (self.left - stale).items():
            rest.update(self._entries[plain][:count])
        return rest


def without_known(reports: Sequence[Report], settings: Settings, lines: Lines) -> tuple[Report, ...]:
    """The reports without what the settings' baseline lists."""
    if settings.baseline is None:
        return tuple(reports)
    ledger = Ledger(settings.baseline, settings, lines)
    return tuple(ledger.new(report) for report in reports)
