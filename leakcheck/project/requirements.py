"""Which versions of a package a project's own requirements allow: asked where a verdict depends on it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from typing import Any

from leakcheck.patterns import pattern
from leakcheck.project.described import Asked, Descriptions
from leakcheck.project.folders import REQUIREMENTS
from leakcheck.toml import CatalogueError, parse_toml

Specifiers = Iterator[str]  # `>=0.100,<0.117`: one for each time the package is named
Limit = tuple[tuple[int, ...], bool]  # no version is above it; whether it is a version itself

_UNBOUNDED: Limit = ((10**9,), False)
_GROUPS = ("dependencies", "dependency-groups", "packages")  # in which a TOML file lists packages
_LISTS = pattern("dependencies|package")  # a `pyproject.toml` may have settings of tools only
_CLAUSE = pattern(r"\s*(?P<sign>===?|~=|<=?|\^|~|)\s*v?(?P<version>\d+(?:\.\d+)*)(?P<any>\.\*)?\s*")


class Requirements:
    """For one project."""

    def __init__(self, descriptions: Descriptions) -> None:
        self._descriptions = descriptions

    def allows_only(self, package: str, versions: str, asker: str, asked: Asked) -> bool:
        """Whether the newest version that a file's project may have is one of `>=from,<until`."""
        limit = self._newest(package, asker, asked)
        oldest, _, end = versions.replace(" ", "").removeprefix(">=").partition(",<")
        first, last = _numbers(oldest), _numbers(end)
        version, included = limit
        return first <= version < last if included else first < version <= last

    def may_have(self, parts: tuple[str, ...], asker: str, asked: Asked) -> bool:
        """Whether a file's project may require a package with one of these in its name: if it says so, or says nothing,
        or says more elsewhere."""
        files = self._descriptions.nearest(REQUIREMENTS, asker, asked)
        told = [(file, self._descriptions.text(file)) for file in files]
        texts = [text for file, text in told if _LISTS.search(text) or not file.endswith(".toml")]
        named = re.compile("|".join((r"^\s*-r\b", r"\bdynamic\b.*dependencies", *parts)), re.IGNORECASE | re.MULTILINE)
        return not any(texts) or any(named.search(text) for text in texts)

    def name(self, package: str, asker: str, asked: Asked) -> bool:
        """Whether a file's project says anywhere that it requires a package of that name: `PyYAML` is asked for as
        `yaml`, `python-magic` as `magic`."""
        files = self._descriptions.nearest(REQUIREMENTS, asker, asked)
        named = re.compile(rf"(?<![a-z0-9])(?:py)?{_any_case(package)}(?![a-z0-9])", re.IGNORECASE)
        return any(named.search(self._descriptions.text(file)) for file in files)

    def _newest(self, package: str, asker: str, asked: Asked) -> Limit:
        """By the nearest folder that names the package; in it a lock says more than a range."""
        for file in self._descriptions.nearest(REQUIREMENTS, asker, asked):
            if found := list(_READERS.get(os.path.basename(file), _of_lines)(self._descriptions.text(file), package)):
                return max(map(_limit, found))
        return _UNBOUNDED


# -- files ---------------------------------------------------------------------------------------------------------


def _of_lock(text: str, package: str) -> Specifiers:
    """`name = "package"` and `version = "1.2"` on two lines."""
    pattern = rf'^name = "{_any_case(package)}"\s+version = "([^"]+)"'
    return (match[1] for match in re.finditer(pattern, text, re.MULTILINE))


def _of_json_lock(text: str, package: str) -> Specifiers:
    import json  # slow to import

    try:
        groups = json.loads(text)
    except ValueError:
        return
    for group in groups.values() if isinstance(groups, dict) else ():
        entry = group.get(package) if isinstance(group, dict) else None
        if isinstance(entry, dict) and isinstance(entry.get("version"), str):
            yield entry["version"]


def _of_lines(text: str, package: str) -> Specifiers:
    """`package[extra]>=1.2 ; marker  # comment` at the beginning of a line, or in quotes."""
    pattern = rf"(?:^[\s\-]*|[\"']){_any_case(package)}(?:\[[^\]\n]*\])?\s*((?:[<>=!~][^;#\"'\n\\]*)?)(?:[;#\"'\\].*)?$"
    return (match[1] for match in re.finditer(pattern, text, re.MULTILINE))


def _of_toml(text: str, package: str) -> Specifiers:
    try:
        table = parse_toml(text, "")
    except CatalogueError:
        return iter(())
    return _of_table(table, package, False)


def _of_table(table: dict[str, Any], package: str, listed: bool) -> Specifiers:
    """`dependencies = ["package>=1"]` and `[…dependencies] package = "^1"`, wherever they stand."""
    for key, value in table.items():
        inside = listed or key.endswith(_GROUPS)
        if inside and key.lower() == package and not isinstance(value, list):
            yield str(value.get("version", "") if isinstance(value, dict) else value)
        elif isinstance(value, dict):
            yield from _of_table(value, package, inside)
        elif inside and isinstance(value, list):
            yield from _of_lines("\n".join(entry for entry in value if isinstance(entry, str)), package)


def _any_case(package: str) -> str:
    return f"(?i:{re.escape(package)})"


_READERS: dict[str, Callable[[str, str], Specifiers]] = {
    "uv.lock": _of_lock,
    "poetry.lock": _of_lock,
    "pdm.lock": _of_lock,
    "Pipfile.lock": _of_json_lock,
    "pyproject.toml": _of_toml,
    "Pipfile": _of_toml,
}


# -- versions ------------------------------------------------------------------------------------------------------


def _limit(specifier: str) -> Limit:
    """The lowest of its upper bounds."""
    return min((_bound(clause) for clause in specifier.split(",")), default=_UNBOUNDED)


def _bound(clause: str) -> Limit:
    match = _CLAUSE.fullmatch(clause)
    if match is None:  # `>=1`, `!=1`, `*`
        return _UNBOUNDED
    sign, version = match["sign"], match["version"].split(".")
    if match["any"]:
        return _next(version), False
    if sign in ("~=", "~"):
        return _next(version[:-1] if sign == "~=" else version[:2]), False
    if sign == "^":
        kept = next((n for n, part in enumerate(version, 1) if int(part)), len(version))
        return _next(version[:kept]), False
    return _numbers(".".join(version)), sign != "<"


def _next(version: list[str]) -> tuple[int, ...]:
    """The first version that does not begin so."""
    return (*map(int, version[:-1]), int(version[-1]) + 1) if version else _UNBOUNDED[0]


def _numbers(version: str) -> tuple[int, ...]:
    """To compare: without the zeros at its end."""
    numbers = [int(part) for part in version.split(".") if part.isdigit()]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
