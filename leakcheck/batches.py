"""Files in batches, in processes if that pays."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from leakcheck.checking import check_and_fix, with_room
from leakcheck.diagnostics import Report
from leakcheck.project.project import Project
from leakcheck.project.source import SourceUnreadable, decode
from leakcheck.project.trace import Node
from leakcheck.settings import Settings

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

_WORTH_A_POOL = 64  # files; below, starting processes costs more than it saves
_BATCH = 16
_YOUNG = 50_000  # objects made before garbage is looked for


class Batch(NamedTuple):
    """Some files' reports, and what they rest on."""

    reports: list[Report]
    nodes: dict[str, Node] = {}  # noqa: RUF012 never changed
    folders: frozenset[str] = frozenset()  # where modules were looked for


def _check_file(file: str, settings: Settings, project: Project) -> Report:
    try:
        return check_and_fix(decode(_read(file)), file, settings, project)
    except SourceUnreadable as error:
        return Report(file, error=str(error))
    except OSError as error:
        return Report(file, error=error.strerror or str(error))


def check_all(files: Sequence[str], settings: Settings, jobs: int) -> Iterator[Batch]:
    """The reports, as they become ready; `jobs` 0 means as many processes as there are processors."""
    jobs = jobs or _processors()
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


def _read(file: str) -> bytes:
    with open(file, "rb") as stream:
        return stream.read()


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
