"""The functions that a project's description installs as commands: `inject = "app.cli.inject:run"`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

from leakcheck.patterns import pattern
from leakcheck.project.described import Asked, Descriptions
from leakcheck.toml import CatalogueError, parse_toml

_FILES = ("pyproject.toml", "setup.cfg", "setup.py")
_TABLES = ("project.scripts", "project.gui-scripts", "tool.poetry.scripts", "tool.flit.scripts")
_GROUP = pattern(r"(?:console|gui)_scripts[\"']?\]?\s*[:=]?\s*\[?([^\[\]]*)")  # of setuptools
_UNINDENTED = pattern(r"\n(?=\S)")
_ENTRY = pattern(r"\s*([\w.]+)\s*:\s*(\w+)")
_NAMED = pattern(r"=\s*([\w.]+\s*:\s*\w+)")

Entry = tuple[str, str]  # a module's dotted name, and that of its function


class Commands:
    """For one project."""

    def __init__(self, descriptions: Descriptions) -> None:
        self._descriptions = descriptions

    def modules(self, function: str, asker: str, asked: Asked) -> Iterator[str]:
        """The modules of which a function of that name is installed as a command, by the files around the asker."""
        for file in self._descriptions.nearest(_FILES, asker, asked):
            text = self._descriptions.text(file)
            if f":{function}" in text.replace(" ", ""):
                yield from (module for module, name in _entries(os.path.basename(file), text) if name == function)


def _entries(name: str, text: str) -> Iterator[Entry]:
    given = _of_toml(text) if name.endswith(".toml") else _of_setuptools(text, name.endswith(".cfg"))
    found = (_ENTRY.match(entry) for entry in given if isinstance(entry, str))
    return ((match[1], match[2]) for match in found if match)


def _of_toml(text: str) -> Iterator[Any]:
    try:
        described = parse_toml(text, "")
    except CatalogueError:
        return
    for path in _TABLES:
        table: Any = described
        for key in path.split("."):
            table = table.get(key) if isinstance(table, dict) else None
        yield from table.values() if isinstance(table, dict) else ()


def _of_setuptools(text: str, is_indented: bool) -> Iterable[str]:
    for group in _GROUP.findall(text):
        yield from _NAMED.findall(_UNINDENTED.split(group)[0] if is_indented else group)
