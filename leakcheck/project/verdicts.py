"""Reports of former runs that still hold: neither their file nor what they rest on has changed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from leakcheck.diagnostics import Report
from leakcheck.project.ledger import Ledger
from leakcheck.project.locate import Locator, files_below
from leakcheck.project.plain import plain_report, report_of
from leakcheck.project.storage import digest_of
from leakcheck.project.trace import Node


class Verdicts:
    """For one project, one kind of settings and one catalogue."""

    def __init__(self, known: object, ledger: Ledger, locator: Locator) -> None:
        self._ledger, self._locator = ledger, locator
        self._nodes: dict[str, tuple[str, Node, str]] = {}  # content, questions, content of the files below
        self._reports: dict[str, Any] = {}
        self._below: dict[str, str] = {}
        self._new: set[str] = set()
        self.is_new = False
        try:
            self._nodes = {file: _node(plain) for file, plain in known["nodes"].items()}  # type: ignore[index]
            self._reports = dict(known["reports"])  # type: ignore[index]
        except (TypeError, KeyError, ValueError, AttributeError):
            self._nodes, self._reports = {}, {}

    def holding(self, files: Iterable[str]) -> dict[str, Report]:
        """The reports on some of these files, by file."""
        wanted = {file: os.path.abspath(file) for file in files if file in self._reports}
        sound = self._sound(wanted.values())
        found: dict[str, Report] = {}
        for file, path in wanted.items():
            if path in sound:
                try:
                    found[file] = report_of(self._reports[file])
                except ValueError:
                    continue
        return found

    def keep(self, reports: Iterable[Report], nodes: Mapping[str, Node]) -> None:
        """Remember new reports and what they rest on."""
        for report in reports:
            self._reports[report.filename] = plain_report(report)
            self.is_new = True
        for file, node in nodes.items():
            if file in self._new:  # another process asked for more
                node.merge(self._nodes[file][1])
            self._new.add(file)
            self._nodes[file] = (self._ledger.digest(file), node, self._digest_below(file) if node.below else "")

    def plain(self) -> dict[str, Any]:
        """What to write."""
        nodes = {file: [digest, node.names, below] for file, (digest, node, below) in self._nodes.items()}
        return {"nodes": nodes, "reports": self._reports}

    def _sound(self, files: Iterable[str]) -> set[str]:
        """Those of the files that rest on nothing that has changed."""
        users: dict[str, list[str]] = {}
        seen: set[str] = set()
        pending = list(files)
        while pending:
            file = pending.pop()
            if file not in seen:
                seen.add(file)
                for other in self._rests_on(file):
                    users.setdefault(other, []).append(file)
                    pending.append(other)
        broken = {file for file in seen if not self._is_as_it_was(file)}
        pending = list(broken)
        while pending:
            new = [user for user in users.get(pending.pop(), ()) if user not in broken]
            broken.update(new)
            pending += new
        return seen - broken

    def _rests_on(self, file: str) -> list[str]:
        return [found for found in self._nodes[file][1].names.values() if found] if file in self._nodes else []

    def _is_as_it_was(self, file: str) -> bool:
        if file not in self._nodes:
            return False
        digest, node, below = self._nodes[file]
        if not digest or self._ledger.digest(file) != digest or (below and self._digest_below(file) != below):
            return False
        return all(self._locator.means(name, file) == found for name, found in node.names.items())

    def _digest_below(self, file: str) -> str:
        folder = os.path.dirname(file)
        if folder not in self._below:
            files = files_below(folder)
            self._below[folder] = digest_of("\n".join(f"{name} {self._ledger.digest(name)}" for name in files).encode())
        return self._below[folder]


def _node(plain: Any) -> tuple[str, Node, str]:
    digest, names, below = plain
    if not all(isinstance(text, str) for text in (digest, below, *names, *names.values())):
        raise ValueError("no node")
    return digest, Node(names, bool(below)), below
