"""Files are shared out to processes where that pays. Each gets neighbours, which rest on the same modules."""

from __future__ import annotations

import gc
import os
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor

    from leakcheck.diagnostics import Report
    from leakcheck.project.trace import Node
    from leakcheck.settings import Settings

_WORTH_A_PROCESS = 250_000  # bytes of text; below, starting it costs more than it saves
_SHARES = 6  # batches for each process at least: the last ones to end leave the others idle
_BATCH = 400_000  # bytes of text in a batch at most


class Batch(NamedTuple):
    """Some files' reports, and what they rest on."""

    reports: list[Report]
    nodes: dict[str, Node] = {}  # noqa: RUF012 never changed
    folders: frozenset[str] = frozenset()  # where modules were looked for


def check_all(files: Sequence[str], settings: Settings, jobs: int) -> Iterator[Batch]:
    """The reports, as they become ready; `jobs` 0 means as many processes as there are processors."""
    sizes = [_size(file) for file in files]
    total = sum(sizes)
    workers = min(jobs or _processors(), len(files), 1 + total // _WORTH_A_PROCESS)
    batches = _batches(files, sizes, min(_BATCH, total // (workers * _SHARES)))
    return _in_processes(batches, settings, workers) if workers > 1 else (_check(each, settings) for each in batches)


def _size(file: str) -> int:
    try:
        return os.stat(file).st_size
    except OSError:
        return 0


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _batches(files: Sequence[str], sizes: Sequence[int], most: int) -> list[list[str]]:
    """Neighbours, together until they have that many bytes."""
    found: list[list[str]] = []
    room = 0
    for file, size in zip(files, sizes, strict=True):
        if not found or size > room:
            found.append([])
            room = most
        found[-1].append(file)
        room -= size
    return found


def _check(files: Sequence[str], settings: Settings) -> Batch:
    collects = gc.isenabled()
    gc.disable()  # what is imported stays
    from leakcheck.batches import check  # with LibCST: slow to import, and not needed where others do the work

    if collects:
        gc.enable()
    return check(files, settings)


class _Worker:
    """A process, replaced if it dies, and the batches it will take unless others run out of work before."""

    def __init__(self, batches: Sequence[list[str]]) -> None:
        self.batches = deque(batches)
        self._pool = _pool()

    def submit(self, files: list[str], settings: Settings) -> Future[Batch]:
        """Have some files checked."""
        return self._pool.submit(_check, files, settings)

    def renew(self) -> None:
        """The process has died."""
        self.close()
        self._pool = _pool()

    def close(self) -> None:
        """No more work."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _in_processes(batches: Sequence[list[str]], settings: Settings, count: int) -> Iterator[Batch]:
    from concurrent.futures import FIRST_COMPLETED, wait
    from concurrent.futures.process import BrokenProcessPool

    starts = [len(batches) * number // count for number in range(count + 1)]
    workers = [_Worker(batches[start:end]) for start, end in pairwise(starts)]
    running: dict[Future[Batch], tuple[_Worker, list[str]]] = {}

    def feed(worker: _Worker) -> None:
        if files := _next(worker, workers):
            running[worker.submit(files, settings)] = worker, files

    try:
        for worker in workers:
            feed(worker)
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                worker, files = running.pop(future)
                try:
                    batch = future.result()
                except BrokenProcessPool:
                    worker.renew()
                    batch = _isolated(files, settings)
                feed(worker)
                yield batch
    finally:
        for worker in workers:
            worker.close()


def _next(worker: _Worker, workers: Sequence[_Worker]) -> list[str]:
    """A worker's own next batch; when it has none left, the last one of the one that has most."""
    if worker.batches:
        return worker.batches.popleft()
    busiest = max(workers, key=lambda other: len(other.batches))
    return busiest.batches.pop() if busiest.batches else []


def _isolated(files: Sequence[str], settings: Settings) -> Batch:
    """Check files of which one kills its process: halve them until it is found."""
    from concurrent.futures.process import BrokenProcessPool

    try:
        with _pool() as pool:
            return pool.submit(_check, files, settings).result()
    except BrokenProcessPool:
        if len(files) == 1:
            from leakcheck.diagnostics import Report

            return Batch([Report(files[0], error="internal error: the process checking it died")])
    half = len(files) // 2
    first, second = _isolated(files[:half], settings), _isolated(files[half:], settings)
    return Batch(first.reports + second.reports, {**first.nodes, **second.nodes}, first.folders | second.folders)


def _pool() -> ProcessPoolExecutor:
    """Of one process."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # the same everywhere; forking a process that has threads is not safe
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
