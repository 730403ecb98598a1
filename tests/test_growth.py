"""What a function takes to check grows with its length, not with the ways through it: counted in states, no seconds."""

from __future__ import annotations

from collections import Counter

import pytest
from fixing import NOWHERE, fix

from leakcheck.engine import check
from leakcheck.fixes.whole import Whole
from leakcheck.flow.state import State
from leakcheck.settings import Settings

COMPARED = """\
import sqlite3


def changed(path, known, rows):
    conn = sqlite3.connect(path)
    for row in rows:
        old = known.get(row["id"])
        if (
            {}
        ):
            conn.execute("UPDATE t SET a = ?", (row,))
    for row in rows:
        print({})
    conn.close()
"""


def copies(monkeypatch: pytest.MonkeyPatch, columns: int) -> int:
    """How many states a comparison of so many columns, each with an `or` of its own, is split into."""
    tests = (f"old['c{n}'] != str(row['c{n}'] or '')" for n in range(columns))
    shown = (f"row['c{n}'] or old['c{n}']" for n in range(columns))
    source = COMPARED.format("\n            or ".join(tests), ", ".join(shown))
    count = [0]
    plain = State.copy

    def counted(state: State) -> State:
        count[0] += 1
        return plain(state)

    with monkeypatch.context() as patch:
        patch.setattr(State, "copy", counted)
        assert [found.code for found in check(source, "example.py", Settings(NOWHERE)).diagnostics][:1] == ["LK102"]
    return count[0]


def test_tests_in_a_row_do_not_multiply(monkeypatch: pytest.MonkeyPatch) -> None:
    assert copies(monkeypatch, 20) < 3 * copies(monkeypatch, 10)


HELD_LONGER = """\
def count_{}(path, queue):
    conn = sqlite3.connect(path)
    if not conn.execute("SELECT count(*) FROM t").fetchone():
        conn.close()
        queue.send(path)
        return None
    row = conn.execute("SELECT a FROM t").fetchone()
    conn.close()
    return row


"""


def test_rewrites_are_tried_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them might lead to another finding, as it keeps its connection past something else."""
    count = [0]
    plain = Whole.after

    def counted(whole: Whole, text: str) -> Counter[str]:
        count[0] += 1
        return plain(whole, text)

    monkeypatch.setattr(Whole, "after", counted)
    source = "import sqlite3\n\n\n" + "".join(HELD_LONGER.format(n) for n in range(16))
    result = fix(source, "unsafe")
    assert len(result.found) == 16
    assert 1 <= count[0] < 16
