"""Which files to check: the ones given, and the Python files below the folders given."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from leakcheck.settings import Settings, is_pattern, pattern_list

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

    from leakcheck.diagnostics import Report

USUAL = frozenset(
    {".git", ".hg", ".svn", ".venv", "venv", ".tox", ".nox", ".eggs", "node_modules", "__pycache__", "__pypackages__"}
    | {".mypy_cache", ".pytest_cache", ".ruff_cache", ".ipynb_checkpoints"}
)
OUTPUT = frozenset({"build", "dist"})  # unless they are packages


class Found(NamedTuple):
    """Files to check, and a report for each path that could not be looked at; both in order."""

    files: tuple[str, ...]
    problems: tuple[Report, ...] = ()


def find(paths: Iterable[str], settings: Settings, force_exclude: bool = False) -> Found:
    """Files given are always checked, unless `force_exclude`; in folders, what is neither ignored nor excluded."""
    files: set[str] = set()
    problems: list[Report] = []
    for path in map(_tidy, paths):
        if force_exclude and excluded(path, settings):
            continue
        if os.path.isdir(path):
            files.update(_below(path, settings, problems))
        elif os.path.exists(path):
            files.add(path)
        else:
            problems.append(_unusable(path, _absence(path)))
    return Found(tuple(sorted(files, key=_order)), tuple(sorted(problems, key=lambda report: _order(report.filename))))


def excluded(path: str, settings: Settings) -> bool:
    """Whether a walk from the project's root would have left this path out."""
    return _descend(path, settings)[1]


def _tidy(path: str) -> str:
    return str(Path(path))  # no `./`, no doubled slashes; `..` stays, it may follow a link


def _order(path: str) -> list[str]:
    return path.split(os.sep)


def _unusable(path: str, why: str) -> Report:
    from leakcheck.diagnostics import Report  # hardly ever needed

    return Report(path, error=why)


def _absence(path: str) -> str:
    if os.path.islink(path):
        return "symbolic link that leads nowhere"
    return "no such file or folder"


class _Filter(NamedTuple):
    """The rules in force in one folder: the settings' patterns, and the .gitignore files from the top down."""

    excludes: tuple[tuple[int, GitIgnoreSpec], ...]  # length of the folder they count from, patterns
    ignores: tuple[tuple[int, GitIgnoreSpec], ...] = ()

    def enter(self, folder: str, names: Sequence[str] | None = None) -> _Filter:
        """With the folder's own .gitignore."""
        if names is not None and ".gitignore" not in names:
            return self
        spec = _gitignore(folder)
        return _Filter(self.excludes, (*self.ignores, (_length(folder), spec))) if spec else self

    def rejects(self, path: str, is_folder: bool) -> bool:
        """Whether an absolute path is left out. The deepest .gitignore with an opinion decides."""
        name = path + "/" if is_folder else path
        if is_folder and os.path.basename(path) in USUAL:
            return True
        if any(spec.match_file(name[start:]) for start, spec in self.excludes):
            return True
        opinions = (spec.check_file(name[start:]).include for start, spec in reversed(self.ignores))
        return next((bool(opinion) for opinion in opinions if opinion is not None), False)


def _below(folder: str, settings: Settings, problems: list[Report]) -> Iterator[str]:
    """The files below a folder that was asked for by name, even if that folder itself is ignored."""
    rules, ignored = _descend(folder, settings)
    if ignored:
        rules = _Filter(())
    yield from _walk(folder, os.path.abspath(folder), rules, problems, asked_for=True)


def _walk(shown: str, folder: str, rules: _Filter, problems: list[Report], asked_for: bool = False) -> Iterator[str]:
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        problems.append(_unusable(shown, error.strerror or str(error)))
        return
    names = [entry.name for entry in entries]
    if not asked_for and _is_output(os.path.basename(folder), names):
        return
    rules = rules.enter(folder, names)
    for entry in entries:
        name = entry.name if shown == "." else os.path.join(shown, entry.name)
        path = os.path.join(folder, entry.name)
        if entry.is_dir(follow_symlinks=False):  # a linked folder is checked where it lies: no loops
            if not rules.rejects(path, True):
                yield from _walk(name, path, rules, problems)
        elif _is_python(entry) and not rules.rejects(path, False):
            if _is_broken(entry):
                problems.append(_unusable(name, _absence(path)))
            elif entry.is_file():
                yield name


def _is_python(entry: os.DirEntry[str]) -> bool:
    return entry.name.endswith(".py") and not entry.name.startswith(".#")  # an editor's lock is a dangling link


def _is_broken(entry: os.DirEntry[str]) -> bool:
    return entry.is_symlink() and not os.path.exists(entry.path)


def _is_output(name: str, names: Sequence[str]) -> bool:
    """A virtual environment by any name, or what a build left behind."""
    return "pyvenv.cfg" in names or (name in OUTPUT and "__init__.py" not in names)


def _descend(path: str, settings: Settings) -> tuple[_Filter, bool]:
    """The rules in force around a path, and whether they leave it out."""
    target = os.path.abspath(path)
    top = _top(target, os.path.abspath(settings.root))
    rules = _Filter(_excludes(target, settings))
    parts = os.path.relpath(target, top).split(os.sep) if target != top else []
    folder, ignored = top, False
    for part in parts:
        rules = rules.enter(folder)
        folder = os.path.join(folder, part)
        is_folder = folder != target or os.path.isdir(folder)
        ignored = ignored or rules.rejects(folder, is_folder) or (is_folder and _is_output(part, _listed(folder)))
    return rules, ignored


def _top(target: str, root: str) -> str:
    """Where .gitignore files begin to count: the repository's top, else the project's, else the folder itself."""
    for folder in (target, *map(str, Path(target).parents)):
        if os.path.exists(os.path.join(folder, ".git")):
            return folder
    if target.startswith(os.path.join(root, "")):
        return root
    return target if os.path.isdir(target) else os.path.dirname(target)


def _excludes(target: str, settings: Settings) -> tuple[tuple[int, GitIgnoreSpec], ...]:
    """Patterns count from the project's root and from the current folder, whichever the writer had in mind."""
    if not settings.exclude:
        return ()
    bases = {os.path.abspath(settings.root), os.getcwd()}
    inside = [base for base in sorted(bases) if target == base or target.startswith(os.path.join(base, ""))]
    spec = pattern_list(settings.exclude)
    return tuple((_length(base), spec) for base in inside or [os.path.dirname(target)])


def _length(folder: str) -> int:
    return len(os.path.join(folder, ""))


@lru_cache(maxsize=4096)
def _gitignore(folder: str) -> GitIgnoreSpec | None:
    try:
        text = Path(folder, ".gitignore").read_text("utf-8", errors="replace")
    except OSError:
        return None
    return pattern_list(tuple(filter(is_pattern, text.splitlines())))  # git passes over those that make no sense


@lru_cache(maxsize=4096)
def _listed(folder: str) -> tuple[str, ...]:
    return tuple(name for name in ("pyvenv.cfg", "__init__.py") if os.path.exists(os.path.join(folder, name)))
