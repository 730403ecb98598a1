"""Files are shared out to processes where that pays. Each gets neighbours, which rest on the same modules."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from leakcheck.forks import Fork, Pile, are_safe, processors
from leakcheck.garbage import keeping

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from leakcheck.diagnostics import Report
    from leakcheck.project.trace import Node
    from leakcheck.settings import Settings

_WORTH_A_PROCESS = 250_000  # bytes of text; below, starting it costs more than it saves
_WORTH_A_FORK = 40_000  # bytes of text; it has imported everything, and shares what it does not change
_WORTH_ALL = 1_000_000  # bytes of text; below, this process does its share instead of leading the others
_SHARES = 6  # batches for each process at least: the last ones to end leave the others idle
_BATCH = 400_000  # bytes of text in a batch at most


class Batch(NamedTuple):
    """Some files' reports, and what they rest on."""

    reports: list[Report]
    nodes: dict[str, Node] = {}  # noqa: RUF012 never changed
    folders: frozenset[str] = frozenset()  # where modules were looked for
    outgrown: bool = False  # the process has no room to keep more of what it learnt


def check_all(files: Sequence[str], settings: Settings, jobs: int) -> Iterator[Batch]:
    """The reports, as they become ready; `jobs` 0 means as many processes as there are processors."""
    sizes = [_size(file) for file in files]
    total = sum(sizes)
    forks = total < _WORTH_ALL and are_safe()
    workers = min(jobs or processors(), len(files), 1 + total // (_WORTH_A_FORK if forks else _WORTH_A_PROCESS))
    if workers == 1:
        return (_check(each, settings) for each in _batches(files, sizes, min(_BATCH, total // _SHARES)))
    batches = _batches(files, sizes, min(_BATCH, total // (workers * _SHARES)))
    if forks:
        return _drawn(batches, dict(zip(files, sizes, strict=True)), settings, workers)
    if total < _WORTH_ALL:
        own, *others = _shares(files, sizes, workers)
        return _beside(own, (_started(share, settings) for share in others), files, settings)
    return _in_processes(batches, settings, workers)


def are_many(files: Iterable[str]) -> bool:
    """Whether there is so much of them that this process would lead others instead of checking some itself."""
    return sum(map(_size, files)) >= _WORTH_ALL


def _size(file: str) -> int:
    try:
        return os.stat(file).st_size
    except OSError:
        return 0


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


def _shares(files: Sequence[str], sizes: Sequence[int], count: int) -> list[list[str]]:
    """As many shares of much the same size."""
    shares: list[list[str]] = [[] for _ in range(count)]
    bytes_of = [0] * count
    for size, file in sorted(zip(sizes, files, strict=True), reverse=True):
        least = bytes_of.index(min(bytes_of))
        shares[least].append(file)
        bytes_of[least] += size
    return list(filter(None, shares))


def _check(files: Iterable[str], settings: Settings) -> Batch:
    get_ready()
    from leakcheck.batches import check

    return check(files, settings)


def get_ready() -> None:
    """Import what checking takes: slow, and not needed where others do the work."""
    if "leakcheck.batches" in sys.modules:
        return
    with keeping():
        from leakcheck.lean import import_libcst

        import_libcst()
        import_module("leakcheck.batches")


class _Worker:
    """A process, replaced if it dies or has grown, and the batches it will take unless others run out of work."""

    def __init__(self, batches: Sequence[list[str]], settings: Settings) -> None:
        self.batches = deque(batches)
        self._settings = settings
        self.running: list[str] = []  # the files it is checking
        self._start()

    def _start(self) -> None:
        import multiprocessing  # slow to import

        context = multiprocessing.get_context("spawn")  # the same everywhere; forking is not safe beside threads
        self.answers, end = context.Pipe()
        self._process = context.Process(target=_serve, args=(end, _check, self._settings), daemon=True)
        self._process.start()
        end.close()  # so that an answer ends when the process does

    def submit(self, files: list[str]) -> None:
        """Have some files checked."""
        self.running = files
        self.answers.send(files)

    def result(self) -> Batch | None:
        """What has become of them; nothing if the process has died."""
        try:
            batch: Batch = self.answers.recv()
        except (EOFError, OSError):
            return None
        return batch

    def renew(self) -> None:
        """The process has died, or had better do."""
        self.close()
        self._start()

    def close(self) -> None:
        """No more work: what it does is not waited for."""
        self._process.terminate()
        self._process.join()
        self.answers.close()


def _serve(answers: Connection, check: Callable[[list[str], Settings], Batch], settings: Settings) -> None:
    """A worker's life: batch after batch, until nobody is there to ask for one."""
    import signal
    from threading import Thread

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to all, and the first process tells the others
    Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, BrokenPipeError):
        while True:
            answers.send(check(answers.recv(), settings))


def _end_with_parent() -> None:
    """Even one that was killed leaves nobody behind."""
    from multiprocessing import parent_process

    if parent := parent_process():
        parent.join()
    os._exit(1)


def _drawn(batches: Sequence[list[str]], sizes: Mapping[str, int], settings: Settings, count: int) -> Iterator[Batch]:
    """Each process draws a batch when it is done with the last one, the largest first: so they end together."""
    get_ready()
    with Pile(sorted(batches, key=lambda files: -sum(sizes[file] for file in files))) as pile:
        forks = (Fork(lambda: _check(pile.drawn(), settings)) for _ in range(count - 1))
        yield from _beside(pile.drawn(), forks, sizes, settings)


def _beside(
    own: Iterable[str], others: Iterable[_Worker | Fork[Batch]], files: Iterable[str], settings: Settings
) -> Iterator[Batch]:
    """This process checks some files while others check the rest: what it takes to start it is spent anyhow."""
    helpers: list[_Worker | Fork[Batch]] = []
    left = set(files)
    try:
        with suppress(OSError):  # fewer will do
            helpers.extend(others)
        for check in (lambda: _check(own, settings), *(helper.result for helper in helpers)):
            if batch := check():
                left.difference_update(report.filename for report in batch.reports)
                yield batch
        if left:
            yield _isolated(sorted(left), settings)
    finally:
        for helper in helpers:
            helper.close()


def _started(files: list[str], settings: Settings) -> _Worker:
    worker = _Worker((), settings)
    worker.submit(files)
    return worker


def _in_processes(batches: Sequence[list[str]], settings: Settings, count: int) -> Iterator[Batch]:
    from multiprocessing.connection import wait

    starts = [len(batches) * number // count for number in range(count + 1)]
    workers: list[_Worker] = []
    running: dict[object, _Worker] = {}

    def feed(worker: _Worker) -> None:
        if files := _next(worker, workers):
            worker.submit(files)
            running[worker.answers] = worker

    try:
        for start, end in pairwise(starts):
            workers.append(_Worker(batches[start:end], settings))
        for worker in workers:
            feed(worker)
        while running:
            for answers in wait([worker.answers for worker in running.values()]):
                worker = running.pop(answers)
                files, batch = worker.running, worker.result()
                if batch is None or batch.outgrown:  # memory that was given back stays with the process in part
                    worker.renew()
                batch = batch or _isolated(files, settings)
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


def _isolated(files: list[str], settings: Settings) -> Batch:
    """Check files of which one kills its process: halve them until it is found."""
    worker = _Worker((), settings)
    try:
        worker.submit(files)
        batch = worker.result()
    finally:
        worker.close()
    if batch is not None:
        return batch
    if len(files) == 1:
        from leakcheck.diagnostics import Report

        return Batch([Report(files[0], error="internal error: the process checking it died")])
    half = len(files) // 2
    first, second = _isolated(files[:half], settings), _isolated(files[half:], settings)
    return Batch(first.reports + second.reports, {**first.nodes, **second.nodes}, first.folders | second.folders)
