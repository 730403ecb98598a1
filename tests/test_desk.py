"""A changed text is checked with what is left of its last version, and must come out as if it were new."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("pygls")

from documents import MARKER, documents

from leakcheck.checking import check_text
from leakcheck.diagnostics import Diagnostic
from leakcheck.lsp.desk import Desk
from leakcheck.settings import Settings

EXAMPLES = {d.code: [e.sources[0].text for e in d.examples if not e.is_project] for d in documents()}
Edit = Callable[[str], str]


def swapped(text: str) -> str:
    first, *rest = text.split("\n\n\n")
    return "\n\n\n".join([first, *reversed(rest)])


def twice(text: str) -> str:
    """Statements of the same text, at two places."""
    return text + "\n\n" + text.partition("\n\n\n")[2]


EDITS: list[Edit] = [
    lambda text: "\n\n" + text,
    twice,
    swapped,
    lambda text: text.replace("import ", "import os, ", 1),
    lambda text: text.replace(".close()", ".commit()"),
    lambda text: text + "\n(\n",  # in the middle of typing
    lambda text: "",
]


def told(found: tuple[Diagnostic, ...]) -> list[tuple[object, ...]]:
    return [(d.code, d.span, d.message, d.steps) for d in found]


@pytest.mark.parametrize("code", ["LK101", "LK102", "LK105", "LK201", "LK203", "LK301", "LK403"])
def test_edits(code: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.leakcheck]\n", encoding="utf-8")
    filename, desk = str(tmp_path / "a.py"), Desk()
    original = MARKER.sub("", "\n\n".join(EXAMPLES[code][:3]))
    for edit in EDITS:
        for text in (original, edit(original)):
            fresh = check_text(text, filename, Settings(tmp_path)._replace(fix="off"))
            report = desk.check(filename, text)
            assert report.error == fresh.error
            assert told(report.diagnostics) == told(fresh.diagnostics)
