"""What is checked for an editor: texts that may not be saved, each with its settings and the project around it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from leakcheck.checking import check_text, with_room
from leakcheck.diagnostics import Report, split_lines
from leakcheck.fixes.rounds import mend
from leakcheck.known.baseline import without_known
from leakcheck.project.discovery import excluded
from leakcheck.project.project import Project
from leakcheck.project.source import SourceUnreadable, read_source
from leakcheck.settings import FixMode, Settings, load
from leakcheck.toml import CatalogueError

_Stamps = tuple[tuple[int, int] | None, ...]


class Desk:
    """Settings are read again when their file changes; projects know the texts on the desk, not those on disk."""

    def __init__(self) -> None:
        self.problems: list[str] = []  # with settings, for whoever shows them
        self._settings: dict[Path, tuple[Settings, _Stamps]] = {}  # by folder
        self._projects: dict[Settings, Project] = {}
        self._texts: dict[str, str] = {}  # the last ones that could be parsed

    def check(self, filename: str, text: str, fix: FixMode = "off") -> Report:
        """The report on a text."""
        settings = self.settings(Path(filename).parent)
        if excluded(filename, settings):
            return Report(filename)
        project = self._project(settings)
        report = with_room(lambda: check_text(text, filename, settings._replace(fix=fix), project))
        if report.error is None:
            self._texts[filename] = text
        elif filename in self._texts:
            project.add(self._texts[filename], filename)  # others still see what it was before somebody typed
        return self._new(report, settings, split_lines(text))

    def _new(self, report: Report, settings: Settings, lines: Sequence[str]) -> Report:
        """Without what the baseline lists; with it, and a word about it, if it cannot be read."""
        try:
            return without_known((report,), settings, lambda _: lines)[0]
        except CatalogueError as error:
            self.problems.append(str(error))
            return report

    def mended(self, filename: str, text: str) -> str:
        """The text with all safe fixes."""
        settings = self.settings(Path(filename).parent)._replace(fix="safe")
        project = self._project(settings._replace(fix="shown")).fork()

        def check(new: str) -> Report:
            return check_text(new, filename, settings, project)

        def work() -> Report:
            report = check(text)
            return report if report.error is not None else mend(text, report, check, settings)

        rewrite = None if excluded(filename, settings) else with_room(work).rewrite
        return rewrite.after if rewrite else text

    def lines(self, filename: str) -> Sequence[str]:
        """The lines of a file that a finding speaks of; none if it is gone."""
        try:
            return split_lines(self._texts[filename] if filename in self._texts else read_source(Path(filename)))
        except SourceUnreadable:
            return ()

    def changed(self, filename: str) -> None:
        """A file is not on the desk any more, or another one on disk."""
        self._texts.pop(filename, None)
        for project in self._projects.values():
            project.forget(Path(filename))

    def reload(self) -> None:
        """Settings and projects are read anew."""
        self._settings.clear()
        self._projects.clear()

    def settings(self, folder: Path) -> Settings:
        """The settings for the files of a folder; the last good ones while their file is being written."""
        known, stamps = self._settings.get(folder, (None, None))
        now = _stamps(folder)
        if known is not None and stamps == now:
            return known
        try:
            found = load(folder)._replace(fix="shown")
        except CatalogueError as error:
            self.problems.append(str(error))
            found = known or Settings(folder)
        self._settings[folder] = (found, now)
        return found

    def _project(self, settings: Settings) -> Project:
        if settings not in self._projects:
            self._projects = {s: p for s, p in self._projects.items() if s.root != settings.root}
            project = self._projects[settings] = Project(settings)
            for filename, text in self._texts.items():
                project.add(text, filename)
        return self._projects[settings]


def _stamps(folder: Path) -> _Stamps:
    """Of the files that may hold the settings of a folder: they may come and go."""
    return tuple(_stamp(parent / "pyproject.toml") for parent in (folder, *folder.parents))


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(file)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
