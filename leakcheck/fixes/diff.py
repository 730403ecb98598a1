"""Unified diffs of rewritten files."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from leakcheck.diagnostics import Rewrite
from leakcheck.fixes.text import lines_of
from leakcheck.report import Paint, plain

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def unified(filename: str, rewrite: Rewrite, paint: Paint = plain) -> str:
    """The change of one file, as `patch` reads it."""
    before, after = lines_of(rewrite.before), lines_of(rewrite.after)
    return "".join(_lines(difflib.unified_diff(before, after, filename, filename), paint))


def _lines(diff: Iterator[str], paint: Paint) -> Iterator[str]:
    for line in diff:
        text = line.rstrip("\r\n")
        ending = line[len(text) :]
        colour = None if line.startswith(("---", "+++")) else _COLOURS.get(line[:1])
        yield (paint(text, fg=colour) if colour else text) + (ending or "\n\\ No newline at end of file\n")
