"""A copy of this process gets ready to check while this one still looks for the files that are worth it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING

from leakcheck.settings import Settings

if TYPE_CHECKING:
    from leakcheck.forks import Fork
    from leakcheck.processes import Batch


class Ahead:
    """Who checks the files of a run: a copy that was started ahead, or this process."""

    def __init__(self, files: Collection[str], settings: Settings, jobs: int) -> None:
        self._files, self._settings, self._jobs = files, settings, jobs
        self._copy: Fork[list[Batch]] | None = None
        self._orders = -1  # the end of a pipe from which the copy learns which files to check

    def start(self) -> None:
        """One of the files is worth checking: have a copy import what that takes, if there is a processor for it. A
        run long enough to tell its progress had better be led by this process."""
        from leakcheck.forks import Fork, are_safe, processors
        from leakcheck.processes import are_many

        if self._jobs == 1 or processors() == 1 or not are_safe() or are_many(self._files):
            return
        with suppress(OSError):  # without it all takes a little longer
            orders, self._orders = os.pipe()
            try:
                self._copy = Fork(lambda: self._follow(orders))
            finally:
                os.close(orders)

    def _follow(self, orders: int) -> list[Batch]:
        """All that the copy does."""
        from leakcheck.processes import check_all, get_ready

        os.close(self._orders)  # or it would not see that nobody is there to give any
        get_ready()
        with open(orders, encoding="utf-8", errors="surrogateescape") as stream:
            files = stream.read().split("\0")
        return list(check_all(files, self._settings, self._jobs))

    def check_all(self, files: Sequence[str]) -> Iterable[Batch]:
        """The reports of some of the files, as they become ready."""
        if not files:
            return ()
        from leakcheck.processes import check_all

        return self._from_copy(files) or check_all(files, self._settings, self._jobs)

    def _from_copy(self, files: Sequence[str]) -> list[Batch] | None:
        """Nothing if there is no copy, or no more: then nobody knows what it died of."""
        if self._copy is None:
            return None
        orders, self._orders = self._orders, -1
        with suppress(BrokenPipeError), open(orders, "w", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write("\0".join(files))
        return self._copy.result()

    def __enter__(self) -> Ahead:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if self._orders >= 0:
            os.close(self._orders)
        if self._copy is not None:
            self._copy.close()
