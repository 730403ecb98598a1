"""The column-0 statements of a file, found without parsing it: only those that matter are parsed later."""

from __future__ import annotations

import re
from bisect import bisect_right
from sys import intern
from typing import Literal

from leakcheck.patterns import pattern
from leakcheck.project.triage.facts import BLANKED
from leakcheck.records import dataclass

StatementKind = Literal["function", "class", "import", "simple", "compound", "method"]

# Strings and comments, so that nothing inside them is taken for a statement. Only those that span lines are kept.
# What needs no second look is run over first, which is many times as fast as to choose at each letter.
_TEXT = pattern(
    r'"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""'
    r"|'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'''"
    r'|"[^"\\\n]*(?:\\.[^"\\\n]*)*"'
    r"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'"
    r"|#[^\n]*",
    re.DOTALL,
)
_START = pattern(r"\n[^\s#)\]}\\]")  # found much faster with what it begins with
_HEAD = pattern(
    r"(?:@|(?P<function>(?:async[ \t]+)?def[ \t]+)(?P<name>\w+)|(?P<class>class[ \t]+)(?P<cls>\w+)"
    r"|(?P<import>import|from)\b|(?P<more>else|elif|except|finally)\b"
    r"|(?P<compound>if|for|while|try|with|async|match)\b)"
)
# Only a plain head: of any other class the methods are not told apart.
_CLASS = pattern(
    r"^class[ \t]+\w+[ \t]*(?:\((?:[^()#\"']|\([^()#\"']*\))*\))?[ \t]*:[ \t]*(?:#[^\n]*)?\r?\n", re.MULTILINE
)
_INDENT = pattern(r"^([ \t]+)[^\s#]", re.MULTILINE)
_ATTRIBUTE = pattern(r"\.\s*(\w+)")
_CALLED_BACKWARDS = pattern(r"\(\s*(\w+)")  # forwards, a bracket would be looked for after each letter


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement at column 0: its text, the line it starts on (from 1), and where it begins in what it is cut from."""

    kind: StatementKind
    name: str  # of a function or class
    text: str
    line: int
    start: int = 0


def words_of(text: str) -> frozenset[str]:
    """Every identifier in a text, strings and comments included: a superset of the names used. Numbers are among them,
    for blanking all else and splitting is the fastest way."""
    data = text.encode("utf-8", "surrogatepass").translate(BLANKED)
    return frozenset(map(intern, data.decode("utf-8", "surrogatepass").split()))


def used_in(text: str) -> frozenset[str]:
    """Every identifier that is called, or follows a dot; some numbers are among them too."""
    called = set(_CALLED_BACKWARDS.findall(text[::-1]))
    return frozenset(map(intern, _ATTRIBUTE.findall(text))).union(intern(word[::-1]) for word in called)


def without_texts(text: str) -> str:
    """Without its strings and comments."""
    return _TEXT.sub("", text)


def outline(source: str) -> list[Statement]:
    """Split a file into its column-0 statements. A guess where brackets or strings are laid out oddly."""
    inside = _multiline_texts(source)
    starts = [m.start() for m in _START.finditer(f"\n{source}") if not _within(m.start(), inside)]
    groups = _grouped(source, starts, 0)
    lines = _Lines(source)
    return [Statement(kind, name, source[start:end], lines.at(start), start) for start, end, kind, name in groups]


def methods(of: Statement) -> list[Statement]:
    """The functions right in the body of a class, each with its decorators and its indentation."""
    text = of.text
    head = _CLASS.search(text)
    first = _INDENT.search(text, head.end()) if head else None
    if first is None:
        return []
    inside = _multiline_texts(text)
    begins = re.compile(rf"\n{first[1]}(?=[^\s#)\]}}\\])").finditer(text, first.start() - 1)
    starts = [m.start() + 1 for m in begins if not _within(m.start() + 1, inside)]
    groups = _grouped(text, starts, len(first[1]))
    lines = _Lines(text)
    found = ((start, text[start:end], name, lines.at(start)) for start, end, kind, name in groups if kind == "function")
    return [Statement("method", name, part, of.line + line - 1, start) for start, part, name, line in found]


def without(of: Statement, members: list[Statement]) -> tuple[str, list[int]]:
    """The text of a class without its methods, and for each of its lines the line of the class, from 0."""
    lines = of.text.split("\n")
    numbers = list(range(len(lines)))
    for member in reversed(members):
        start = member.line - of.line
        numbers[start : start + member.text.count("\n") + (not member.text.endswith("\n"))] = []
    if members:  # a body must not be empty
        first = members[0].line - of.line
        lines[first] = members[0].text[: len(members[0].text) - len(members[0].text.lstrip())] + "pass"
        numbers = sorted({*numbers, first})
    return "\n".join(map(lines.__getitem__, numbers)), numbers


def _grouped(source: str, starts: list[int], indent: int) -> list[tuple[int, int, StatementKind, str]]:
    """Statements from where their lines start: decorators go with what they decorate, `else` with its `if`."""
    groups: list[tuple[int, StatementKind, str]] = []
    decorated = False
    for start in starts:
        head = _HEAD.match(source, start + indent)
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
    return [(start, end, kind, name) for (start, kind, name), end in zip(groups, ends, strict=True)]


def _headed(head: re.Match[str]) -> tuple[str, str]:
    if head["function"]:
        return "function", head["name"]
    if head["class"]:
        return "class", head["cls"]
    if head["import"]:
        return "import", ""
    return ("compound", "") if head["compound"] else ("decorator", "")


def _multiline_texts(source: str) -> list[tuple[int, int]]:
    if "'''" not in source and "\\\n" not in source and (plain := _plain_texts(source)) is not None:
        return plain
    spans = ((m.start(), m.end()) for m in _TEXT.finditer(source) if m.end() - m.start() > 6)
    return [(start, end) for start, end in spans if "\n" in source[start:end]]


def _plain_texts(source: str) -> list[tuple[int, int]] | None:
    """The same, much faster, where each text in three double quotes begins a line or follows code without quotes and
    comments; None where one does not."""
    spans = []
    start = source.find('"""')
    while start >= 0:
        before = source[source.rfind("\n", 0, start) + 1 : start]
        end = source.find('"""', start + 3)
        if end < 0 or '"' in before or "'" in before or "#" in before or "\\" in before or "\\" in source[start:end]:
            return None
        if source.find("\n", start, end) >= 0:
            spans.append((start, end + 3))
        start = source.find('"""', end + 3)
    return spans


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
