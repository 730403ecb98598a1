"""leakcheck's verdicts on generated programs, held to what running them shows."""

from __future__ import annotations

import importlib.util

import pytest

from tests.execution.generator import FITTING, generate
from tests.execution.idioms import IDIOMS
from tests.execution.verdicts import Score, disagreements, leakcheck

pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
PRECISION, RECALL, CLASS = 0.98, 0.95, 0.95
needs_engine = pytest.mark.skipif(importlib.util.find_spec("leakcheck.engine") is None, reason="no engine yet")


def run(first: int, count: int) -> Score:
    score = Score()
    programs = (generate(seed) for seed in range(first, first + count))
    for program, verdict in disagreements(programs, leakcheck, score):
        print(f"{verdict}\n# {program.origin}\n{program.source}")
    return score


def hold(score: Score) -> None:
    assert score.precision >= PRECISION, score
    assert score.recall >= RECALL, score
    assert score.accuracy >= CLASS, score


def test_every_idiom_fits_a_driver() -> None:
    assert [idiom.name for idiom in IDIOMS if not FITTING[idiom.name]] == []


@needs_engine
def test_a_few_programs() -> None:
    hold(run(first=1, count=150))


@needs_engine
@pytest.mark.slow
def test_many_programs() -> None:
    hold(run(first=10_000, count=5_000))
