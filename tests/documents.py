"""Reads the documents in `rules/`: front matter, sections, and the examples; and runs leakcheck on an example.

A fence is one file. Its info string may say more than the language:

* ```` ```python ````                  a module of its own
* ```` ```python file=app/db.py ````   one file of a project; neighbouring `file=` fences form the project
* ```` ```python fixed ````            what `--fix` must make of the example before it
* ```` ```python fixed unsafe ````     the same, with `--unsafe-fixes`
* ```` ```toml ````                    a pyproject.toml for the example after it

Comments at the end of a line say what must be found there:

* `# error: [LK101]`    must be reported
* `# missed: [LK101]`   a leak that is not reported yet: a known limit
* `# false: [LK101]`    a false alarm that is reported still: a known limit
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from leakcheck.cli import main
from leakcheck.engine import check
from leakcheck.schema import parse_toml
from leakcheck.settings import Settings

RULES = Path(__file__).resolve().parent.parent / "rules"
HEADINGS = ("What it does", "Why", "Examples", "Fix safety", "What it does not see")
KEYS = {"code", "name", "summary", "severity", "precision", "tags", "default", "fix", "since"}

FENCE = re.compile(r"^```(?P<language>\w*)(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
MARKER = re.compile(r"# (?P<kind>error|missed|false): \[(?P<codes>[^\]]*)\]")

# Documents of this family show how its rules divide the cases; every other rule is shown on its own.
LEAKS = ("LK101", "LK102", "LK103", "LK104", "LK105", "LK107")
COMMENTS = "LK0"  # about comments on the findings of other rules
Found = tuple[str, int, str]  # file, line, code


@dataclass(frozen=True)
class Source:
    """One file of an example and the line of the document it starts on."""

    name: str
    text: str
    line: int

    def marked(self, *kinds: str) -> list[Found]:
        """What the markers of these kinds name, in order."""
        return sorted(
            (self.name, number, code.strip())
            for number, line in enumerate(self.text.splitlines(), 1)
            for marker in MARKER.finditer(line)
            if marker["kind"] in kinds
            for code in marker["codes"].split(",")
        )


@dataclass(frozen=True)
class Example:
    """A module, or a small project, with what must be found in it."""

    document: str
    heading: str
    sources: tuple[Source, ...]
    settings: str = ""
    fixed: tuple[tuple[str, str], ...] = ()  # safe or unsafe, and the text

    @property
    def id(self) -> str:
        """Names the example in a test report: document and line."""
        return f"{self.document}:{self.sources[0].line}"

    @property
    def select(self) -> tuple[str, ...]:
        """The rules its comments speak of."""
        code = self.document.partition("-")[0]
        if code.startswith(COMMENTS) or code == "LK106":
            return (code, *LEAKS)
        return (code,) if re.fullmatch(r"LK[2-9]\d\d|LK108", code) else LEAKS

    @property
    def is_project(self) -> bool:
        """Several files, or settings: it needs a folder."""
        return bool(self.settings) or any(source.name != "example.py" for source in self.sources)

    def marked(self, *kinds: str) -> list[Found]:
        """What the markers of these kinds name in all its files."""
        return sorted(found for source in self.sources for found in source.marked(*kinds))


@dataclass(frozen=True)
class Document:
    """One rule document."""

    path: Path
    meta: dict[str, Any]
    headings: tuple[str, ...]
    examples: tuple[Example, ...] = field(repr=False)

    @property
    def code(self) -> str:
        """The rule it describes."""
        return str(self.meta["code"])


def documents() -> list[Document]:
    """Every rule document, by code."""
    return [read(path) for path in sorted(RULES.glob("LK*.md"))]


def read(path: Path) -> Document:
    """One document from its file."""
    text = path.read_text(encoding="utf-8")
    _, front, body = text.split("+++\n", 2)
    headings = tuple(re.findall(r"^## (.+)$", FENCE.sub("", body), re.MULTILINE))
    return Document(path, parse_toml(front, path.name), headings, tuple(examples(path.name, text)))


def examples(document: str, text: str) -> Iterator[Example]:
    """The examples of a text, with their settings and fixed forms attached."""
    waiting: Example | None = None
    settings = ""
    for fence in FENCE.finditer(text):
        if fence["language"] == "toml":
            settings = fence["text"]
        elif fence["language"] == "python":
            source, heading = _source(text, fence), _heading(text, fence.start())
            if fence["info"].startswith(" fixed") and waiting:
                mode = fence["info"].removeprefix(" fixed").strip() or "safe"
                waiting = replace(waiting, fixed=(*waiting.fixed, (mode, source.text)))
            elif waiting and _continues(waiting, source, heading) and not settings:
                waiting = replace(waiting, sources=(*waiting.sources, source))
            else:
                if waiting:
                    yield waiting
                waiting = Example(document, heading, (source,), settings)
                settings = ""
    if waiting:
        yield waiting


def _source(text: str, fence: re.Match[str]) -> Source:
    name = re.search(r"file=(\S+)", fence["info"])
    return Source(name[1] if name else "example.py", fence["text"], text.count("\n", 0, fence.start("text")) + 1)


def _heading(text: str, position: int) -> str:
    headings = re.findall(r"^#{2,} (.+)$", FENCE.sub("", text[:position]), re.MULTILINE)
    return str(headings[-1]) if headings else ""


def _continues(example: Example, source: Source, heading: str) -> bool:
    named = example.sources[-1].name != "example.py" and source.name != "example.py"
    return named and heading == example.heading and source.name not in {known.name for known in example.sources}


def findings(example: Example, folder: Path) -> list[tuple[Found, str]]:
    """What leakcheck reports for an example, with the messages."""
    if example.is_project:
        return _in_project(example, folder)
    (source,) = example.sources
    report = check(source.text, source.name, Settings(root=folder, select=example.select))
    assert report.error is None
    return [((source.name, found.span.line, found.code), found.message) for found in report.diagnostics]


def _in_project(example: Example, folder: Path) -> list[tuple[Found, str]]:
    (folder / "pyproject.toml").write_text(example.settings, encoding="utf-8")
    for source in example.sources:
        file = folder / source.name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source.text, encoding="utf-8")
    arguments = [str(folder), "--select", ",".join(example.select), "--output-format", "json", "--jobs", "1"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code in (0, 1), result.output
    return [
        ((_relative(item["filename"], folder), item["location"]["row"], item["code"]), item["message"])
        for item in json.loads(result.stdout)
    ]


def _relative(filename: str, folder: Path) -> str:
    return (folder / filename).resolve().relative_to(folder.resolve()).as_posix()
