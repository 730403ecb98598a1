"""TOML as the user writes it, and what to say where it cannot be used. Small: every run needs it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any


class CatalogueError(Exception):
    """A driver file, rule document or settings table that cannot be used as written."""

    def __init__(self, where: str, what: str, word: str = "", valid: Iterable[str] = ()) -> None:
        from difflib import get_close_matches  # only for messages

        near = get_close_matches(word, valid, 1, 0.5)
        hint = f", did you mean '{near[0]}'?" if near else ""
        super().__init__(f"{where}: {what}{hint}")


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """The tables of a TOML text."""
    if sys.version_info >= (3, 11):  # many runs read no TOML
        import tomllib
    else:
        import tomli as tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(where, f"not valid TOML: {error}") from None
