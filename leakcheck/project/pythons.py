"""The oldest Python that a project says it runs on: what newer ones can write, a fix must not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from leakcheck.patterns import pattern
from leakcheck.toml import CatalogueError, parse_toml

_CLAUSE = pattern(r"(?:>=|==|~=|[~^>]|\A|\|\|)\s*(\d+)(?:\.(\d+))?")
_OF_CFG = pattern(r"(?m)^\s*python_requires\s*=\s*(.+)$")
_OF_SETUP = pattern(r"\bpython_requires[\"']?\s*[=:]\s*[\"']([^\"'\n]+)[\"']")
_THREE = 3


def oldest(name: str, text: str) -> int | None:
    """The minor version of the oldest Python 3 by a file of that name; 0 if an older Python is one of them."""
    versions = _CLAUSE.findall(_SAYS[name](text).strip())
    return min((int(minor or 0) if int(major) >= _THREE else 0 for major, minor in versions), default=None)


def _of_pyproject(text: str) -> str:
    table = _read(text)
    poetry = _inside(table, "tool", "poetry", "dependencies", "python")
    told = _inside(table, "project", "requires-python") or poetry
    return told if isinstance(told, str) else ""


def _of_pipfile(text: str) -> str:
    told = _inside(_read(text), "requires", "python_version")
    return told if isinstance(told, str) else ""


def _of_cfg(text: str) -> str:
    match = _OF_CFG.search(text)
    return match[1] if match else ""


def _of_setup(text: str) -> str:
    match = _OF_SETUP.search(text)
    return match[1] if match else ""


def _read(text: str) -> dict[str, Any]:
    try:
        return parse_toml(text, "")
    except CatalogueError:
        return {}  # whose tool it is will say so


def _inside(table: Any, *path: str) -> Any:
    for key in path:
        table = table.get(key) if isinstance(table, dict) else None
    return table


_SAYS: dict[str, Callable[[str], str]] = {
    "pyproject.toml": _of_pyproject,
    "setup.cfg": _of_cfg,
    "setup.py": _of_setup,
    "Pipfile": _of_pipfile,
}
FILES = tuple(_SAYS)
