"""Comments that speak of a release: they go with it, or would explain what is not there."""

from __future__ import annotations

import ast

from leakcheck.fixes.scene import Scene
from leakcheck.fixes.syntax import Place
from leakcheck.fixes.text import indentation
from leakcheck.words import words

_MOST_LINES = 3  # a frame around one that speaks


def with_remarks(scene: Scene, unit: ast.stmt) -> tuple[Place, Place]:
    """Where a release begins and ends, together with the comments about it above and beside it."""
    (line, column), (last, stop) = scene.tree.start(unit), scene.tree.end(unit)
    above = _above(scene, line)
    if _speaks(above, says_no_more=not _ends_paragraph(scene, last)):
        line -= len(above)
    beside = scene.tree.lines[last - 1][stop:].strip()
    if _for_this_line(beside) or _speaks([beside], says_no_more=False):
        stop = len(scene.tree.lines[last - 1].rstrip("\r\n"))
    return (line, column), (last, stop)


def _above(scene: Scene, line: int) -> list[str]:
    """The comment that ends right above a line, as deep as it is."""
    lines, indent = scene.tree.lines, indentation(scene.tree.lines[line - 1])
    found: list[str] = []
    for number in range(line - 1, 0, -1):
        text = lines[number - 1]
        if number in scene.file.strings or indentation(text) != indent or not text.strip().startswith("#"):
            break
        found.insert(0, text.strip())
    return found


def _ends_paragraph(scene: Scene, line: int) -> bool:
    """Whether a comment above what ends here can be about nothing that follows."""
    following = scene.tree.lines[line : line + 1]
    deep = len(indentation(scene.tree.lines[line - 1]))
    return not any(text.strip() and len(indentation(text)) >= deep for text in following)


def _for_this_line(comment: str) -> bool:
    """`# noqa`, `# type: ignore`: elsewhere it would mean nothing, or something else."""
    parts = comment.split("#")[1:]
    return bool(parts) and all(words().of_pragmas.fullmatch(part) or _speaks([part], False) for part in parts)


def _speaks(comment: list[str], says_no_more: bool) -> bool:
    """Whether a comment says that the connection is given back, and nothing else at all."""
    texts = [line.lstrip("#") for line in comment]
    if len(texts) == 1 and words().of_closing.fullmatch(texts[0]):
        return True
    short = 0 < len(texts) <= _MOST_LINES
    return short and not says_no_more and bool(words().of_giving_back.fullmatch(" ".join(texts)))
