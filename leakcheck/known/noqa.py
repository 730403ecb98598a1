"""Comments that silence findings, written for those who ask: `--add-noqa`, and "ignore" in editors."""

from __future__ import annotations

import ast
import tokenize
import warnings
from collections.abc import Iterable, Sequence

from leakcheck.diagnostics import Diagnostic, Edit, Rewrite, Span, split_lines
from leakcheck.fixes.text import Refused, apply
from leakcheck.suppressions import OWN, read, tokens


def silenced(text: str, found: Iterable[Diagnostic], reason: str = "") -> Rewrite | None:
    """The text with a comment for each finding, None if there is none; raises Refused if that would change the code."""
    known = [d for d in found if not d.code.startswith(OWN)]
    new = apply(text, silencing(split_lines(text), known, reason))
    if new == text:
        return None
    if _tree(new) != _tree(text):
        raise Refused("a comment would change its code")
    return Rewrite(text, new, len(known))


def silencing(lines: Sequence[str], found: Iterable[Diagnostic], reason: str = "") -> tuple[Edit, ...]:
    """One edit for each line that gets a comment, or more codes in the one it has."""
    codes: dict[int, dict[str, str]] = {}
    ends = _line_ends(lines)
    for diagnostic in found:
        place = next((line for line in ends if line >= diagnostic.span.line), diagnostic.span.line)
        codes.setdefault(place, {})[diagnostic.code] = diagnostic.span.filename
    comments = {c.line: c for c in reversed(read(lines).comments) if c.codes}
    edits = []
    for line, by_code in codes.items():
        filename, words = next(iter(by_code.values())), ", ".join(sorted(by_code))
        if line in comments:
            column = comments[line].codes_at[1] + 1
            edits.append(Edit(Span(filename, line, column, line, column), f", {words}"))
        else:
            start, stop = len(lines[line - 1].rstrip()) + 1, len(lines[line - 1]) + 1
            why = f" - {' '.join(reason.split())}" if reason.strip() else ""  # a first word may look like a code
            edits.append(Edit(Span(filename, line, start, line, stop), f"  # noqa: {words}{why}"))
    return tuple(edits)


def _line_ends(lines: Sequence[str]) -> Sequence[int]:
    """The lines that can end in a comment: those whose end is neither in a string nor escaped by a backslash."""
    try:
        return [token.start[0] for token in tokens(lines) if token.type in (tokenize.NEWLINE, tokenize.NL)]
    except (tokenize.TokenError, SyntaxError):
        return range(1, len(lines) + 1)


def _tree(text: str) -> str | None:
    """The code without its comments; None for what this Python cannot parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.dump(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
