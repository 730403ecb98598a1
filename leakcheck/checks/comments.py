"""LK001 and LK002: comments that silence nothing, or do not say why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from leakcheck.diagnostics import Diagnostic, Edit, Fix, Span
from leakcheck.models import Rule
from leakcheck.patterns import pattern
from leakcheck.settings import Settings
from leakcheck.suppressions import OWN, Suppression, Suppressions

UNUSED, NO_REASON = "LK001", "LK002"

_OUR_CODE = pattern(r"LK\d*", re.IGNORECASE)


class Comments:
    """For one file. `found` are its findings before selection: what another selection needs is not unused."""

    def __init__(self, filename: str, lines: Sequence[str], rules: Mapping[str, Rule], settings: Settings) -> None:
        self._filename, self._lines, self._rules, self._settings = filename, lines, rules, settings

    def findings(self, comments: Suppressions, found: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
        """What is to say about the comments themselves."""
        for comment in comments.comments:
            its_own = [d for d in found if comment.kind == "skip-file" or comment.covers(d)]
            if not comments.skips_file:
                yield from self._unused(comment, its_own)
            if its_own and not comment.reason and self._enabled(NO_REASON):
                how = "the comment silences a finding and does not say why"
                yield self._diagnostic(NO_REASON, how, comment, None)

    def _unused(self, comment: Suppression, its_own: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
        if not self._enabled(UNUSED):
            return
        idle = [code for code in comment.codes if self._idle(code, comment, its_own)]
        if idle:
            unknown = not any(self._selected(code) for code in idle)
            what = " or ".join(dict.fromkeys(code.upper() for code in idle))
            message = f"nothing to silence: {what} is no rule" if unknown else f"nothing to silence: no {what} here"
            kept = [code for code in comment.codes if code not in idle]
            yield self._diagnostic(UNUSED, message, comment, self._edit(comment, kept))
        elif comment.kind == "ignore" and not comment.codes and not its_own:
            yield self._diagnostic(UNUSED, "nothing to silence: no finding here", comment, self._edit(comment, []))

    def _idle(self, code: str, comment: Suppression, its_own: Sequence[Diagnostic]) -> bool:
        """Whether a code is ours, unknown or on, and silences nothing."""
        if comment.kind == "noqa" and not _OUR_CODE.fullmatch(code):
            return False  # another tool's
        if code.upper().startswith(OWN) or any(d.code.startswith(code.upper()) for d in its_own):
            return False
        selected = self._selected(code)
        return not selected or any(self._enabled(rule) for rule in selected)

    def _selected(self, code: str) -> list[str]:
        return [rule for rule in self._rules if rule.startswith(code.upper())]

    def _enabled(self, code: str) -> bool:
        return self._settings.enabled(code, self._filename)

    def _edit(self, comment: Suppression, kept: Sequence[str]) -> Edit:
        """Without the idle codes; without the comment, and its line, if nothing is left."""
        if kept:
            return Edit(self._span(comment, *comment.codes_at), ", ".join(kept))
        line = self._lines[comment.line - 1].rstrip("\r\n")
        before, after = line[: comment.start], line[comment.end :]
        if before.strip() or after.strip():
            start = comment.start if after else len(before.rstrip())
            return Edit(self._span(comment, start, comment.end), "")
        if comment.line < len(self._lines):
            return Edit(Span(self._filename, comment.line, 1, comment.line + 1, 1), "")
        return Edit(self._span(comment, 0, len(line)), "")

    def _diagnostic(self, code: str, message: str, comment: Suppression, edit: Edit | None) -> Diagnostic:
        rule = self._rules[code]
        span = self._span(comment, comment.start, comment.end)
        fix = Fix("remove what silences nothing", "safe", (edit,)) if edit else None
        return Diagnostic(code, rule.name, rule.severity, "high", message, span, fix=fix)

    def _span(self, comment: Suppression, start: int, end: int) -> Span:
        return Span(self._filename, comment.line, start + 1, comment.line, end + 1)
