"""Comments that silence findings: `# noqa`, `# leakcheck: ignore[LK101] reason`, `# leakcheck: skip-file`."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from leakcheck.diagnostics import Diagnostic

_CODES = r"[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*"
# read just as flake8 does, so that both front ends agree
_NOQA = re.compile(rf"# noqa(?::\s?(?P<codes>{_CODES}))?", re.IGNORECASE)
_IGNORE = re.compile(r"#\s*leakcheck:\s*ignore(?:\[(?P<codes>[^\]]*)\])?(?![\w-])", re.IGNORECASE)
_SKIP_FILE = re.compile(r"#\s*leakcheck:\s*skip-file\b", re.IGNORECASE)
_SEPARATOR = re.compile(r"[,\s]+")


@dataclass(frozen=True, slots=True)
class Suppression:
    """One comment: the codes or prefixes it silences, none meaning all."""

    line: int
    codes: tuple[str, ...]

    def covers(self, diagnostic: Diagnostic) -> bool:
        """Whether it stands on a line of the reported call or statement and names its code."""
        inside = diagnostic.span.line <= self.line <= diagnostic.span.end_line
        return inside and (not self.codes or diagnostic.code.startswith(self.codes))


def apply(lines: Sequence[str], diagnostics: Iterable[Diagnostic]) -> tuple[tuple[Diagnostic, ...], int]:
    """The diagnostics that no comment silences, and how many were silenced."""
    found = tuple(diagnostics)
    if not found or not _looks_suppressed(lines):
        return found, 0
    comments = _comments(lines)
    if any(_SKIP_FILE.search(text) for _, text in comments):
        return (), len(found)
    silencers = [suppression for line, text in comments for suppression in _read(line, text)]
    kept = tuple(d for d in found if not any(suppression.covers(d) for suppression in silencers))
    return kept, len(found) - len(kept)


def _looks_suppressed(lines: Sequence[str]) -> bool:
    """The cheap search: most files have none, and tokenizing is slow."""
    return any("noqa" in lowered or "leakcheck:" in lowered for lowered in map(str.lower, lines))


def _read(line: int, comment: str) -> list[Suppression]:
    matches = (*_NOQA.finditer(comment), *_IGNORE.finditer(comment))
    return [Suppression(line, _codes(match["codes"])) for match in matches]


def _codes(text: str | None) -> tuple[str, ...]:
    return tuple(code.upper() for code in _SEPARATOR.split(text or "") if code)


def _comments(lines: Sequence[str]) -> list[tuple[int, str]]:
    """Comments with their lines. Text that this Python cannot tokenize is taken line by line."""
    text = "\n".join(line.rstrip("\r\n") for line in lines) + "\n"
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return [(number, line[line.index("#") :]) for number, line in enumerate(lines, 1) if "#" in line]
    return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]
