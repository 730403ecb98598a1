"""Which parameter of a callee each argument fills."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leakcheck.flow.core import Argument
    from leakcheck.flow.values import Function


def filled(callee: Function, arguments: list[Argument]) -> list[tuple[str, Argument]]:
    """By the parameter's name, as far as that can be told."""
    names = [p.name.value for p in callee.info.parameters if not p.star]
    if callee.receiver is not None and "staticmethod" not in callee.info.decorators:
        names = names[1:]
    found = []
    for index, argument in enumerate(arguments):
        if argument.star:
            break
        name = argument.keyword or (names[index] if index < len(names) else "")
        if name in names:
            found.append((name, argument))
    return found
