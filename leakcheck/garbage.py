"""When Python looks for garbage. A run keeps what it makes: to look through all of it again and again finds none."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG = 3_000_000  # objects made before it looks


def look_rarely() -> None:
    """From now on in this process."""
    gc.set_threshold(_YOUNG)


@contextmanager
def keeping() -> Iterator[None]:
    """What is made meanwhile stays for good: modules."""
    looks = gc.isenabled()
    gc.disable()
    yield
    gc.freeze()
    if looks:
        gc.enable()
