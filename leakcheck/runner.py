"""From paths to reports: reads files, drops the irrelevant ones, checks the others, in parallel if that pays."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from leakcheck.diagnostics import Report, split_lines
from leakcheck.project.cache import Cache
from leakcheck.project.folders import absolute
from leakcheck.project.source import SourceUnreadable, decode
from leakcheck.project.trace import Node
from leakcheck.settings import Settings

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

    from leakcheck.project.facts import Facts
    from leakcheck.project.project import Project

Result = TypeVar("Result")
Progress = Callable[[int, int], None]  # done, of how many

_WORTH_A_POOL = 64  # files; below, starting processes costs more than it saves
_BATCH = 16
_YOUNG = 50_000  # objects made before garbage is looked for
_STACK = 512 << 20  # bytes of address space, touched only when needed; the default overflows on deep expressions
_RECURSION = 20_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """A whole run: a report for each file that has something to tell, in path order, and how many files there were."""

    reports: tuple[Report, ...]
    files: int = 0
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


class Batch(NamedTuple):
    """Some files' reports, and what they rest on."""

    reports: list[Report]
    nodes: dict[str, Node] = {}  # noqa: RUF012 never changed
    folders: frozenset[str] = frozenset()  # where modules were looked for


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
    memory = Cache(settings, lambda data: _look(data, settings), cache)
    paths = absolute(files)
    failed = dict(_failures(paths, memory))
    valid = {file: path for file, path in paths.items() if file not in failed}
    todo = _chosen(valid, settings, memory)
    held = memory.holding(todo)
    done = list(held.values())
    for batch in _check_all([file for file in todo if file not in held], settings, jobs or _processors()):
        memory.keep(batch)
        for report in batch.reports:
            done.append(report)
            if progress:
                progress(len(done), len(todo))
    memory.save()
    found = sorted((*problems, *failed.values(), *done), key=lambda report: report.filename.split(os.sep))
    return Outcome(tuple(found), len(files), len(valid) - len(todo), settings)


def _failures(paths: Mapping[str, str], memory: Cache) -> Iterator[tuple[str, Report]]:
    """Files that cannot be read, or are no source text."""
    for file, path in paths.items():
        try:
            if problem := memory.ledger.problem(path):
                yield file, Report(file, error=problem)
        except OSError as error:
            yield file, Report(file, error=error.strerror or str(error))


def _chosen(paths: Mapping[str, str], settings: Settings, memory: Cache) -> dict[str, str]:
    """The files worth checking."""
    chosen = memory.chosen(paths)
    if chosen is None:
        from leakcheck.project.triage import Triage, peek
        from leakcheck.project.vocabulary import vocabulary_for

        triage = Triage(vocabulary_for(settings), peek, str(settings.root), memory.facts)
        chosen = triage.pick(paths)
        if not triage.looked_around:
            memory.choose(paths, chosen, triage.neighbours.folders.asked)
    return {file: path for file, path in paths.items() if file in chosen}


def _look(data: bytes, settings: Settings) -> tuple[Facts, str]:
    """What triage asks of a text, and why it is none."""
    from leakcheck.project.facts import Facts, facts_of
    from leakcheck.project.vocabulary import vocabulary_for

    try:
        if not data.isascii() or b"\0" in data or b"coding" in data[:400]:
            decode(data)
    except SourceUnreadable as error:
        return Facts(), str(error)
    return facts_of(data, vocabulary_for(settings)), ""


def run_text(text: str | bytes, filename: str, settings: Settings) -> Outcome:
    """Check text in hand, under the name of the file it stands for."""
    try:
        source = text if isinstance(text, str) else decode(text)
    except SourceUnreadable as error:
        return Outcome((Report(filename, error=str(error)),), 1)
    return Outcome((with_room(lambda: _check_and_fix(source, filename, settings)),), 1, settings=settings)


def _check_and_fix(text: str, filename: str, settings: Settings, project: Project | None = None) -> Report:
    """The report; if fixes are asked for, about what they leave, with the new text."""
    report = check_text(text, filename, settings, project)
    if not settings.applies_fixes or not any(found.fix for found in report.diagnostics):
        return report
    from leakcheck.fixes.rounds import mend

    return mend(text, report, lambda new: check_text(new, filename, settings, project), settings)


def check_text(text: str, filename: str, settings: Settings, project: Project | None = None) -> Report:
    """The engine's report; whatever goes wrong in a file is one line in its report."""
    from leakcheck import engine  # with LibCST: slow to import, and not needed where nothing is to be checked
    from leakcheck.project.obstacle import obstacle, syntax_problem

    try:
        problem = obstacle(text, split_lines(text))
        return Report(filename, error=problem) if problem else engine.check(text, filename, settings, project)
    except engine.SourceError as error:
        return Report(filename, error=syntax_problem(text) or f"line {error.line}: {error.message}")
    except RecursionError:
        return Report(filename, error="too deeply nested")
    except MemoryError:
        return Report(filename, error="not enough memory")
    except Exception as error:
        return Report(filename, error=_internal(error))


def _internal(error: Exception) -> str:
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    where = f" ({os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno})" if trace else ""
    return f"internal error: {type(error).__name__}: {error}".partition("\n")[0] + where


def _read(file: str) -> bytes:
    with open(file, "rb") as stream:
        return stream.read()


def _check_file(file: str, settings: Settings, project: Project) -> Report:
    try:
        return _check_and_fix(decode(_read(file)), file, settings, project)
    except SourceUnreadable as error:
        return Report(file, error=str(error))
    except OSError as error:
        return Report(file, error=error.strerror or str(error))


def _check_all(files: Sequence[str], settings: Settings, jobs: int) -> Iterator[Batch]:
    if jobs > 1 and len(files) >= _WORTH_A_POOL:
        yield from _in_processes(files, settings, jobs)
        return
    for start in range(0, len(files), _BATCH):
        yield _check_batch(files[start : start + _BATCH], settings)


def _in_processes(files: Sequence[str], settings: Settings, jobs: int) -> Iterator[Batch]:
    from concurrent.futures import as_completed
    from concurrent.futures.process import BrokenProcessPool

    lost: list[Sequence[str]] = []
    batches = [files[start : start + _BATCH] for start in range(0, len(files), _BATCH)]
    with _pool(min(jobs, len(batches))) as pool:
        futures = {pool.submit(_check_batch, batch, settings): batch for batch in batches}
        for future in as_completed(futures):
            try:
                yield future.result()
            except BrokenProcessPool:
                lost.append(futures[future])
    for batch in lost:
        yield _isolated(batch, settings)


def _isolated(files: Sequence[str], settings: Settings) -> Batch:
    """Check files of which one kills its process: halve them until it is found."""
    from concurrent.futures.process import BrokenProcessPool

    try:
        with _pool(1) as pool:
            return pool.submit(_check_batch, files, settings).result()
    except BrokenProcessPool:
        if len(files) == 1:
            return Batch([Report(files[0], error="internal error: the process checking it died")])
    half = len(files) // 2
    first, second = _isolated(files[:half], settings), _isolated(files[half:], settings)
    return Batch(
        first.reports + second.reports, {**first.nodes, **second.nodes}, first.folders | second.folders
    )


def _pool(workers: int) -> ProcessPoolExecutor:
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # the same everywhere; forking a process that has threads is not safe
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))


_projects: dict[Settings, Project] = {}  # one in each process, so that modules are read once


def forget() -> None:
    """Read every module anew: files may have changed since the last run of this process."""
    _projects.clear()


def _check_batch(files: Sequence[str], settings: Settings) -> Batch:
    from leakcheck.project.project import Project

    if settings not in _projects:
        _projects.clear()
        _projects[settings] = Project(settings)
    project = _projects[settings]
    gc.set_threshold(_YOUNG)  # trees are kept: looking through them for garbage again and again finds none
    reports = with_room(lambda: [_check_file(file, settings, project) for file in files])
    return Batch(reports, project.trace.reached(map(os.path.abspath, files)), frozenset(project.folders.asked))


def with_room(work: Callable[[], Result]) -> Result:
    """Run in a thread whose stack has room for deep recursion."""
    results: list[Result] = []
    failures: list[BaseException] = []

    def body() -> None:
        try:
            results.append(work())
        except BaseException as error:
            failures.append(error)

    stack, limit = threading.stack_size(_STACK), sys.getrecursionlimit()
    sys.setrecursionlimit(_RECURSION)
    try:
        thread = threading.Thread(target=body, daemon=True)  # daemon: an interrupt need not wait for it
        thread.start()
        thread.join()
    finally:
        threading.stack_size(stack)
        sys.setrecursionlimit(limit)
    if failures:
        raise failures[0]
    return results[0]


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
