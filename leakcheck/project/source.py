"""Source text from bytes, as Python itself would decode it."""

from __future__ import annotations

import io
import tokenize
from pathlib import Path


class SourceUnreadable(Exception):
    """A file that is not Python source text; the message says why, in one line."""


def decode(data: bytes) -> str:
    """Decode by byte-order mark or PEP 263 comment, UTF-8 otherwise; raises SourceUnreadable."""
    if b"\0" in data:
        raise SourceUnreadable("source contains NUL bytes")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise SourceUnreadable(f"cannot be decoded: {error}") from None


def read_source(path: Path) -> str:
    """The text of a file; raises SourceUnreadable."""
    try:
        return decode(path.read_bytes())
    except OSError as error:
        raise SourceUnreadable(error.strerror or str(error)) from None
