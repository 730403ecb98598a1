"""The comparison of other people's test suites, without running them."""

from __future__ import annotations

from tests.ecosystem.fix_suites import Comparison, outcomes, suites


def test_suites_are_pinned_and_enough() -> None:
    assert len(suites()) >= 5
    assert all("==" in suite.package and suite.run[0] == "pytest" for suite in suites())


def test_outcomes_are_read_from_the_summary() -> None:
    text = "..F\n= short test summary info =\nPASSED t.py::a\nFAILED t.py::b[1] - assert 0\nSKIPPED [1] t.py:3: no\n"
    assert outcomes(text) == {"t.py::a": "PASSED", "t.py::b[1]": "FAILED"}


def test_a_test_that_ends_otherwise_or_not_at_all_is_a_change() -> None:
    compared = Comparison({"a": "PASSED", "b": "PASSED", "c": "FAILED"}, {"a": "FAILED", "c": "FAILED"}, 2, 1)
    assert compared.changed == ["a", "b"]
    assert str(compared) == "2 fixed in 1 files; 1 failed, 2 passed; 2 changed"
