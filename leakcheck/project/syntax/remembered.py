"""What is remembered of nodes keeps their whole trees alive: here it is known where, so that it goes with them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import ParamSpec, TypeVar, cast

_Asked = ParamSpec("_Asked")
_Answer = TypeVar("_Answer")
_forgets: list[Callable[[], None]] = []


def remembered(most: int) -> Callable[[Callable[_Asked, _Answer]], Callable[_Asked, _Answer]]:
    """For a function of nodes: keep that many of its latest answers."""

    def keeping(function: Callable[_Asked, _Answer]) -> Callable[_Asked, _Answer]:
        kept = lru_cache(maxsize=most)(function)
        _forgets.append(kept.cache_clear)
        return cast(Callable[_Asked, _Answer], kept)

    return keeping


def forget_all() -> None:
    """Nobody asks about these trees any more."""
    for forget in _forgets:
        forget()
