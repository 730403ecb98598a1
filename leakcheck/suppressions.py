"""Comments that silence findings: `# noqa`, `# leakcheck: ignore[LK101] reason`, `# leakcheck: skip-file reason`."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from leakcheck.diagnostics import Diagnostic
from leakcheck.patterns import pattern
from leakcheck.records import dataclass

Kind = Literal["noqa", "ignore", "skip-file"]

OWN = "LK0"  # the rules about these comments themselves
_OURS = "LK"

_CODES = r"[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*"
# read just as flake8 does, so that both front ends agree
_NOQA = pattern(rf"# noqa(?::\s?(?P<codes>{_CODES}))?", re.IGNORECASE)
_IGNORE = pattern(r"#\s*leakcheck:\s*ignore(?:\[(?P<codes>[^\]]*)\])?(?![\w-])", re.IGNORECASE)
_SKIP_FILE = pattern(r"#\s*leakcheck:\s*skip-file\b(?P<codes>)", re.IGNORECASE)
_FORMS: tuple[tuple[Kind, re.Pattern[str]], ...] = (("noqa", _NOQA), ("ignore", _IGNORE), ("skip-file", _SKIP_FILE))
_SEPARATOR = pattern(r"[,\s]+")
_BLANK_LINES = (tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT)


@dataclass(frozen=True, slots=True)
class Suppression:
    """One comment, or a part of one from its own `#`. Columns count from 0."""

    kind: Kind
    line: int
    start: int
    end: int  # the reason included
    codes: tuple[str, ...]  # codes or prefixes as written; none: all
    codes_at: tuple[int, int]
    reason: str
    statement: tuple[int, int]  # first and last line of what it belongs to

    def covers(self, found: Diagnostic) -> bool:
        """Whether it stands on a line of the reported code or of its statement, and names the rule."""
        first, last = self.statement
        inside = first <= found.span.end_line and found.span.line <= last
        return inside and (self._names_own(found.code) if found.code.startswith(OWN) else self.names(found.code))

    def names(self, code: str) -> bool:
        """Whether it is about that rule."""
        return not self.codes or code.startswith(tuple(code.upper() for code in self.codes))

    def _names_own(self, code: str) -> bool:
        """No `ignore` hides by its generality that it is unused; `noqa` does, since flake8 lets it."""
        return self.names(code) if self.kind == "noqa" else code in map(str.upper, self.codes)


@dataclass(frozen=True, slots=True)
class Suppressions:
    """All of one file."""

    comments: tuple[Suppression, ...] = ()

    @property
    def skips_file(self) -> bool:
        """Whether one of them is about the whole file."""
        return any(comment.kind == "skip-file" for comment in self.comments)

    def apply(self, found: Iterable[Diagnostic]) -> tuple[tuple[Diagnostic, ...], int]:
        """The findings that none silences, and how many were silenced."""
        known = tuple(found)
        kept = tuple(d for d in known if not self.silences(d))
        return kept, len(known) - len(kept)

    def silences(self, found: Diagnostic) -> bool:
        """Whether any of them does."""
        return self.skips_file or any(comment.covers(found) for comment in self.comments)


def concern_us(text: str) -> bool:
    """Whether comments of a text may be about findings of ours: most `noqa` name those of other tools."""
    lowered = text.lower()
    named = (found["codes"] or OWN for found in _NOQA.finditer(text)) if "noqa" in lowered else iter(())
    return "leakcheck:" in lowered or any(_OURS in codes.upper() for codes in named)


def read(lines: Sequence[str]) -> Suppressions:
    """The suppressions in the lines of a file. The cheap search comes first: most files have none."""
    if not any("noqa" in lowered or "leakcheck:" in lowered for lowered in map(str.lower, lines)):
        return Suppressions()
    return Suppressions(tuple(found for comment in _comments(lines) for found in _parts(*comment)))


def _statements(read: Iterable[tokenize.TokenInfo]) -> Iterator[tuple[int, int]]:
    """First and last line of each simple statement, and of each compound one's header."""
    first = 0
    for token in read:
        if not first and token.type not in _BLANK_LINES:
            first = token.start[0]
        if token.type == tokenize.NEWLINE:
            yield first, token.start[0]
            first = 0


def _parts(line: int, column: int, comment: str, statement: tuple[int, int]) -> Iterator[Suppression]:
    for kind, form in _FORMS:
        for match in form.finditer(comment):
            stop = comment.find("#", match.end())
            end = len(comment) if stop < 0 else stop
            reason = comment[match.end() : end].strip(" \t-:")
            codes = tuple(code for code in _SEPARATOR.split(match["codes"] or "") if code)
            first, last = match.span("codes") if codes else (match.end(), match.end())
            place = (column + match.start(), column + end)
            yield Suppression(kind, line, *place, codes, (column + first, column + last), reason, statement)


def _comments(lines: Sequence[str]) -> Iterator[tuple[int, int, str, tuple[int, int]]]:
    """Line, column, text, and the lines of the statement. What this Python cannot tokenize is taken line by line."""
    try:
        read = list(tokens(lines))
    except (tokenize.TokenError, SyntaxError):
        for number, text in enumerate(lines, 1):
            if "#" in text:
                start = text.index("#")
                yield number, start, text[start:].rstrip("\r\n"), (number, number)
        return
    ranges = {line: (first, last) for first, last in _statements(read) for line in range(first, last + 1)}
    for token in (token for token in read if token.type == tokenize.COMMENT):
        line, column = token.start
        yield line, column, token.string, ranges.get(line, (line, line))


def tokens(lines: Sequence[str]) -> Iterator[tokenize.TokenInfo]:
    """Python's own reading of the lines; raises TokenError or SyntaxError for what it cannot read."""
    text = "\n".join(line.rstrip("\r\n") for line in lines) + "\n"
    return tokenize.generate_tokens(io.StringIO(text).readline)
