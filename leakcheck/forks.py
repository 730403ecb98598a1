"""Copies of this process: what it has imported is there at once, so that even a few files are worth one. Its work is a
pile that all of them draw from."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")
Item = TypeVar("Item")
Spread = Callable[[Callable[[Iterable[Any]], Result], Sequence[Any]], Iterable[Result]]

_NUMBER = 2  # bytes that say which piece it is
_PIECES = 2_000  # a pipe holds 4,096 bytes at least, and who fills it waits for room
_DRAWS = 50  # pieces for each process: the last ones to end leave the others idle


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def are_safe() -> bool:
    """Whether this process can be copied: beside threads nobody knows what they were about to do, and the system
    libraries of others than Linux start some of their own."""
    return sys.platform == "linux" and threading.active_count() == 1


class Pile(Generic[Item]):
    """At most `_PIECES` of work. What one process has drawn no other gets, nor if it dies of it."""

    def __init__(self, pieces: Sequence[Sequence[Item]]) -> None:
        self._pieces = pieces
        self._numbers, end = os.pipe()
        os.write(end, b"".join(number.to_bytes(_NUMBER, "big") for number in range(len(pieces))))
        os.close(end)  # so that reading says when none is left

    def __enter__(self) -> Pile[Item]:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        os.close(self._numbers)

    def drawn(self) -> Iterator[Item]:
        """What falls to the process that asks."""
        while number := os.read(self._numbers, _NUMBER):
            yield from self._pieces[int.from_bytes(number, "big")]


class Fork(Generic[Result]):
    """A copy of this process that does one piece of work, and ends with this process at the latest."""

    def __init__(self, work: Callable[[], Result]) -> None:
        ends: list[int] = []
        try:
            ends += os.pipe()
            ends += os.pipe()  # it ends when all who hold it have; copies made later do too, and go first
            self._id = os.fork()
        except OSError:  # no more files, or processes
            for end in ends:
                os.close(end)
            raise
        self._answer, answer, alive, self._alive = ends
        self._ended = False
        if self._id == 0:
            os.close(self._answer)
            os.close(self._alive)
            _live(work, answer, alive)
        os.close(answer)
        os.close(alive)

    def result(self) -> Result | None:
        """What came of the work; nothing if the copy has died."""
        with open(self._answer, "rb", closefd=False) as stream:
            data = stream.read()
        try:
            return None if self._wait() else pickle.loads(data)
        except (EOFError, pickle.UnpicklingError):
            return None

    def close(self) -> None:
        """No more work: what it does is not waited for."""
        if not self._ended:
            with suppress(ProcessLookupError):
                os.kill(self._id, signal.SIGKILL)
            self._wait()
        os.close(self._answer)
        os.close(self._alive)

    def _wait(self) -> int:
        """How it has ended; 0 also where nobody knows: started with SIGCHLD ignored, a process is not told."""
        self._ended = True
        try:
            return os.waitpid(self._id, 0)[1]
        except ChildProcessError:
            return 0


def _live(work: Callable[[], object], answer: int, alive: int) -> None:
    """All that a copy does: nothing of what this process would go on with."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to all, and the first ends the others
        _end_with(alive)
        with open(answer, "wb") as stream:
            pickle.dump(work(), stream, pickle.HIGHEST_PROTOCOL)
        os._exit(0)
    finally:
        os._exit(1)


def _end_with(pipe: int) -> None:
    """Have the system end this process when nobody holds the other end: a thread that waits for that would keep the
    process from being copied in turn."""
    import fcntl  # not everywhere, as forks are not

    signal.signal(signal.SIGIO, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGIO})
    fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(pipe, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        os.read(pipe, 1)
        os._exit(1)  # it has ended before that


def spread(jobs: int, work: Callable[[Iterable[Item]], Result], items: Sequence[Item]) -> Iterator[Result]:
    """What comes of some work on many items: in this process, or in copies of it as well, each with a part of them.
    `jobs` 0 means as many as there are processors."""
    count = min(jobs or processors(), len(items)) if are_safe() else 1
    if count < 2:
        yield work(items)
        return
    size = 1 + len(items) // min(count * _DRAWS, _PIECES)
    copies: list[Fork[Result]] = []
    with Pile([items[start : start + size] for start in range(0, len(items), size)]) as pile:
        try:
            with suppress(OSError):  # fewer will do
                for _ in range(count - 1):
                    copies.append(Fork(lambda: work(pile.drawn())))
            yield work(pile.drawn())
            for copy in copies:
                result = copy.result()
                yield work(items) if result is None else result  # nobody knows what a copy that has died had drawn
        finally:
            for copy in copies:
                copy.close()
