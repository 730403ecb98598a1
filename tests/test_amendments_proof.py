"""Rewrites of loops and of waits are run before and after: they must leave the same rows in a real database."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from fixing import NOWHERE, fix

from leakcheck.settings import FixMode, Settings
from tests.execution.rows import Maker, calls, data, loop, run, waits

CODES = {loop: "LK301", waits: "LK201", calls: "LK202"}
PROVEN = [(maker, mode) for maker in CODES for mode in ("safe", "unsafe") if (maker, mode) != (calls, "safe")]


def prove(maker: Maker, mode: FixMode, seed: int, path: str) -> bool:
    """Whether the made-up function was rewritten at all; fails if the rewrite shows."""
    chance = random.Random(seed)
    source = maker(chance)
    settings = Settings(NOWHERE, select=(CODES[maker],), batch_size=3, fix=mode)
    fixed = fix(source, mode, settings)
    if fixed.text == source:
        assert all(fixed.reasons)
        return False
    again = fix(fixed.text, mode, settings)
    assert again.text == fixed.text, f"seed {seed}: not done at once\n{fixed.text}"
    for fails in (False, True) if mode == "safe" else (False,):
        rows = data(chance, fails) or [(7, "seven")]
        before, after = run(source, rows, path), run(fixed.text, rows, path)
        assert after == before, f"seed {seed}\n{source}\n{fixed.text}"
    return True


@pytest.mark.parametrize(("maker", "mode"), PROVEN)
def test_rewritten_functions_leave_the_same_rows(maker: Maker, mode: FixMode, tmp_path: Path) -> None:
    rewritten = sum(prove(maker, mode, seed, str(tmp_path / "rows.db")) for seed in range(40))
    assert rewritten > 8


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 2500, 150))
@pytest.mark.parametrize(("maker", "mode"), PROVEN)
def test_rewritten_functions_leave_the_same_rows_at_length(
    maker: Maker, mode: FixMode, first: int, tmp_path: Path
) -> None:
    rewritten = sum(prove(maker, mode, seed, str(tmp_path / "rows.db")) for seed in range(first, first + 150))
    assert rewritten > 30


def test_the_proof_notices_a_lost_row(tmp_path: Path) -> None:
    source = next(text for seed in range(99) if "INSERT" in (text := loop(random.Random(seed))) and " if " not in text)
    rows = [(1, "one"), (2, "two")]
    assert run(source, rows, str(tmp_path / "rows.db")) != run(source, rows[:1], str(tmp_path / "rows.db"))
