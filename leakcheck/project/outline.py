"""The column-0 statements of a file, found without parsing it: only those that matter are parsed later."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal

StatementKind = Literal["function", "class", "import", "simple", "compound"]

# Strings and comments, so that nothing inside them is taken for a statement. Only those that span lines are kept.
_TEXT = re.compile(
    r'"""(?:[^\\]|\\.)*?"""' r"|'''(?:[^\\]|\\.)*?'''" r'|"(?:[^"\\\n]|\\.)*"' r"|'(?:[^'\\\n]|\\.)*'" r"|#[^\n]*",
    re.DOTALL,
)
_START = re.compile(r"^[^\s#)\]}\\]", re.MULTILINE)
_HEAD = re.compile(
    r"(?:@|(?P<function>(?:async[ \t]+)?def[ \t]+)(?P<name>\w+)|(?P<class>class[ \t]+)(?P<cls>\w+)"
    r"|(?P<import>import|from)\b|(?P<more>else|elif|except|finally)\b"
    r"|(?P<compound>if|for|while|try|with|async|match)\b)"
)
_WORD = re.compile(r"[A-Za-z_]\w*")
_USED = re.compile(r"\.\s*([A-Za-z_]\w*)|([A-Za-z_]\w*)\s*\(")


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement at column 0: its text and the line it starts on (from 1)."""

    kind: StatementKind
    name: str  # of a function or class
    text: str
    line: int


def words_of(text: str) -> frozenset[str]:
    """Every identifier in a text, strings and comments included: a superset of the names used."""
    return frozenset(_WORD.findall(text))


def used_in(text: str) -> frozenset[str]:
    """Every identifier that is called, or follows a dot."""
    return frozenset(a or b for a, b in _USED.findall(text))


def outline(source: str) -> list[Statement]:
    """Split a file into its column-0 statements. A guess where brackets or strings are laid out oddly."""
    inside = _multiline_texts(source)
    starts = [m.start() for m in _START.finditer(source) if not _within(m.start(), inside)]
    groups: list[tuple[int, StatementKind, str]] = []
    decorated = False
    for start in starts:
        head = _HEAD.match(source, start)
        if head is None:
            kind, name = "simple", ""
        elif head["more"]:
            continue
        else:
            kind, name = _headed(head)
        if decorated and kind != "decorator":
            groups[-1] = (groups[-1][0], kind, name)  # type: ignore[assignment]
        elif not decorated:
            groups.append((start, kind, name))  # type: ignore[arg-type]
        decorated = kind == "decorator"
    ends = [start for start, _, _ in groups[1:]] + [len(source)] * bool(groups)
    lines = _Lines(source)
    return [
        Statement(kind, name, source[start:end], lines.at(start))
        for (start, kind, name), end in zip(groups, ends, strict=True)
    ]


def _headed(head: re.Match[str]) -> tuple[str, str]:
    if head["function"]:
        return "function", head["name"]
    if head["class"]:
        return "class", head["cls"]
    if head["import"]:
        return "import", ""
    return ("compound", "") if head["compound"] else ("decorator", "")


def _multiline_texts(source: str) -> list[tuple[int, int]]:
    if '"""' not in source and "'''" not in source:
        return []
    spans = ((m.start(), m.end()) for m in _TEXT.finditer(source) if m.end() - m.start() > 6)
    return [(start, end) for start, end in spans if "\n" in source[start:end]]


def _within(offset: int, spans: list[tuple[int, int]]) -> bool:
    index = bisect_right(spans, (offset, len(spans) and spans[-1][1] + 1)) - 1
    return index >= 0 and spans[index][0] < offset < spans[index][1]


def whole(source: str) -> list[Statement]:
    """The file as one statement, for layouts the outline does not understand."""
    return [Statement("compound", "", source, 1)]


class _Lines:
    """Line numbers of growing offsets, counted on from the last."""

    def __init__(self, source: str) -> None:
        self._source, self._offset, self._line = source, 0, 1

    def at(self, offset: int) -> int:
        self._line += self._source.count("\n", self._offset, offset)
        self._offset = offset
        return self._line
