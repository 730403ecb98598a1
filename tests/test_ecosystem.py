"""The record of the ecosystem run: pinned packages, counts and judgements that agree with each other."""

from __future__ import annotations

import re
from collections import Counter

from tests.ecosystem.findings import Counts, Finding, committed, counted, difference, table
from tests.ecosystem.judgements import VERDICTS, judgements
from tests.ecosystem.packages import pinned

_FOUND = [Finding("a==1", "a/b.py", line, "LK101", "", ()) for line in (3, 9)]


def test_every_package_is_pinned_and_named_once() -> None:
    names = [requirement.partition("==")[0] for requirement in pinned()]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", requirement) for requirement in pinned())
    assert len(names) == len(set(names)) >= 40


def test_counts_and_judgements_are_of_these_packages() -> None:
    assert {package for package, _ in committed()} | {j.package for j in judgements()} <= set(pinned())


def test_a_judgement_says_why_and_is_given_once() -> None:
    assert [j for j in judgements() if j.verdict not in VERDICTS or len(j.why) < 10] == []
    assert [key for key, times in Counter(j.key for j in judgements()).items() if times > 1] == []


def test_a_difference_names_what_changed_only() -> None:
    old: Counts = Counter({("a==1", "LK101"): 1, ("b==2", "LK102"): 4})
    new = counted(_FOUND) + Counter({("b==2", "LK102"): 4})
    assert difference(old, new) == ["a==1 LK101: 1 -> 2"]
    assert difference(new, new) == []


def test_the_table_adds_up() -> None:
    header, row, total = (line.split() for line in table(counted(_FOUND)).splitlines())
    assert (header, row, total) == (["LK101", "all"], ["a==1", "2", "2"], ["all", "2", "2"])
