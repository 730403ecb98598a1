"""`[tool.leakcheck]` of a pyproject.toml, as frozen Settings."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from leakcheck.confidence import CONFIDENCES, Confidence
from leakcheck.toml import CatalogueError, parse_toml

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

    from leakcheck.models import Connection, Rule

MayRaise = Literal["strong", "strict"]
FixMode = Literal["off", "shown", "safe", "unsafe"]  # not even planned, shown, applied

_CLI = "command line"
_MAY_BE_WRONG = frozenset("!\\[")  # signs without which nothing is wrong with a pattern
_UNSELECTED, _DEFAULT, _ALL = -1, 0, 1  # how exactly a rule is named; codes and prefixes count by their length


class SettingsError(CatalogueError):
    """Settings that cannot be used as written: where, what, and the nearest valid word."""


class Settings(NamedTuple):
    """What the project, and then the command line, asked for."""

    root: Path  # the folder of the pyproject.toml found, else the current one
    select: tuple[str, ...] = ()  # codes, prefixes, ALL; empty: the rules on by default
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exclude: tuple[str, ...] = ()  # as in a .gitignore; the usual folders are skipped anyway
    may_raise: MayRaise = "strong"
    min_confidence: Confidence = "medium"
    min_pool_size: int = 10
    pool_size: int = 20  # what to recommend
    batch_size: int = 100
    drivers: tuple[Path, ...] = ()
    connections: tuple[Connection, ...] = ()
    fixable: tuple[str, ...] = ("ALL",)
    unfixable: tuple[str, ...] = ()
    extend_safe_fixes: tuple[str, ...] = ()  # rules whose unsafe fixes count as safe
    baseline: Path | None = None  # lists findings that are not reported
    prefer: tuple[tuple[str, str], ...] = ()  # acquirers and the context managers to enter instead
    fix: FixMode = "shown"
    written: tuple[str, ...] = ()  # keys of the settings file: what is not among them nobody chose
    census: bool = False  # also count what findings are to be seen against

    def enabled(self, code: str, filename: str) -> bool:
        """Whether a rule is on for a file."""
        return self.selects(code) and not any(
            _strength(selectors, code) > _UNSELECTED and pattern_list((pattern,)).match_file(self.relative(filename))
            for pattern, selectors in self.per_file_ignores
        )

    def selects(self, code: str) -> bool:
        """Whether a rule is on at all. The selector that names it most exactly decides; `ignore` wins a tie."""
        chosen = _strength((*self.select, *self.extend_select), code)
        if not self.select and code in rules() and rules()[code].default:
            chosen = max(chosen, _DEFAULT)
        return chosen != _UNSELECTED and _strength(self.ignore, code) < chosen

    def fixes(self, code: str) -> bool:
        """Whether findings of a rule may be fixed: named by `fixable`, and not more exactly by `unfixable`."""
        chosen = _strength(self.fixable, code)
        return chosen > _UNSELECTED and chosen > _strength(self.unfixable, code)

    @property
    def applies_fixes(self) -> bool:
        """Whether files are to be rewritten."""
        return self.fix in ("safe", "unsafe")

    def trusts(self, code: str) -> bool:
        """Whether the unsafe fixes of a rule count as safe."""
        return _strength(self.extend_safe_fixes, code) > _UNSELECTED

    def relative(self, filename: str) -> str:
        """A path as patterns see it: from the project's root if it lies inside."""
        path, root = os.path.abspath(filename), os.path.abspath(self.root)
        return os.path.relpath(path, root) if path.startswith(os.path.join(root, "")) else filename

    def override(
        self,
        select: Iterable[str] = (),
        ignore: Iterable[str] = (),
        extend_select: Iterable[str] = (),
        exclude: Iterable[str] = (),
    ) -> Settings:
        """With what the command line says. Its `--select` starts afresh, the others add."""
        selected = _selectors(list(select), _CLI, "--select")
        base = self._replace(select=selected, ignore=(), extend_select=()) if selected else self
        return base._replace(
            ignore=base.ignore + _selectors(list(ignore), _CLI, "--ignore"),
            extend_select=base.extend_select + _selectors(list(extend_select), _CLI, "--extend-select"),
            exclude=base.exclude + _patterns(list(exclude), _CLI, "--exclude"),
        )


@lru_cache(maxsize=1)
def rules() -> Mapping[str, Rule]:
    """The rule documents by code."""
    from leakcheck.catalogue import Catalogue

    return Catalogue(()).rules  # no drivers: they are not needed to know the rules


@lru_cache
def pattern_list(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    """Patterns with the meaning they have in a .gitignore."""
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(patterns)


def is_pattern(text: str) -> bool:
    """Whether it is written as a .gitignore asks for."""
    if _MAY_BE_WRONG.isdisjoint(text):  # what compiles patterns is slow to import
        return True
    try:
        pattern_list((text,))
    except (ValueError, re.error):
        return False
    return True


def load(start: Path, config: Path | None = None) -> Settings:
    """The settings for `start`, a file or folder: from `config`, else from the nearest pyproject.toml that has any."""
    root, file, table = _nearest(start)
    if config is not None:
        file, found = config, _table(config)
        if found is None:
            raise SettingsError(str(config), "has no table [tool.leakcheck]")
        table = found
    return _read(table, root, file)


def _nearest(start: Path) -> tuple[Path, Path, Mapping[str, Any]]:
    """Project root, settings file, its table. A pyproject.toml without our table only marks a root."""
    folder = start.resolve()
    root = None
    for parent in (folder, *folder.parents):
        file = parent / "pyproject.toml"
        if not file.is_file():
            continue
        table = _table(file)
        if table is not None:
            return parent, file, table
        root = root or parent
    return root or Path.cwd(), Path("pyproject.toml"), {}


def _table(file: Path) -> Mapping[str, Any] | None:
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise SettingsError(str(file), f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(str(file), "cannot be read: not UTF-8") from None
    tool = parse_toml(text, str(file)).get("tool") if "leakcheck" in text else None
    table = tool.get("leakcheck") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise SettingsError(str(file), f"tool.leakcheck must be a table, not {table!r}")
    return table


def _read(table: Mapping[str, Any], root: Path, file: Path) -> Settings:
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in KEYS:
            raise SettingsError(str(file), f"unknown key '{key}' in [tool.leakcheck]", key, KEYS)
        field, parse = KEYS[key]
        values[field] = parse(value, str(file), key)
    return Settings(root, written=tuple(table), **values)


def _strength(selectors: tuple[str, ...], code: str) -> int:
    named = (_ALL if selector == "ALL" else len(selector) for selector in selectors if _selects(selector, code))
    return max(named, default=_UNSELECTED)


def _selects(selector: str, code: str) -> bool:
    return selector == "ALL" or code.startswith(selector)


def _strings(value: object, where: str, key: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise SettingsError(where, f"'{key}' must be a list of strings, not {value!r}")
    return tuple(value)


def _patterns(value: object, where: str, key: str) -> tuple[str, ...]:
    patterns = _strings(value, where, key)
    for text in patterns:
        if not is_pattern(text):
            raise SettingsError(where, f"'{key}' holds '{text}', which is no pattern of a .gitignore")
    return patterns


def _selectors(value: object, where: str, key: str) -> tuple[str, ...]:
    selectors = _strings(value, where, key)
    for selector in selectors:
        if not selector or not any(_selects(selector, code) for code in rules()):
            what = f"unknown rule selector '{selector}' in '{key}'"
            raise SettingsError(where, what, selector.upper(), ("ALL", *rules()))
    return selectors


def _per_file(value: object, where: str, key: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(value, dict):
        raise SettingsError(where, f"'{key}' must be a table of pattern = [selectors], not {value!r}")
    patterns = _patterns(list(value), where, key)
    return tuple((pattern, _selectors(value[pattern], where, f"{key}.{pattern}")) for pattern in patterns)


def _word(valid: tuple[str, ...]) -> Callable[[object, str, str], str]:
    def parse(value: object, where: str, key: str) -> str:
        if value not in valid:
            choice = " or ".join(f"'{word}'" for word in valid)
            raise SettingsError(where, f"'{key}' must be {choice}, not {value!r}", str(value), valid)
        return str(value)

    return parse


def _count(value: object, where: str, key: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise SettingsError(where, f"'{key}' must be a whole number from 1, not {value!r}")
    return value


def _files(value: object, where: str, key: str) -> tuple[Path, ...]:
    files = tuple(Path(where).resolve().parent / name for name in _strings(value, where, key))
    for file in files:
        if not file.is_file():
            raise SettingsError(where, f"'{key}' names {file}, which is no file")
    return files


def _new_file(value: object, where: str, key: str) -> Path:
    """It may have to be written first."""
    if not isinstance(value, str) or not value:
        raise SettingsError(where, f"'{key}' must be the name of a file, not {value!r}")
    return Path(where).resolve().parent / value


def _preferences(value: object, where: str, key: str) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise SettingsError(where, f"'{key}' must be a table of acquirer = context manager, not {value!r}")
    for name in (*value, *value.values()):
        if not isinstance(name, str) or not all(map(str.isidentifier, name.split("."))) or "." not in name:
            raise SettingsError(where, f"'{key}' must hold qualified names, as 'package.function', not {name!r}")
    return tuple(value.items())


def _connections(value: object, where: str, key: str) -> tuple[Connection, ...]:
    if not isinstance(value, list):
        raise SettingsError(where, f"'{key}' must be a list: write [[tool.leakcheck.{key}]]")
    from leakcheck.schema import parse_connection  # with all the models: slow to import

    return tuple(parse_connection(entry, f"{where}: [[tool.leakcheck.{key}]]") for entry in value)


KEYS: dict[str, tuple[str, Callable[[object, str, str], object]]] = {
    "select": ("select", _selectors),
    "ignore": ("ignore", _selectors),
    "extend-select": ("extend_select", _selectors),
    "per-file-ignores": ("per_file_ignores", _per_file),
    "exclude": ("exclude", _patterns),
    "may-raise": ("may_raise", _word(get_args(MayRaise))),
    "min-confidence": ("min_confidence", _word(CONFIDENCES)),
    "min-pool-size": ("min_pool_size", _count),
    "pool-size": ("pool_size", _count),
    "batch-size": ("batch_size", _count),
    "drivers": ("drivers", _files),
    "baseline": ("baseline", _new_file),
    "connection": ("connections", _connections),
    "fixable": ("fixable", _selectors),
    "unfixable": ("unfixable", _selectors),
    "extend-safe-fixes": ("extend_safe_fixes", _selectors),
    "prefer": ("prefer", _preferences),
}
