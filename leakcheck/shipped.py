"""The files of `rules/`, as they come with the program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leakcheck.models import Rule
from leakcheck.schema import parse_rule
from leakcheck.toml import parse_toml

if TYPE_CHECKING:
    import sys

    if sys.version_info >= (3, 11):
        from importlib.resources.abc import Traversable
    else:
        from importlib.abc import Traversable

DRIVERS = "drivers/"
_OF_EVERY_RUN = ("calls.toml", "waits.toml", "web.toml", "words.toml")


@cache
def tables() -> Mapping[str, dict[str, Any]]:
    """What runs ask for, by its path in `rules/`: `drivers/psycopg.toml`. Nobody changes it."""
    from leakcheck.project.cache.compiled import rule_tables  # which may need a catalogue itself

    return rule_tables(lambda: dict(_read(rules_folder())))


def _read(folder: Traversable) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in _OF_EVERY_RUN:
        yield name, table(name)
    for file in _sorted(folder / DRIVERS.rstrip("/"), "", ".toml"):
        yield DRIVERS + file.name, parse_toml(file.read_text("utf-8"), file.name)


def table(name: str) -> dict[str, Any]:
    """What one file says."""
    return parse_toml((rules_folder() / name).read_text("utf-8"), name)


class Documents(Mapping[str, Rule]):
    """The rule documents by code, each read when it is first asked for: few runs find more than two kinds."""

    def __init__(self) -> None:
        self._files = {file.name.partition("-")[0]: file for file in _sorted(rules_folder(), "LK", ".md")}
        self._read: dict[str, Rule] = {}

    def __getitem__(self, code: str) -> Rule:
        if code not in self._read:
            file = self._files[code]
            self._read[code] = parse_rule(file.read_text("utf-8"), file.name)
        return self._read[code]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def rules_folder() -> Traversable:
    """`rules/`: inside the package once installed, beside it in a checkout."""
    package = Path(__file__).parent
    for folder in (package / "rules", package.parent / "rules"):
        if folder.is_dir():
            return folder
    from importlib.resources import files  # inside a zip file; slow to import

    return files("leakcheck") / "rules"


def _sorted(folder: Traversable, start: str, end: str) -> list[Traversable]:
    found = (file for file in folder.iterdir() if file.name.startswith(start) and file.name.endswith(end))
    return sorted(found, key=lambda file: file.name)
