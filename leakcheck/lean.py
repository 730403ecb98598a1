"""LibCST, imported in half the time, with classes whose instances are told in half the time."""

from __future__ import annotations

import dataclasses
from abc import ABCMeta
from collections.abc import Iterator
from functools import partial
from typing import Any

from leakcheck.records import late

_SPARED: dict[str, Any] = {"init": False, "repr": False, "eq": False, "frozen": False}


def import_libcst() -> None:
    """Without the methods that `dataclass` makes for each class of nodes and that nobody here needs, or few: nodes
    bring their own representation and comparison, and all that is lost is that they refuse to be changed. Only for a
    process that is ours alone: others may rely on it."""
    made: Any = dataclasses.dataclass

    def lean(cls: Any = None, /, **options: Any) -> Any:
        if cls is None:
            return partial(lean, **options)
        if not any(base.__name__ == "CSTNode" for base in cls.__mro__):
            return made(cls, **options)
        cls.__init__ = late("__init__")
        return made(cls, **(options | _SPARED))

    dataclasses.dataclass = lean
    try:
        import libcst
    finally:
        dataclasses.dataclass = made
    for kind in set(_below(libcst.CSTNode)):
        kind.__class__ = _Plain


class _Plain(ABCMeta):
    """Of classes that nobody registers others with: whether something is an instance need not be looked up for them."""

    __instancecheck__ = type.__instancecheck__


def _below(kind: Any) -> Iterator[Any]:
    yield kind
    for other in kind.__subclasses__():
        yield from _below(other)
