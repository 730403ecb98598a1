"""LibCST, imported in half the time."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

_SPARED: dict[str, Any] = {"repr": False, "eq": False, "frozen": False}


def import_libcst() -> None:
    """Without the methods that `dataclass` makes for each class of nodes and that nobody here needs: nodes bring their
    own representation and comparison, and all that is lost is that they refuse to be changed. Only for a process that
    is ours alone: others may rely on it."""
    made: Any = dataclasses.dataclass

    def lean(cls: Any = None, /, **options: Any) -> Any:
        if cls is None:
            return partial(lean, **options)
        is_node = any(base.__name__ == "CSTNode" for base in cls.__mro__)
        return made(cls, **(options | _SPARED if is_node else options))

    dataclasses.dataclass = lean
    try:
        import libcst  # noqa: F401
    finally:
        dataclasses.dataclass = made
