"""Reports of former runs that still hold: neither their file nor what they rest on has changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from leakcheck.project.folders import absolute
from leakcheck.project.trace import Node

if TYPE_CHECKING:
    from leakcheck.diagnostics import Report
    from leakcheck.project.cache.ledger import Ledger
    from leakcheck.project.cache.storage import Parts
    from leakcheck.project.locate import Locator

Table = dict[str, Any]


class Verdicts:
    """For one project, one kind of settings and one catalogue.

    Kept are: how folders looked, the digests of files, what each module asked for, and the reports. As long as all the
    folders and files are as they were, nothing else is read but the reports on the files that were given.
    """

    def __init__(self, known: Parts, ledger: Ledger, locator: Locator) -> None:
        self._known, self._ledger, self._locator = known, ledger, locator
        self._folders, self._files = _table(known[0]), _table(known[1])
        self._new_nodes: dict[str, Node] = {}
        self._new_reports: Table = {}
        self._asked: set[str] = set()

    @cached_property
    def _nodes(self) -> dict[str, Node]:
        try:
            return {file: _node(plain) for file, plain in _table(self._known[2]).items()}
        except (TypeError, ValueError, AttributeError):
            return {}

    @cached_property
    def _reports(self) -> Table:
        return _table(self._known[3])

    # -- what holds ------------------------------------------------------------------------------------------------

    def holding(self, paths: Mapping[str, str]) -> dict[str, Report]:
        """The reports on some files that are given with their absolute paths."""
        from leakcheck.project.cache.plain import report_of

        found: dict[str, Report] = {}
        for file, path in paths.items():
            if file in self._reports and path in self._files and path not in self._broken:
                try:
                    found[file] = report_of(self._reports[file])
                except ValueError:
                    continue
        return found

    @cached_property
    def _changed_folders(self) -> list[str]:
        return self._locator.folders.changed(self._folders)

    @cached_property
    def _changed_files(self) -> frozenset[str]:
        digest = self._ledger.digest
        return frozenset(file for file, known in self._files.items() if not known or digest(file) != known)

    @cached_property
    def _broken(self) -> set[str]:
        """The files on which reports no longer hold, with what they rest on."""
        if not self._changed_files and not self._changed_folders:
            return set()
        users: dict[str, list[str]] = {}
        for file, node in self._nodes.items():
            for other in node.names.values():
                users.setdefault(other, []).append(file)
        broken = {file for file, node in self._nodes.items() if not self._is_as_it_was(file, node)}
        broken |= self._files.keys() - self._nodes.keys()
        pending = list(broken)
        while pending:
            new = [user for user in users.get(pending.pop(), ()) if user not in broken]
            broken.update(new)
            pending += new
        return broken

    def _is_as_it_was(self, file: str, node: Node) -> bool:
        if file in self._changed_files or file not in self._files:
            return False
        if node.below and any(map(_inside(os.path.dirname(file)), (*self._changed_files, *self._changed_folders))):
            return False
        means = self._locator.means
        return not self._changed_folders or all(means(name, file) == found for name, found in node.names.items())

    # -- what is new -----------------------------------------------------------------------------------------------

    @property
    def is_new(self) -> bool:
        """Whether there is something to write: reports, or that some hold no longer."""
        return bool(self._new_reports or self._changed_files or self._changed_folders)

    def keep(self, reports: Iterable[Report], nodes: Mapping[str, Node], folders: Iterable[str]) -> None:
        """Remember new reports, what they rest on, and the folders in which that was looked for."""
        from leakcheck.project.cache.plain import plain_report

        self._new_reports.update((report.filename, plain_report(report)) for report in reports)
        self._asked.update(folders)
        for file, node in nodes.items():
            self._new_nodes.setdefault(file, node).merge(node)  # another process may have asked for more

    def plain(self) -> tuple[Table, Table, Table, Table]:
        """What to write: the new, and the old that holds."""
        nodes = {file: node for file, node in self._nodes.items() if file not in self._broken}
        for file, node in self._new_nodes.items():
            nodes.setdefault(file, node).merge(node)
        paths = absolute(self._reports)
        reports = {file: kept for file, kept in self._reports.items() if paths[file] in nodes}
        files = {file: known for file, known in self._files.items() if file not in self._changed_files}
        files |= {file: self._ledger.lasting(file) for file in self._rested_on()}
        marks = {folder: self._mark(folder) for folder in {*self._folders, *self._asked}}
        plain = {file: [int(node.below), node.names] for file, node in nodes.items()}
        return marks, files, plain, reports | self._new_reports

    def _rested_on(self) -> Iterator[str]:
        yield from self._new_nodes
        for folder in {os.path.dirname(file) for file, node in self._new_nodes.items() if node.below}:
            yield from self._locator.folders.below(folder)

    def _mark(self, folder: str) -> Any:
        changed = folder not in self._folders or folder in self._changed_folders
        return self._locator.folders.mark(folder) if changed else self._folders[folder]


def _table(plain: object) -> Table:
    return plain if isinstance(plain, dict) else {}


def _inside(folder: str) -> Callable[[str], bool]:
    start = os.path.join(folder, "")
    return lambda path: path == folder or path.startswith(start)


def _node(plain: Any) -> Node:
    below, names = plain
    if not all(isinstance(text, str) for text in (*names, *names.values())):
        raise ValueError("no node")
    return Node(names, bool(below))
