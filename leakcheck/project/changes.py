"""Which lines have changed since a revision, as git knows."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator

from leakcheck.diagnostics import Diagnostic
from leakcheck.fingerprint import Scopes
from leakcheck.records import dataclass

# whatever the user's settings say
_PLAIN = (
    "--unified=0",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--find-renames",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)
_FILE = re.compile(rb'^\+\+\+ (?:"b/(?P<quoted>.*)"|b/(?P<plain>.*?)\t?$)')
_HUNK = re.compile(rb"^@@ -\d+(?:,(?P<old>\d+))? \+(?P<start>\d+)(?:,(?P<new>\d+))? @@")
_WORD = re.compile(rb"\w+")
_ESCAPE = re.compile(rb'\\([0-7]{3}|["\\abtnvfr])')
_ESCAPED = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


class NoChanges(Exception):
    """What git says when it cannot tell; one line."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """New or changed lines, the last one included; none (`last < first`) where lines were only taken away."""

    first: int
    last: int
    lost: frozenset[bytes] = frozenset()  # the words of the lines that were there before

    def touches(self, first: int, last: int) -> bool:
        """Whether one of these lines is new or changed."""
        return self.first <= last and first <= self.last


class Changes:
    """Of a working tree, untracked files included, since it left the history of a revision.

    `releases` are the words of code that gives something back: where they are lost, a finding need be on no new line.
    """

    def __init__(self, revision: str, releases: frozenset[str], folder: str = ".") -> None:
        self._folder, self._releases = folder, frozenset(map(str.encode, releases))
        if revision.startswith("-"):
            raise NoChanges(f"'{revision}' is no revision")
        self.root = os.fsdecode(self._git("rev-parse", "--show-toplevel").rstrip(b"\n"))
        self._base = os.fsdecode(self._git("rev-parse", "--verify", f"{revision}^{{commit}}").strip())
        self.hunks = self._read()

    def _read(self) -> dict[str, list[Hunk]]:
        """By real path."""
        found: dict[str, list[Hunk]] = {}
        for name, hunk in _parsed(self._git("-C", self.root, "diff", *_PLAIN, self._start(), "--")):
            found.setdefault(self._path(name), []).append(hunk)
        for name in self._git("-C", self.root, "ls-files", "--others", "--exclude-standard", "-z").split(b"\0"):
            if name:
                found[self._path(name)] = [Hunk(1, 1 << 60)]
        return found

    def concern(self, found: Diagnostic, scopes: Scopes) -> bool:
        """Whether a step of its path is on a changed line, or a release behind it in its function is gone."""
        name, line = found.span.filename, found.span.line
        end = scopes.end(name, line) + 1
        return any(line < hunk.first <= end and hunk.lost & self._releases for hunk in self._of(name)) or any(
            hunk.touches(span.line, span.end_line)
            for span in (found.span, *(step.span for step in found.steps))
            for hunk in self._of(span.filename)
        )

    def _of(self, filename: str) -> list[Hunk]:
        return self.hunks.get(os.path.realpath(filename), [])

    def _start(self) -> str:
        """Where the histories part: what others did since then on the revision's branch is no change of ours."""
        try:
            return os.fsdecode(self._git("merge-base", self._base, "HEAD").strip())
        except NoChanges:
            return self._base

    def _path(self, name: bytes) -> str:
        return os.path.realpath(os.path.join(self.root, os.fsdecode(name)))

    def _git(self, *arguments: str) -> bytes:
        try:
            done = subprocess.run(("git", *arguments), cwd=self._folder, capture_output=True)
        except OSError as error:
            raise NoChanges(f"git cannot be run: {error.strerror}") from None
        if done.returncode:
            raise NoChanges(os.fsdecode(done.stderr).strip().partition("\n")[0] or "git failed")
        return done.stdout


def _parsed(diff: bytes) -> Iterator[tuple[bytes, Hunk]]:
    name, first, last = b"", 0, 0
    left, lost = 0, set[bytes]()  # of the hunk: no line of a file is taken for a heading
    for line in diff.split(b"\n"):
        if left:
            left -= line[:1] in (b"+", b"-")
            lost.update(_WORD.findall(line) if line[:1] == b"-" else ())
            if not left and name:
                yield name, Hunk(first, last, frozenset(lost))
        elif line.startswith(b"diff --git "):
            name = b""  # of a file that is gone there is no other heading
        elif match := _FILE.match(line):
            name = match["plain"] if match["quoted"] is None else _unquoted(match["quoted"])
        elif match := _HUNK.match(line):
            old, start, new = (int(match[group] or 1) for group in ("old", "start", "new"))
            first = start if new else start + 1
            last, left, lost = first + new - 1, old + new, set()


def _unquoted(name: bytes) -> bytes:
    def plain(match: re.Match[bytes]) -> bytes:
        code = match[1]
        return bytes([int(code, 8)]) if len(code) == 3 else _ESCAPED.get(code, code)

    return _ESCAPE.sub(plain, name)
