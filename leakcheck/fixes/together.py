"""Rewrites are tried together: trying costs as much for many as for one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from leakcheck.fixes.text import Draft

Problem = TypeVar("Problem")


def wrong_ones(drafts: Sequence[Draft], wrong: Callable[[list[int]], Problem | None]) -> dict[int, Problem]:
    """What speaks against each of some drafts, by number, for those that something does: `wrong` is asked of several
    together, as far as they do not touch, and of fewer where it says something."""
    found: dict[int, Problem] = {}
    left = list(range(len(drafts)))
    while left:
        batch: list[int] = []
        rest: list[int] = []
        whole = Draft.together([drafts[left[0]]])
        for number in left:
            apart = drafts[number].agrees(whole)
            (batch if apart else rest).append(number)
            if apart:
                whole.include(drafts[number])
        found |= _halved(batch, wrong)
        left = rest
    return found


def _halved(batch: list[int], wrong: Callable[[list[int]], Problem | None]) -> dict[int, Problem]:
    why = wrong(batch)
    if not why or len(batch) == 1:
        return {batch[0]: why} if why else {}
    half = len(batch) // 2
    return _halved(batch[:half], wrong) | _halved(batch[half:], wrong)
