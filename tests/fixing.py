"""Fixes a text in memory, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from leakcheck.diagnostics import Diagnostic, Report
from leakcheck.engine import check
from leakcheck.fixes.rounds import mend
from leakcheck.settings import FixMode, Settings

NOWHERE = Path("/nowhere")


@dataclass(frozen=True)
class Fixed:
    """A text after fixing, what was found before and what is left."""

    text: str
    found: tuple[Diagnostic, ...]
    left: tuple[Diagnostic, ...]

    @property
    def reasons(self) -> list[str]:
        """Why the rest was not fixed."""
        return [found.not_fixed or "" for found in self.left]


def fix(source: str, mode: FixMode = "safe", settings: Settings | None = None) -> Fixed:
    """Apply all fixes of that kind, in rounds."""
    chosen = settings or Settings(NOWHERE, fix=mode)

    def again(text: str) -> Report:
        return check(text, "example.py", chosen)

    before = again(source)
    after = mend(source, before, again, chosen)
    return Fixed(after.rewrite.after if after.rewrite else source, before.diagnostics, after.diagnostics)
