"""The messages of the protocol that are answered, each in a line or two."""

from __future__ import annotations

from lsprotocol import types as lsp
from pygls.uris import to_fs_path

from leakcheck.lsp import messages
from leakcheck.lsp.server import TYPING_PAUSE, Server
from leakcheck.project.folders import REQUIREMENTS

WATCHED = ("**/*.py", "**/*.pyi", "**/*.toml", *(f"**/{name}" for name in REQUIREMENTS))


def server() -> Server:
    """A server that answers."""
    made = Server()
    _texts(made)
    _questions(made)
    _surroundings(made)
    return made


def _texts(made: Server) -> None:
    @made.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(ls: Server, params: lsp.DidOpenTextDocumentParams) -> None:
        ls.open.add(params.text_document.uri)
        ls.schedule(params.text_document.uri, 0)

    @made.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def changed(ls: Server, params: lsp.DidChangeTextDocumentParams) -> None:
        ls.schedule(params.text_document.uri, TYPING_PAUSE)
        ls.schedule_others(params.text_document.uri)

    @made.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def saved(ls: Server, params: lsp.DidSaveTextDocumentParams) -> None:
        ls.schedule_others()

    @made.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(ls: Server, params: lsp.DidCloseTextDocumentParams) -> None:
        ls.close(params.text_document.uri)


def _questions(made: Server) -> None:
    @made.feature(lsp.TEXT_DOCUMENT_HOVER)
    def hover(ls: Server, params: lsp.HoverParams) -> lsp.Hover | None:
        text = messages.document(ls.rule_at(params.text_document.uri, params.position) or "")
        return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, text)) if text else None

    kinds = [lsp.CodeActionKind.QuickFix, messages.FIX_ALL]

    @made.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions(code_action_kinds=kinds))
    async def actions(ls: Server, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        return await ls.actions(params.text_document.uri, params)


def _surroundings(made: Server) -> None:
    @made.feature(lsp.INITIALIZED)
    async def initialized(ls: Server, params: lsp.InitializedParams) -> None:
        workspace = ls.client_capabilities.workspace
        watching = workspace.did_change_watched_files if workspace else None
        if watching and watching.dynamic_registration:
            watchers = [lsp.FileSystemWatcher(pattern) for pattern in WATCHED]
            options = lsp.DidChangeWatchedFilesRegistrationOptions(watchers)
            method = lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES
            wanted = lsp.RegistrationParams([lsp.Registration("leakcheck", method, options)])
            await ls.client_register_capability_async(wanted)

    @made.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def files_changed(ls: Server, params: lsp.DidChangeWatchedFilesParams) -> None:
        for change in params.changes:
            ls.changed_on_disk(to_fs_path(change.uri))
        ls.schedule_others()

    @made.feature(lsp.WORKSPACE_DID_CHANGE_CONFIGURATION)
    def configured(ls: Server, params: lsp.DidChangeConfigurationParams) -> None:
        ls.desk.reload()
        ls.schedule_others()
