"""The language server: findings, rule documents and fixes in editors. Needs pygls, the extra `lsp`."""

from __future__ import annotations


def start() -> None:
    """Serve on standard input and output until the editor leaves. Raises ImportError without pygls."""
    from leakcheck.lsp.features import server

    server().start_io()
