"""Statements that share a line get lines of their own, so that a rewrite can move them."""

from __future__ import annotations

import ast
from itertools import pairwise

from leakcheck.diagnostics import Edit, Span
from leakcheck.fixes.scene import Scene
from leakcheck.fixes.text import lines_of


def unfolded(scene: Scene) -> str | None:
    """The file's text with each statement on the line of the acquire, and of the block's end, on its own."""
    tree, draft, body = scene.tree, scene.draft(), scene.block.body
    base = draft.indent_of(scene.block.owner.lineno if _one_line(scene) else body[0].lineno)  # type: ignore[attr-defined]
    deep = base + scene.unit if _one_line(scene) else base
    changed = _one_line(scene)
    if changed:
        (line, column) = tree.start(body[0])
        start = len(draft.line(line)[:column].rstrip())
        draft.replace(line, start, column, draft.end + deep)
    for one, other in pairwise(body):
        (line, end), (next_line, start) = tree.end(one), tree.start(other)
        if line == next_line:
            draft.replace(line, end, start, draft.end + deep)
            changed = True
    return draft.text() if changed else None


def _one_line(scene: Scene) -> bool:
    """`if x: conn = connect()`"""
    first = scene.block.body[0]
    before = scene.tree.lines[first.lineno - 1][: scene.tree.start(first)[1]]
    return before.rstrip().endswith(":") and not isinstance(scene.block.owner, ast.Module)


def edits_between(old: str, new: str, filename: str) -> tuple[Edit, ...]:
    """The changed lines, as edits."""
    import difflib  # slow to import

    before, after = lines_of(old), lines_of(new)
    found = []
    for tag, start, end, first, last in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            found.append(Edit(_lines(before, start, end, filename), "".join(after[first:last])))
    return tuple(found)


def _lines(lines: list[str], start: int, end: int, filename: str) -> Span:
    """Whole lines as a span; the last one of a file may have no line below it to end at."""
    if end == len(lines) and end > start and lines[-1][-1] not in "\r\n":
        return Span(filename, start + 1, 1, end, len(lines[-1]) + 1)
    return Span(filename, start + 1, 1, end + 1, 1)
