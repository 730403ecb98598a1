"""The ways services handle a connection, right ones mostly, as text with holes.

A line `#: name flags` opens an idiom. Flags say which flavours it fits: `sync`, `async`, `cursor` (cursors exist),
`close` (the release is `x.close()`), `managed` (the driver has a context manager that gives it back), `pool`.
Holes: ACQUIRE, MANAGED, RELEASE, RELEASE(name), CONN, CUR, CURSOR, ERROR, FUNC, ARGS (and `ARGS, ` before other
parameters), NAMES (to pass them on), BODY, RESULT, COMMIT. `~` is `await` or `async` where the flavour is asynchronous.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.execution.idioms import classes, helpers, loops, managers, plain, sharing, wrappers


@dataclass(frozen=True, slots=True)
class Idiom:
    """A named template."""

    name: str
    flags: frozenset[str]
    text: str


def _parse(text: str) -> list[Idiom]:
    found = []
    for part in text.split("\n#: ")[1:]:
        header, _, body = part.partition("\n")
        name, *flags = header.split()
        found.append(Idiom(name, frozenset(flags), body.strip("\n") + "\n"))
    return found


IDIOMS: tuple[Idiom, ...] = tuple(
    idiom for shelf in (plain, loops, managers, wrappers, helpers, sharing, classes) for idiom in _parse(shelf.TEXT)
)
