"""Small projects in `tests/cases`: a connection opened in one module and lost, or not, in another.

What is found must not depend on how the files are given: all together, one by one, on standard input, or by flake8.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from documents import Example, Found, examples, findings

from leakcheck import catalogue
from leakcheck.flake8_plugin import Plugin
from leakcheck.runner import run, run_text
from leakcheck.settings import Settings, load

CASES = [
    example
    for path in sorted((Path(__file__).parent / "cases").glob("*.md"))
    for example in examples(path.name, path.read_text(encoding="utf-8"))
]
LEAKS = tuple(code for code in catalogue.load().rules if code.startswith("LK1"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case: Example, tmp_path: Path) -> None:
    found = sorted(place for place, _ in findings(case, tmp_path))
    assert found == case.marked("error", "false")


@pytest.mark.parametrize("case", [case for case in CASES if case.is_project], ids=lambda case: case.id)
def test_single_files_give_what_the_whole_run_gives(case: Example, tmp_path: Path) -> None:
    whole = sorted(place for place, _ in findings(case, tmp_path))
    settings = Settings(root=tmp_path, select=(case.select,), fix="off")
    for source in case.sources:
        file = tmp_path / source.name
        expected = [place for place in whole if place[0] == source.name]
        assert _places(run([str(file)], settings).reports, source.name) == expected
        assert _places(run_text(source.text, str(file), settings).reports, source.name) == expected
        assert _by_flake8(file, source.name) == [place for place in expected if place[2] in _by_default(load(file))]


def _places(reports: object, name: str) -> list[Found]:
    return sorted((name, found.span.line, found.code) for report in reports for found in report.diagnostics)  # type: ignore[attr-defined]


def _by_default(settings: Settings) -> set[str]:
    return {code for code in LEAKS if settings.enabled(code, "x.py")}


def _by_flake8(file: Path, name: str) -> list[Found]:
    text = file.read_text(encoding="utf-8")
    problems = Plugin(ast.parse(text), text.splitlines(keepends=True), str(file)).run()
    return sorted((name, line, message[:5]) for line, _, message, _ in problems if message[:5] in LEAKS)
