"""What the pages beside the README say is true: their examples, their links, their commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from documents import Example, examples, findings

from leakcheck import catalogue
from leakcheck.engine import check
from leakcheck.schema import parse_driver
from leakcheck.settings import Settings

CHECKOUT = Path(__file__).resolve().parent.parent
PAGES = [CHECKOUT / "CONTRIBUTING.md", *sorted((CHECKOUT / "docs").glob("*.md")), CHECKOUT / "rules" / "README.md"]
VERDICTS = "docs/verdicts.md"
EXAMPLES = list(examples(VERDICTS, (CHECKOUT / VERDICTS).read_text(encoding="utf-8")))
CONTRIBUTING = PAGES[0].read_text(encoding="utf-8")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.id)
def test_example(example: Example, tmp_path: Path) -> None:
    assert sorted(place for place, _ in findings(example, tmp_path)) == example.marked("error")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\((?!https:)([^)]+)\)", text):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.M) if anchor else []
        assert not anchor or anchor in {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}, link


def test_contributing_names_what_is_there() -> None:
    """Files, folders, tests and functions."""
    names = re.findall(r"(?:leakcheck|rules|tests|docs)/[\w/.*-]+\w|\.ci/run", CONTRIBUTING)
    assert names
    for name in names:
        assert "LK999" in name or list(CHECKOUT.glob(name)), name
    listed = re.findall(r"`([A-Z]+)`\s+of\s+`([^`]+)`", CONTRIBUTING)
    assert {name for name, _ in listed} == {"REWRITES", "AMENDMENTS"}
    for name, file in listed:
        assert f"\n{name}: " in (CHECKOUT / file).read_text(encoding="utf-8")


def test_the_driver_of_contributing(tmp_path: Path) -> None:
    (model,) = re.findall(r"^```toml\n(.*?)^```$", CONTRIBUTING, re.M | re.S)
    assert parse_driver(model, "housedb.toml").library == "housedb"
    file = tmp_path / "housedb.toml"
    file.write_text(model, encoding="utf-8")
    code = "import housedb\n\n\ndef f(dsn):\n    with housedb.connect(dsn) as conn:\n        conn.run('x')\n\n\n"
    code += "def g(pool: housedb.Pool):\n    conn = pool.take()\n    conn.run('x')\n    conn.close()\n"
    report = check(code, "example.py", Settings(tmp_path, drivers=(file,)))
    assert [(d.span.line, d.code) for d in report.diagnostics] == [(5, "LK103"), (10, "LK104")]
    assert "housedb" not in catalogue.load().import_words
