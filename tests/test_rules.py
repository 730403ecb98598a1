"""Every example in `rules/` is checked, and must give exactly what its comments say."""

from __future__ import annotations

import ast
import re
import warnings
from pathlib import Path

import pytest
from documents import HEADINGS, KEYS, MARKER, RULES, Document, Example, documents, findings
from fixing import NOWHERE, fix

from leakcheck import catalogue
from leakcheck.settings import Settings

DOCUMENTS = documents()
EXAMPLES = [example for document in DOCUMENTS for example in document.examples]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.id)
def test_example(example: Example, tmp_path: Path) -> None:
    results = findings(example, tmp_path)
    found = sorted(place for place, _ in results)
    vanished = [limit for limit in example.marked("missed") if limit in found]
    assert not vanished, f"no longer missed, so mark it as an error: {vanished}"
    healed = [limit for limit in example.marked("false") if limit not in found]
    assert not healed, f"no longer a false alarm, so remove the mark: {healed}"
    assert found == example.marked("error", "false")
    for _, message in results:
        assert re.match(r"[a-z`].*[^.]$", message), f"not a lower-case phrase without a period: {message!r}"


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.fixed], ids=lambda example: example.id)
def test_fixed_example(example: Example) -> None:
    (source,) = example.sources
    for mode, fixed in example.fixed:
        settings = Settings(NOWHERE, fix=mode, extend_select=example.select)  # type: ignore[arg-type]
        assert fix(MARKER.sub("", source.text).replace("  \n", "\n"), settings=settings).text == fixed


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.id)
def test_example_is_python(example: Example) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # Python 3.14 on `return` in `finally`
        for source in example.sources:
            ast.parse(source.text)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.code)
def test_document_is_complete(document: Document) -> None:
    assert set(document.meta) == KEYS
    assert document.path.name == f"{document.code}-{document.meta['name']}.md"
    assert document.headings == HEADINGS
    assert re.match(r"[a-z`].*[^.]$", document.meta["summary"])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.code)
def test_document_shows_bad_and_good_code(document: Document) -> None:
    codes = {code for example in document.examples for _, _, code in example.marked("error")}
    assert document.code in codes
    assert any(not example.marked("error", "missed", "false") for example in document.examples)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.code)
def test_front_matter_tells_whether_there_is_a_fix(document: Document) -> None:
    shown = any(example.fixed for example in document.examples)
    assert shown == (document.meta["fix"] != "none")


def test_markers_name_known_rules() -> None:
    known = {document.code for document in DOCUMENTS}
    marked = {code for example in EXAMPLES for _, _, code in example.marked("error", "missed", "false")}
    assert marked <= known


def test_catalogue_documents_and_index_agree() -> None:
    expected = {document.code: (document.path.name, document.meta["summary"]) for document in DOCUMENTS}
    rows = re.findall(
        r"^\| \[(LK\d+)\]\(([^)]+)\) \| [^|]+ \| [^|]+ \| (.+) \|$", (RULES / "README.md").read_text("utf-8"), re.M
    )
    assert {code: (file, summary) for code, file, summary in rows} == expected
    assert set(catalogue.load().rules) == set(expected)
