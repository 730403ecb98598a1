"""Every front end reports the same findings, in the same places."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from editor import editor

import leakcheck
from leakcheck.cli import main
from leakcheck.report import FORMATS

DEMO = Path(leakcheck.__file__).parent / "demo"
Finding = tuple[str, int, int, str, str]  # path, line, column from 1, code, message
Short = tuple[str, int, str, str]  # without the column


def run(name: str) -> str:
    """The demo's findings in a format."""
    result = CliRunner().invoke(main, [".", "--quiet", "--output-format", name])
    assert result.exit_code == 1, result.output
    return result.stdout


def lines(name: str, pattern: str) -> list[Finding]:
    """Findings of a format that has one on each line."""
    found = [re.fullmatch(pattern, line) for line in run(name).splitlines()]
    return [(m["path"], int(m["line"]), int(m["column"]), m["code"], m["message"]) for m in found if m]


def concise() -> list[Finding]:
    return lines("concise", r"(?P<path>.*?):(?P<line>\d+):(?P<column>\d+): (?P<code>LK\d+) (?P<message>.*)")


def full() -> list[Finding]:
    """Message, then place."""
    pairs = re.findall(r"^(LK\d+) (.*)\n +--> (.*):(\d+):(\d+)$", run("full"), re.MULTILINE)
    return [(path, int(line), int(column), code, message) for code, message, path, line, column in pairs]


def grouped() -> list[Finding]:
    found, path = [], ""
    for line in run("grouped").splitlines():
        if parts := re.fullmatch(r"  (\d+):(\d+) +(LK\d+) (.*)", line):
            found.append((path, int(parts[1]), int(parts[2]), parts[3], parts[4]))
        path = line if line and not line.startswith(" ") else path
    return found


def from_json() -> list[Finding]:
    return [_object(item) for item in json.loads(run("json"))]


def json_lines() -> list[Finding]:
    return [_object(json.loads(line)) for line in run("json-lines").splitlines()]


def _object(item: dict[str, object]) -> Finding:
    place = item["location"]
    return item["filename"], place["row"], place["column"], item["code"], item["message"]  # type: ignore


def sarif() -> list[Finding]:
    (log,) = json.loads(run("sarif"))["runs"]
    found = []
    for result in log["results"]:
        place = result["locations"][0]["physicalLocation"]
        region = place["region"]
        message = re.sub(r"(: \[.*\]\(\d+\))?\.$", "", result["message"]["text"]).replace("\\", "")
        uri = place["artifactLocation"]["uri"]
        found.append((uri, region["startLine"], region["startColumn"], result["ruleId"], message))
    return found


def github() -> list[Finding]:
    pattern = r"::\w+ title=.*?,file=(?P<path>.*?),line=(?P<line>\d+),col=(?P<column>\d+),.*?::(?P<code>LK\d+) "
    return lines("github", pattern + r"(?P<message>.*?)(?:%0A.*)?")


def azure() -> list[Finding]:
    pattern = r"##vso\[.*?sourcepath=(?P<path>.*?);linenumber=(?P<line>\d+);columnnumber=(?P<column>\d+);"
    return lines("azure", pattern + r"code=(?P<code>LK\d+);\](?P<message>.*)")


def rdjson() -> list[Finding]:
    found = []
    for item in json.loads(run("rdjson"))["diagnostics"]:
        start = item["location"]["range"]["start"]
        message = item["message"].partition("\n")[0]
        found.append((item["location"]["path"], start["line"], start["column"], item["code"]["value"], message))
    return found


def gitlab() -> list[Short]:
    found = []
    for item in json.loads(run("gitlab")):
        code, _, message = item["description"].partition(" ")
        found.append((item["location"]["path"], item["location"]["lines"]["begin"], code, message))
    return found


def junit() -> list[Short]:
    found = []
    for case in ElementTree.fromstring(run("junit").encode()).iter("testcase"):
        for failure in case.iter("failure"):
            place = case.attrib["file"], int(case.attrib["line"])
            found.append((*place, failure.attrib["type"], failure.attrib["message"]))
    return found


def pylint() -> list[Short]:
    pattern = r"(.*?):(\d+): \[(LK\d+)\(.*?\), .*?\] (.*)"
    return [(m[1], int(m[2]), m[3], m[4]) for m in map(re.compile(pattern).fullmatch, run("pylint").splitlines()) if m]


def flake8() -> list[Finding]:
    command = [sys.executable, "-m", "flake8", "--isolated", "--select=LK", "--max-line-length=999", "."]
    output = subprocess.run(command, capture_output=True, text=True).stdout
    found = re.findall(r"^\./(.*?):(\d+):(\d+): (LK\d+) (.*)$", output, re.MULTILINE)
    return [(path, int(line), int(column), code, message) for path, line, column, code, message in found]


def language_server() -> list[Finding]:
    """As an editor shows them that opens every file."""

    async def look() -> list[Finding]:
        found: list[Finding] = []
        async with editor(Path.cwd()) as one:
            for file in sorted(Path().rglob("*.py")):
                one.open(file.as_posix(), file.read_text(encoding="utf-8"))
                for item in await one.findings(file.as_posix()):
                    start = item.range.start
                    found.append((file.as_posix(), start.line + 1, start.character + 1, str(item.code), item.message))
        return found

    return asyncio.run(look())


# A front end more: a function that gives its findings, and its name here.
FRONT_ENDS: dict[str, Callable[[], list[Finding]]] = {
    "full": full,
    "concise": concise,
    "grouped": grouped,
    "json-lines": json_lines,
    "sarif": sarif,
    "github": github,
    "azure": azure,
    "rdjson": rdjson,
    "flake8": flake8,
    "lsp": language_server,
}

# Consumers that know no columns.
BY_LINE: dict[str, Callable[[], list[Short]]] = {"gitlab": gitlab, "junit": junit, "pylint": pylint}


@pytest.fixture(autouse=True)
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the demo: a repository of its own, with no settings above it."""
    for file in DEMO.rglob("*.py"):
        copy = tmp_path / file.relative_to(DEMO)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_agreement(name: str) -> None:
    expected = sorted(from_json())
    assert len(expected) > 20
    assert sorted(FRONT_ENDS[name]()) == expected


@pytest.mark.parametrize("name", BY_LINE)
def test_agreement_by_line(name: str) -> None:
    expected = sorted((path, line, code, message) for path, line, _, code, message in from_json())
    assert len(expected) > 20
    assert sorted(BY_LINE[name]()) == expected


def test_no_format_is_left_out() -> None:
    assert set(FORMATS) - {"json", "html"} <= FRONT_ENDS.keys() | BY_LINE.keys()  # html: tests/test_html.py
