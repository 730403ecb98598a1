"""How the project wants its code laid out, as far as a rewrite has a choice: line length and oldest Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from leakcheck.patterns import pattern
from leakcheck.project.project import Project
from leakcheck.records import dataclass
from leakcheck.toml import CatalogueError, parse_toml

_VERSION = pattern(r"(?:>=|==|~=|\^|>|^)\s*3\.(\d+)")
_TARGET = pattern(r"py3(\d+)\Z")
_PARENTHESES = 9  # since 3.9 a `with` may have them around its items
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


def of_project(project: Project) -> Style:
    """The style of a project, read once."""
    if "style" not in project.memo:
        project.memo["style"] = style_of(project.root)
    return project.memo["style"]  # type: ignore[return-value]


def style_of(root: Path) -> Style:
    """The style of the project in a folder, from the files that formatters and linters read."""
    pyproject = _toml(root / "pyproject.toml")
    tools = _table(pyproject, "tool")
    ruff = _toml(root / ".ruff.toml") or _toml(root / "ruff.toml") or _table(tools, "ruff")
    sections = {"ruff": ruff, "black": _table(tools, "black")}
    sections = {name: section for name, section in sections.items() if section or name in tools}
    sections |= _ini_sections(root)
    python = _table(pyproject, "project").get("requires-python")
    python = python or _table(_table(tools, "poetry"), "dependencies").get("python")
    return Style(_width(sections), _minor(python, (ruff, _table(tools, "black"))))


def _width(sections: Mapping[str, Mapping[str, Any]]) -> int | None:
    """What the first tool says that says anything, else the default of the first that is configured."""
    for section in sections.values():
        for key in ("line-length", "max-line-length", "max_line_length"):
            if str(section.get(key, "")).isdigit():
                return int(section[key])
    return next((_DEFAULTS[name] for name in sections), None)


def _minor(python: object, tools: tuple[Mapping[str, Any], ...]) -> int | None:
    """The oldest 3.x that the project runs on."""
    minors = [int(minor) for minor in _VERSION.findall(python)] if isinstance(python, str) else []
    for tool in tools:
        if not minors:
            targets = tool.get("target-version", [])
            named = (_TARGET.match(str(each)) for each in (targets if isinstance(targets, list) else [targets]))
            minors = [int(match[1]) for match in named if match]
    return min(minors, default=None)


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = table.get(key, {})
    return found if isinstance(found, dict) else {}


def _toml(file: Path) -> Mapping[str, Any]:
    try:
        return parse_toml(file.read_text("utf-8"), str(file))
    except (OSError, UnicodeDecodeError, CatalogueError):
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
