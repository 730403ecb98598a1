"""How the project wants its code laid out, as far as a rewrite has a choice: line length and oldest Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from leakcheck.patterns import pattern
from leakcheck.project import pythons
from leakcheck.project.project import Project
from leakcheck.project.syntax.module import Module
from leakcheck.records import dataclass
from leakcheck.toml import CatalogueError, parse_toml

_TARGET = pattern(r"py3(\d+)\Z")
_PARENTHESES = 9  # since 3.9 a `with` may have them around its items
_WALRUS = 8
_TAB = 4
_DEFAULTS = {"ruff": 88, "black": 88, "flake8": 79, "pycodestyle": 79}


@dataclass(frozen=True, slots=True)
class Style:
    """No `width` means no limit, no `minor` an unknown Python 3."""

    width: int | None = None
    minor: int | None = None

    def fits(self, *lines: str) -> bool:
        """Whether these lines are short enough."""
        return self.width is None or all(len(line.expandtabs(_TAB)) <= self.width for line in lines)

    @property
    def parenthesised(self) -> bool:
        """Whether `with (a, b):` may be written."""
        return self.minor is not None and self.minor >= _PARENTHESES

    @property
    def names_in_tests(self) -> bool:
        """Whether `while row := next(rows):` may be written: unless an older Python is to run it."""
        return self.minor is None or self.minor >= _WALRUS


def style_for(module: Module, project: Project) -> Style:
    """The style of a module: that of its project, read once, with the Python of the nearest file that names one."""
    if "style" not in project.memo:
        project.memo["style"] = style_of(project.root)
    style: Style = project.memo["style"]  # type: ignore[assignment]
    minor = project.oldest_python(module)
    return style if minor is None else replace(style, minor=minor)


def style_of(root: Path) -> Style:
    """The style of the project in a folder, from the files that formatters and linters read."""
    pyproject = _toml(root / "pyproject.toml")
    tools = _table(pyproject, "tool")
    ruff = _toml(root / ".ruff.toml") or _toml(root / "ruff.toml") or _table(tools, "ruff")
    sections = {"ruff": ruff, "black": _table(tools, "black")}
    sections = {name: section for name, section in sections.items() if section or name in tools}
    sections |= _ini_sections(root)
    said = (pythons.oldest(name, _text(root / name)) for name in pythons.FILES)
    minor = next((minor for minor in said if minor is not None), None)
    return Style(_width(sections), _target((ruff, _table(tools, "black"))) if minor is None else minor)


def _width(sections: Mapping[str, Mapping[str, Any]]) -> int | None:
    """What the first tool says that says anything, else the default of the first that is configured."""
    for section in sections.values():
        for key in ("line-length", "max-line-length", "max_line_length"):
            if str(section.get(key, "")).isdigit():
                return int(section[key])
    return next((_DEFAULTS[name] for name in sections), None)


def _target(tools: tuple[Mapping[str, Any], ...]) -> int | None:
    """The oldest 3.x that the first tool which says so writes for."""
    for tool in tools:
        targets = tool.get("target-version", [])
        named = (_TARGET.match(str(each)) for each in (targets if isinstance(targets, list) else [targets]))
        if minors := [int(match[1]) for match in named if match]:
            return min(minors)
    return None


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = table.get(key, {})
    return found if isinstance(found, dict) else {}


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _toml(file: Path) -> Mapping[str, Any]:
    try:
        return parse_toml(_text(file), str(file))
    except CatalogueError:
        return {}  # whose tool it is will say so


def _ini_sections(root: Path) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for name, section in (pair for file in (".flake8", "setup.cfg", "tox.ini") for pair in _ini(root / file)):
        if name in _DEFAULTS:
            found.setdefault(name, section)
    return found


def _ini(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not file.is_file():
        return
    import configparser  # slow to import

    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read(file, "utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return
    yield from ((name, dict(parser[name])) for name in parser.sections())
