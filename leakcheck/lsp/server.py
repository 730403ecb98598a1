"""The wire: which message of the protocol asks for what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from leakcheck import __version__
from leakcheck.diagnostics import Diagnostic, Report, split_lines
from leakcheck.lsp import messages
from leakcheck.lsp.desk import Desk
from leakcheck.lsp.positions import Positions
from leakcheck.patterns import pattern
from leakcheck.records import dataclass

TYPING_PAUSE = 0.03  # seconds without a change before a text is checked
SETTLED = 0.5  # and before the other open texts are, which may use what changed

_CODE = pattern(r"\bLK\d+\b")

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Shown:
    """What the editor was told last about a text."""

    positions: Positions
    found: tuple[Diagnostic, ...]


class Server(LanguageServer):
    """One thread checks, one text at a time; this one stays free for the editor."""

    def __init__(self) -> None:
        super().__init__("leakcheck", __version__, text_document_sync_kind=lsp.TextDocumentSyncKind.Full)
        self.desk = Desk()
        self.open: set[str] = set()  # as the editor spells them; the workspace has them unquoted
        self.shown: dict[str, Shown] = {}
        self._worker = ThreadPoolExecutor(1, "leakcheck")
        self._waiting: dict[str, asyncio.Task[None]] = {}

    async def work(self, task: Callable[..., Answer], *arguments: object) -> Answer:
        """Have the other thread do it."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, partial(task, *arguments))

    def filename(self, uri: str) -> str | None:
        """The file behind a text; one that was never saved gets a name in the workspace. None: not ours to check."""
        scheme, path = urlsplit(uri)[0], urlsplit(uri)[2]
        if scheme == "file":
            return to_fs_path(uri)
        if scheme != "untitled":
            return None  # an old revision, a cell of a notebook
        return str(Path(self.workspace.root_path or Path.cwd()) / (Path(path).name or "untitled"))

    def positions(self, text: str | Sequence[str]) -> Positions:
        """For a text, in the units this editor counts in."""
        encoding = self.workspace.position_encoding or lsp.PositionEncodingKind.Utf16
        return Positions(split_lines(text) if isinstance(text, str) else text, lsp.PositionEncodingKind(encoding).value)

    def schedule(self, uri: str, pause: float) -> None:
        """Check a text when that much time has passed without another call for it."""
        if waiting := self._waiting.pop(uri, None):
            waiting.cancel()
        self._waiting[uri] = asyncio.get_running_loop().create_task(self._check(uri, pause))

    def schedule_others(self, uri: str = "") -> None:
        """All open texts but one."""
        for other in self.open - {uri}:
            self.schedule(other, SETTLED)

    async def _check(self, uri: str, pause: float) -> None:
        await asyncio.sleep(pause)
        filename = self.filename(uri)
        if filename is None or uri not in self.open:
            return
        document = self.workspace.get_text_document(uri)
        text, version = document.source, document.version
        report: Report = await self.work(self.desk.check, filename, text)
        while self.desk.problems:
            self.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Error, self.desk.problems.pop()))
        if uri in self.open and report.error is None:  # else: what was found before somebody typed
            self._publish(uri, version, text, report)

    def _publish(self, uri: str, version: int | None, text: str, report: Report) -> None:
        here = self.positions(text)
        self.shown[uri] = Shown(here, report.diagnostics)
        items = [messages.diagnostic(found, here, uri, self._elsewhere) for found in report.diagnostics]
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, items, version))

    def _elsewhere(self, filename: str) -> Positions:
        return self.positions(self.desk.lines(filename))

    def close(self, uri: str) -> None:
        """The editor has put a text away: the file on disk counts again."""
        self.open.discard(uri)
        self.shown.pop(uri, None)
        if waiting := self._waiting.pop(uri, None):
            waiting.cancel()
        if filename := self.filename(uri):
            self.desk.changed(filename)
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))

    def changed_on_disk(self, filename: str | None) -> None:
        """Settings and models count at once; a text that is open counts as the editor has it."""
        if filename and filename.endswith(".toml"):
            self.desk.reload()
        elif filename and filename not in map(self.filename, self.open):
            self.desk.changed(filename)

    def rule_at(self, uri: str, position: lsp.Position) -> str | None:
        """The rule that is named there, or whose finding is there."""
        if uri not in self.shown:
            return None
        shown = self.shown[uri]
        line, column = place = shown.positions.place(position)
        text = shown.positions.lines[line - 1] if line <= len(shown.positions.lines) else ""
        named = (match[0] for match in _CODE.finditer(text) if match.start() < column <= match.end() + 1)
        spans = ((found.code, found.span) for found in shown.found)
        at = (code for code, s in spans if (s.line, s.column) <= place <= (s.end_line, s.end_column))
        return next(chain(named, at), None)

    async def actions(self, uri: str, asked: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        """What can be done about the findings in a range, and in the whole text."""
        filename = self.filename(uri)
        if filename is None or uri not in self.open:
            return []
        text, only = self.workspace.get_text_document(uri).source, asked.context.only
        found: list[lsp.CodeAction] = []
        if _wants(only, lsp.CodeActionKind.QuickFix.value):
            found += await self._quick_fixes(uri, filename, text, asked.range)
        if only and _wants(only, messages.FIX_ALL):
            after = await self.work(self.desk.mended, filename, text)
            if after != text:
                found.append(messages.fix_all(text, after, self.positions(text), uri))
        return found

    async def _quick_fixes(self, uri: str, filename: str, text: str, where: lsp.Range) -> list[lsp.CodeAction]:
        here = self.positions(text)
        first, last = where.start.line + 1, where.end.line + 1
        report: Report = await self.work(self.desk.check, filename, text, "shown")
        settings = self.desk.settings(Path(filename).parent)
        actions: list[lsp.CodeAction] = []
        for found in report.diagnostics:
            if found.span.line <= last and found.span.end_line >= first:
                shown = messages.diagnostic(found, here, uri, self._elsewhere)
                actions += messages.quick_fixes(found, shown, here, uri, settings)
        return actions


def _wants(only: Sequence[lsp.CodeActionKind | str] | None, kind: str) -> bool:
    """Whether an editor that asks for these kinds gets that one: `source.fixAll` means all below it."""
    asked = [str(getattr(entry, "value", entry)) for entry in only or ()]
    return not asked or any(kind == entry or kind.startswith(f"{entry}.") for entry in asked)
