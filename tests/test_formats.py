"""The formats of other programs, read as those programs read them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import junitparser
import pytest

from leakcheck.diagnostics import Edit, Fix
from leakcheck.report import FORMATS, Page, render
from leakcheck.runner import Outcome
from tests.pages import MESSAGE, STEPS, finding, page, span

BAD = "a b/%é\x07;]:,</failure>.py"

# The properties of https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
GITLAB = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string"},
            "check_name": {"type": "string"},
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": "^(?!\\./|/)"},
                    "lines": {"required": ["begin"], "properties": {"begin": {"type": "integer", "minimum": 1}}},
                },
            },
        },
    },
}

# The fields of reviewdog's DiagnosticResult: https://github.com/reviewdog/reviewdog/tree/master/proto/rdf
_POSITION = {"properties": {"line": {"minimum": 1}, "column": {"minimum": 1}}, "additionalProperties": False}
_RANGE = {"required": ["start"], "properties": {"start": _POSITION, "end": _POSITION}, "additionalProperties": False}
_LEVEL = {"enum": ["UNKNOWN_SEVERITY", "ERROR", "WARNING", "INFO"]}
_CODE = {"properties": {"value": {"type": "string"}, "url": {"type": "string"}}, "additionalProperties": False}
_SUGGESTION = {"required": ["range", "text"], "properties": {"range": _RANGE}}
RDJSON = {
    "required": ["source", "diagnostics"],
    "properties": {
        "severity": _LEVEL,
        "diagnostics": {
            "items": {
                "required": ["message", "location"],
                "additionalProperties": False,
                "properties": {
                    "message": {"type": "string"},
                    "location": {"required": ["path"], "properties": {"path": {"type": "string"}, "range": _RANGE}},
                    "severity": _LEVEL,
                    "code": _CODE,
                    "suggestions": {"items": _SUGGESTION},
                },
            }
        },
    },
}


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def odd() -> Page:
    """A finding in a file with an odd name, another one in the same place, and a file that could not be checked."""
    moved = tuple(replace(s, span=replace(s.span, filename=BAD)) for s in STEPS)
    return page(finding(*moved, at=moved[0].span), finding(at=moved[0].span))


@pytest.mark.parametrize("name", list(FORMATS))
def test_every_format_takes_nothing_and_everything(name: str) -> None:
    assert render(name, Page(Outcome((), 3, 1), lambda _: (), quiet=True)) is not None
    assert "LK102" in render(name, odd())


def test_gitlab() -> None:
    issues = json.loads(render("gitlab", odd()))
    jsonschema.validate(issues, GITLAB)
    assert [issue["severity"] for issue in issues] == ["major", "major", "critical"]
    assert len({issue["fingerprint"] for issue in issues}) == 3
    assert issues[0]["location"] == {"path": BAD, "lines": {"begin": 2, "end": 2}}
    assert json.loads(render("gitlab", Page(Outcome((), 3, 1), lambda _: ()))) == []


def test_paths_count_from_the_repository(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repository / "service").mkdir()
    monkeypatch.chdir(repository / "service")
    (issue, _) = json.loads(render("gitlab", page(finding(*STEPS))))
    assert issue["location"]["path"] == "service/app/orders.py"
    inside = str(repository / "service" / "app" / "orders.py")
    (issue, _) = json.loads(render("gitlab", page(finding(at=span(2, 1, 3, inside)))))
    assert issue["location"]["path"] == "service/app/orders.py"


def test_junit() -> None:
    text = render("junit", odd())
    results = junitparser.JUnitXml.fromstring(text.encode())
    assert isinstance(results, junitparser.JUnitXml)
    assert (results.tests, results.failures, results.errors) == (3, 2, 1)
    failed, broken = list(results)
    assert failed.name == BAD.replace("\x07", "\N{REPLACEMENT CHARACTER}")
    first = next(iter(failed))
    assert first.name == "LK102 connection-not-closed-on-error at line 2"
    assert first.result[0].message == MESSAGE
    assert first.result[0].text.splitlines()[1:] == [
        "1. line 2: opened here",
        "2. line 4: if this raises, the next lines are skipped",
        "   line 5: never reached",
    ]
    assert next(iter(broken)).result[0].message == "line 3: bad input"


def test_junit_of_a_clean_run_has_one_test_that_passed() -> None:
    results = junitparser.JUnitXml.fromstring(render("junit", Page(Outcome((), 3, 1), lambda _: ())).encode())
    assert [(case.name, case.result) for suite in results for case in suite] == [("no leaks found", [])]


def test_rdjson() -> None:
    result = json.loads(render("rdjson", odd()))
    jsonschema.validate(result, RDJSON)
    first, _, broken = result["diagnostics"]
    assert first["location"]["range"] == {"start": {"line": 2, "column": 12}, "end": {"line": 2, "column": 32}}
    assert "suggestions" not in first
    assert broken == {
        "message": "not checked: line 3: bad input",
        "location": {"path": "broken.py"},
        "severity": "ERROR",
    }


def test_rdjson_counts_bytes_and_suggests_what_is_safe() -> None:
    edit = Edit(span(1, 9, 16), "")
    for applicability, wanted in (("safe", 1), ("unsafe", 0)):
        fix = Fix("drop it", applicability, (edit,))  # type: ignore[arg-type]
        text = render("rdjson", page(finding(at=span(1, 9, 16), fix=fix), source='s = "𝄞é" + a()'))
        found = json.loads(text)["diagnostics"][0]
        place = {"start": {"line": 1, "column": 13}, "end": {"line": 1, "column": 20}}
        assert found["location"]["range"] == place
        assert [s["range"] for s in found.get("suggestions", [])] == [place] * wanted


def test_azure() -> None:
    line = render("azure", odd()).splitlines()[0]
    command = re.fullmatch(r"##vso\[task\.logissue ([^\]]*)\](.*)", line)
    assert command
    properties = dict(part.split("=", 1) for part in command[1].rstrip(";").split(";"))
    for old, new in (("%3B", ";"), ("%5D", "]"), ("%AZP25", "%")):
        properties["sourcepath"] = properties["sourcepath"].replace(old, new)
    assert properties == {
        "type": "error",
        "sourcepath": BAD,
        "linenumber": "2",
        "columnnumber": "12",
        "code": "LK102",
    }
    assert command[2] == MESSAGE


def test_pylint() -> None:
    first = render("pylint", page(finding(*STEPS))).splitlines()[0]
    parts = re.fullmatch(r"(.+?):(\d+): \[(\w+)\((.*?)\), (.*?)\] (.*)", first)
    assert parts
    assert parts.groups() == ("app/orders.py", "2", "LK102", "connection-not-closed-on-error", "order", MESSAGE)


def test_grouped() -> None:
    assert render("grouped", page(finding(*STEPS), finding(at=span(12, 1, 3)))) == (
        f"app/orders.py\n  2:12  LK102 {MESSAGE}\n  12:1  LK102 {MESSAGE}\n\n"
    )


def test_json_lines() -> None:
    text = render("json-lines", odd())
    assert [json.loads(line) for line in text.splitlines()] == json.loads(render("json", odd()))


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are Unicode there")
@pytest.mark.parametrize("name", list(FORMATS))
def test_a_name_that_is_no_text(name: str, repository: Path) -> None:
    raw = b"caf\xe9 %.py"
    Path(os.fsdecode(raw)).write_text(
        "import sqlite3\n\nsqlite3.connect('a')\n\n\ndef f():\n    sqlite3.connect('b')\n"
    )
    command = [sys.executable, "-m", "leakcheck", "--output-format", name]
    for extra in ([], ["--output-file", "report"]):
        done = subprocess.run([*command, *extra, raw], capture_output=True)
        assert (done.returncode, done.stderr) == (1, b"")
    assert Path("report").read_bytes() == done.stdout or not done.stdout
    text = Path("report").read_text("utf-8")
    if name.startswith("json"):
        found = json.loads(text) if name == "json" else [json.loads(line) for line in text.splitlines()]
        assert {os.fsencode(one["filename"]) for one in found} == {raw}
    elif name == "sarif":
        assert '"uri": "caf%E9%20%25.py"' in text
    else:
        assert "LK101" in text
