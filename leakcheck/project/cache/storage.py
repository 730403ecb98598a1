"""The cache folder: JSON lines in files that are replaced as a whole, so that runs side by side or killed ones do no
harm."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

NAME = ".leakcheck_cache"

_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# This folder holds what leakcheck found out; it can be deleted.\n"
_IGNORE = "*\n"  # version control leaves the folder alone
_A_DAY = 24 * 60 * 60  # seconds; what is read is marked as used once in that time
_UNUSED = 30 * _A_DAY  # after that a file of other settings, or of another version, is taken away


def digest_of(data: bytes) -> str:
    """A name for a content."""
    try:
        from _blake2 import blake2b  # `hashlib` brings OpenSSL along
    except ImportError:
        from hashlib import blake2b

    return blake2b(data, digest_size=16).hexdigest()


class Parts:
    """What one file holds: some values that belong together, each read when it is asked for."""

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines

    def __getitem__(self, number: int) -> object:
        """A value; None if there is none, or not what was written."""
        if number >= len(self._lines):
            return None
        import json  # slow to import

        try:
            return json.loads(self._lines[number])
        except (ValueError, RecursionError):
            return None


class Storage:
    """Reads and writes the files of a cache folder. Nothing that goes wrong with it stops a run."""

    def __init__(self, folder: Path, tagged: bool = True) -> None:
        self._folder, self._tagged = folder, tagged

    def read(self, name: str) -> Parts:
        """What was written under a name; nothing if that is not what is there."""
        return Parts(self.lines(name))

    def write(self, name: str, *values: object) -> None:
        """Replace what is there. A reader sees the old or the new whole."""
        import json

        self.write_lines(name, (json.dumps(value, separators=(",", ":")).encode() for value in values))

    def lines(self, name: str) -> list[bytes]:
        """The same, as it was written."""
        file = self._folder / f"{name}.json"
        try:
            digest, _, text = file.read_bytes().partition(b"\n")
        except OSError:
            return []
        with suppress(OSError):
            if _unused(file) > _A_DAY:
                os.utime(file)
        return text.split(b"\n") if digest == digest_of(text).encode() else []

    def write_lines(self, name: str, lines: Iterable[bytes]) -> None:
        """The same for plain lines."""
        text = b"\n".join(lines)
        try:
            self._prepare()
            part = self._folder / f"{name}.{os.getpid()}.part"
            try:
                part.write_bytes(digest_of(text).encode() + b"\n" + text)
                part.replace(self._folder / f"{name}.json")
            finally:
                part.unlink(missing_ok=True)
            self._clear()
        except OSError:  # a read-only checkout, a full disk: the next run is slower
            pass

    def _clear(self) -> None:
        """Take away what nobody has read for long, and what killed runs left behind. Another folder's files may stand
        beside ours."""
        for file in (*self._folder.glob("*-*.json"), *self._folder.glob("*.part")):
            with suppress(OSError):  # another run is quicker
                if _unused(file) > _UNUSED:
                    file.unlink()

    def _prepare(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self._tagged or (self._folder / "CACHEDIR.TAG").exists():
            return
        (self._folder / ".gitignore").write_text(_IGNORE, encoding="utf-8")
        (self._folder / "CACHEDIR.TAG").write_text(_TAG, encoding="utf-8")


def _unused(file: Path) -> float:
    """The seconds since a file was written, or marked as used."""
    return time.time() - file.stat().st_mtime
