"""Some files, one after the other in this process: what is found out about the modules they share is kept."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterable

from leakcheck.checking import check_and_fix, with_room
from leakcheck.diagnostics import Report
from leakcheck.garbage import look_rarely
from leakcheck.processes import Batch
from leakcheck.project.project import Project
from leakcheck.project.source import SourceUnreadable, decode
from leakcheck.settings import Settings

_FULL = 320_000_000  # bytes that a process takes: with another batch it may be 400 MB
_ROOM = 200_000_000  # bytes for what is kept, where that cannot be asked, or memory that is given back stays taken

_projects: dict[Settings, Project] = {}  # one in each process, so that modules are read once


def check(files: Iterable[str], settings: Settings) -> Batch:
    """The files' reports."""
    project = _project(settings)
    look_rarely()
    reports = with_room(lambda: [_check_file(file, settings, project) for file in files])
    nodes = project.trace.reached(os.path.abspath(report.filename) for report in reports)
    return Batch(reports, nodes, frozenset(project.folders.asked), _is_full(project))


def forget() -> None:
    """Read every module anew: files may have changed since the last run of this process."""
    _projects.clear()


def _project(settings: Settings) -> Project:
    """The one that is known, unless it has grown too large."""
    project = _projects.get(settings)
    if project is not None and not _is_full(project):
        return project
    for known in _projects.values():
        known.dissolve()
    del project
    if _projects:
        _projects.clear()
        gc.collect()
    project = _projects[settings] = Project(settings)
    return project


def _is_full(project: Project) -> bool:
    """Whether nothing more should be kept: of a process that can be replaced, what it takes counts."""
    taken = _taken() if _can_be_replaced() else None
    return project.memory > _ROOM if taken is None else taken > _FULL


def _can_be_replaced() -> bool:
    """Whether another process has started this one; a run that has started none is spared the import."""
    if "multiprocessing" not in sys.modules:
        return False
    from multiprocessing import parent_process

    return parent_process() is not None


def _taken() -> int | None:
    """The bytes of memory that this process takes now, if the system tells."""
    try:
        with open("/proc/self/statm", encoding="ascii") as stream:
            return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def _check_file(file: str, settings: Settings, project: Project) -> Report:
    try:
        return check_and_fix(decode(_read(file)), file, settings, project)
    except SourceUnreadable as error:
        return Report(file, error=str(error))
    except OSError as error:
        return Report(file, error=error.strerror or str(error))


def _read(file: str) -> bytes:
    with open(file, "rb") as stream:
        return stream.read()
