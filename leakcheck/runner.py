"""From paths to reports: reads files, drops the irrelevant ones, checks the others, in parallel if that pays."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from leakcheck.ahead import Ahead
from leakcheck.garbage import look_rarely
from leakcheck.project.cache.kept import Cache
from leakcheck.project.folders import absolute
from leakcheck.settings import Settings

if TYPE_CHECKING:
    from leakcheck.diagnostics import Report
    from leakcheck.forks import Result, Spread
    from leakcheck.project.triage.facts import Facts

Progress = Callable[[int, int], None]  # done, of how many

_MANY = 1_000  # files, of which the bytes are looked at; fewer are not worth another process


class Outcome(NamedTuple):
    """A whole run: a report for each file that has something to tell, in path order, and how many files there were."""

    reports: tuple[Report, ...]
    files: int = 0  # also those that could not be checked
    without: int = 0  # of them, those that never mention a database
    settings: Settings | None = None  # as they were asked for

    @property
    def errors(self) -> tuple[Report, ...]:
        """Files that could not be checked."""
        return tuple(report for report in self.reports if report.error)

    @property
    def findings(self) -> int:
        """How many there are in all files."""
        return sum(len(report.diagnostics) for report in self.reports)


def run(
    files: Sequence[str],
    settings: Settings,
    *,
    problems: Sequence[Report] = (),
    jobs: int = 0,
    progress: Progress | None = None,
    cache: Path | None = None,
) -> Outcome:
    """Check files. `problems` are paths that failed before; `jobs` 0 means as many as there are processors; without a
    folder for the `cache` nothing is known from former runs, and nothing is kept."""
    look_rarely()
    paths = absolute(files)
    asked, settings = settings, _around(paths.values(), settings)
    memory = Cache(settings, lambda data: _look(data, settings), cache)
    spread: Spread[Any] = partial(_spread, jobs)
    memory.ledger.look_ahead(paths.values(), spread)
    failed = dict(_failures(paths, memory))
    valid = {file: path for file, path in paths.items() if file not in failed}
    with Ahead(valid, settings, jobs) as ahead:
        todo = _chosen(valid, settings, memory, spread, ahead.start)
        held = memory.holding(todo)
        done = list(held.values())
        for batch in ahead.check_all([file for file in todo if file not in held]):
            memory.keep(batch)
            for report in batch.reports:
                done.append(report)
                if progress:
                    progress(len(done), len(todo))
    memory.save()
    found = sorted((*problems, *failed.values(), *done), key=lambda report: report.filename.split(os.sep))
    return Outcome(tuple(found), len(files) + len(problems), len(valid) - len(todo), asked)


def _spread(jobs: int, work: Callable[[Iterable[str]], Result], files: Sequence[str]) -> Iterable[Result]:
    if len(files) < _MANY:
        return (work(files),)
    from leakcheck.forks import spread  # few trees have so many

    return spread(jobs, work, files)


def _around(paths: Iterable[str], settings: Settings) -> Settings:
    """The settings with a root around the files, where all lie outside of the current project: imports are looked for
    from there, or from around the package that it is a part of."""
    folders = {os.path.dirname(path) for path in paths}
    root = os.path.abspath(settings.root)
    if not folders or any(os.path.join(folder, "").startswith(os.path.join(root, "")) for folder in folders):
        return settings
    try:
        around = Path(os.path.commonpath(folders))
    except ValueError:  # on several drives
        return settings
    inside = (folder for folder in (around, *around.parents) if not (folder / "__init__.py").is_file())
    return settings._replace(root=next(inside, around))


def _failures(paths: Mapping[str, str], memory: Cache) -> Iterator[tuple[str, Report]]:
    """Files that cannot be read, or are no source text."""
    for file, path in paths.items():
        try:
            problem = memory.ledger.problem(path)
        except OSError as error:
            problem = error.strerror or str(error)
        if problem:
            from leakcheck.diagnostics import Report

            yield file, Report(file, error=problem)


def _chosen(
    paths: Mapping[str, str], settings: Settings, memory: Cache, spread: Spread[Any], start: Callable[[], None]
) -> dict[str, str]:
    """The files worth checking; told to `start` as soon as there is one."""
    chosen = memory.chosen(paths)
    if chosen is None:
        from leakcheck.project.triage.pick import Triage, peek
        from leakcheck.project.triage.vocabulary import vocabulary_for

        triage = Triage(vocabulary_for(settings), peek, str(settings.root), memory.facts, spread)
        chosen = triage.pick(paths, start)
        if not triage.looked_around:
            memory.choose(paths, chosen, triage.neighbours.folders.asked)
    return {file: path for file, path in paths.items() if file in chosen}


def _look(data: bytes, settings: Settings) -> tuple[Facts, str]:
    """What triage asks of a text, and why it is none."""
    from leakcheck.project.source import SourceUnreadable, decode
    from leakcheck.project.triage.facts import Facts, facts_of
    from leakcheck.project.triage.vocabulary import vocabulary_for

    try:
        if not data.isascii() or b"\0" in data or b"coding" in data[:400]:
            decode(data)
    except SourceUnreadable as error:
        return Facts(), str(error)
    return facts_of(data, vocabulary_for(settings)), ""


def run_text(text: str | bytes, filename: str, settings: Settings) -> Outcome:
    """Check text in hand, under the name of the file it stands for."""
    from leakcheck.checking import check_and_fix, with_room
    from leakcheck.diagnostics import Report
    from leakcheck.project.source import SourceUnreadable, decode

    try:
        source = text if isinstance(text, str) else decode(text)
    except SourceUnreadable as error:
        return Outcome((Report(filename, error=str(error)),), 1)
    return Outcome((with_room(lambda: check_and_fix(source, filename, settings)),), 1, settings=settings)
