"""An editor without a screen: starts the language server as editors do, and waits for what it says."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

from leakcheck.fixes.text import lines_of

PATIENCE = 60.0  # seconds until a test gives up; nothing is timed


class Editor:
    """One workspace. `shown` is what the server published last for each text."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.client = folder, LanguageClient("test", "1")
        self.shown: dict[str, list[lsp.Diagnostic]] = {}
        self.messages: list[str] = []
        self._published: asyncio.Queue[lsp.PublishDiagnosticsParams] = asyncio.Queue()
        self._versions: dict[str, int] = {}
        self._listen()

    def _listen(self) -> None:
        @self.client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def published(params: lsp.PublishDiagnosticsParams) -> None:
            self.shown[params.uri] = list(params.diagnostics)
            self._published.put_nowait(params)

        @self.client.feature(lsp.WINDOW_SHOW_MESSAGE)
        def shown(params: lsp.ShowMessageParams) -> None:
            self.messages.append(params.message)

    def uri(self, name: str) -> str:
        """A file's name, or a URI of its own."""
        return name if ":" in name else (self.folder / name).as_uri()

    async def start(self, encodings: list[str] | None) -> lsp.InitializeResult:
        """As an editor that counts in these units."""
        await self.client.start_io(sys.executable, "-m", "leakcheck", "--lsp")
        general = lsp.GeneralClientCapabilities(position_encodings=encodings)  # type: ignore[arg-type]
        params = lsp.InitializeParams(lsp.ClientCapabilities(general=general), root_uri=self.folder.as_uri())
        result = await self.client.initialize_async(params)
        self.client.initialized(lsp.InitializedParams())
        return result

    def open(self, name: str, text: str) -> None:
        """Show a text."""
        self._versions[self.uri(name)] = 1
        document = lsp.TextDocumentItem(self.uri(name), "python", 1, text)
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(document))

    def type(self, name: str, text: str) -> int:
        """Change it, unsaved; the version it now has."""
        uri = self.uri(name)
        self._versions[uri] += 1
        document = lsp.VersionedTextDocumentIdentifier(self._versions[uri], uri)
        changes = [lsp.TextDocumentContentChangeWholeDocument(text)]
        self.client.text_document_did_change(lsp.DidChangeTextDocumentParams(document, changes))
        return self._versions[uri]

    def close(self, name: str) -> None:
        """Put it away."""
        document = lsp.TextDocumentIdentifier(self.uri(name))
        self.client.text_document_did_close(lsp.DidCloseTextDocumentParams(document))

    def changed_on_disk(self, *names: str) -> None:
        """Say that files have changed."""
        changes = [lsp.FileEvent(self.uri(name), lsp.FileChangeType.Changed) for name in names]
        self.client.workspace_did_change_watched_files(lsp.DidChangeWatchedFilesParams(changes))

    async def findings(self, name: str, version: int | None = None) -> list[lsp.Diagnostic]:
        """The next ones for a text, or those for a version of it."""
        while True:
            params = await asyncio.wait_for(self._published.get(), PATIENCE)
            if params.uri == self.uri(name) and version in (None, params.version):
                return list(params.diagnostics)

    async def codes(self, name: str, version: int | None = None) -> list[tuple[int, str]]:
        """Their lines from 1 and codes."""
        return [(d.range.start.line + 1, str(d.code)) for d in await self.findings(name, version)]

    async def hover(self, name: str, line: int, character: int) -> str | None:
        """What is shown under the mouse."""
        document, position = lsp.TextDocumentIdentifier(self.uri(name)), lsp.Position(line - 1, character)
        found = await self.client.text_document_hover_async(lsp.HoverParams(document, position))
        return found.contents.value if found and isinstance(found.contents, lsp.MarkupContent) else None

    async def actions(self, name: str, line: int, *only: str) -> list[lsp.CodeAction]:
        """What can be done about a line."""
        where = lsp.Range(lsp.Position(line - 1, 0), lsp.Position(line - 1, 0))
        context = lsp.CodeActionContext([], only=list(only) or None)
        params = lsp.CodeActionParams(lsp.TextDocumentIdentifier(self.uri(name)), where, context)
        found = await self.client.text_document_code_action_async(params)
        return [action for action in found or () if isinstance(action, lsp.CodeAction)]


@asynccontextmanager
async def editor(folder: Path, encodings: list[str] | None = None) -> AsyncIterator[Editor]:
    """An editor with a server, for as long as the block."""
    made = Editor(folder)
    await made.start(encodings)
    try:
        yield made
    finally:
        await made.client.shutdown_async(None)
        made.client.exit(None)
        await made.client.stop()


def apply(text: str, action: lsp.CodeAction, unit: str = "utf-16-le") -> str:
    """The text after an action, applied as an editor does that counts in two-byte units."""
    assert action.edit
    assert action.edit.changes
    (edits,) = action.edit.changes.values()
    lines = lines_of(text)

    def offset(position: lsp.Position) -> int:
        before = "".join(lines[: position.line])
        line = lines[position.line] if position.line < len(lines) else ""
        return len(before) + len(line.encode(unit)[: position.character * 2].decode(unit))

    for edit in sorted(edits, key=lambda e: (e.range.start.line, e.range.start.character), reverse=True):
        text = text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end) :]
    return text
