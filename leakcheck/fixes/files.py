"""Writes a rewritten file: all of it or nothing, in its own encoding, with its own mode, behind its own links."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import tempfile
import tokenize
from pathlib import Path

from leakcheck.diagnostics import Rewrite
from leakcheck.project.source import SourceUnreadable, decode


class NotWritten(Exception):
    """A file that was left as it is; the message says why."""


def write(filename: str, rewrite: Rewrite) -> None:
    """Replace a file's text. Raises NotWritten, and leaves the file alone, if anything is not as it was read."""
    path = Path(os.path.realpath(filename))
    try:
        old = path.read_bytes()
        new = encoded(old, rewrite)
        _replace(path, new)
    except (OSError, SourceUnreadable) as error:
        raise NotWritten(getattr(error, "strerror", None) or str(error)) from None


def encoded(old: bytes, rewrite: Rewrite) -> bytes:
    """The new text in the old one's encoding, byte-order mark included."""
    if decode(old) != rewrite.before:
        raise NotWritten("it has changed meanwhile")
    encoding, _ = tokenize.detect_encoding(io.BytesIO(old).readline)
    try:
        if rewrite.before.encode(encoding) != old:
            raise NotWritten(f"its encoding ({encoding}) cannot be written back byte for byte")
        new = rewrite.after.encode(encoding)
    except UnicodeEncodeError as error:
        raise NotWritten(f"cannot be written in its encoding: {error.reason}") from None
    if decode(new) != rewrite.after:
        raise NotWritten("its encoding would change")
    return new


def _replace(path: Path, data: bytes) -> None:
    """Write beside the file, to the disk, then put it in the file's place in one step."""
    status = path.stat()
    if not os.access(path, os.W_OK):
        raise NotWritten("it is read-only")
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, stat.S_IMODE(status.st_mode))
        if hasattr(os, "chown") and (status.st_uid, status.st_gid) != (os.getuid(), os.getgid()):
            os.chown(name, status.st_uid, status.st_gid)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """Make the renaming last, where folders can be synchronised."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
