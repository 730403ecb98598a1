"""What the messages about held connections and rows say in numbers and names."""

from __future__ import annotations

import pytest
from fixing import NOWHERE

from leakcheck.engine import check
from leakcheck.settings import Settings

POOL = "from psycopg_pool import ConnectionPool\n\npool = ConnectionPool('host=db', max_size=20)\n\n\n"

STACKED = """\
def stacked():
    with pool.connection() as first, pool.connection() as second, pool.connection() as third:
        return first, second, third
"""
EXCLUSIVE = """\
def either(which):
    match which:
        case "fast":
            outer = pool.getconn()
        case _:
            outer = pool.getconn(timeout=5)
    with pool.connection() as inner:
        inner.execute("SELECT 1")
    pool.putconn(outer)
"""


def messages(code: str, source: str) -> list[str]:
    report = check(source, str(NOWHERE / "example.py"), Settings(NOWHERE, select=(code,)))
    return [found.message for found in report.diagnostics]


@pytest.mark.parametrize(("function", "sizes"), [(STACKED, [2, 3]), (EXCLUSIVE, [2])])
def test_the_size_counts_what_is_held_at_once(function: str, sizes: list[int]) -> None:
    found = messages("LK203", POOL + function)
    assert len(found) == len(sizes)
    assert all(f"threads * ({size} - 1) + 1" in message for size, message in zip(sizes, found, strict=True))


@pytest.mark.parametrize(
    ("line", "form"),
    [
        ("from cassandra.cluster import Cluster", "execute_concurrent_with_args"),
        ("from vectors.cassandra.index import Table", "execute_concurrent_with_args"),
        ("from psycopg2.extras import Json", "execute_values"),
        ("import csv", "executemany"),
    ],
)
def test_rows_in_a_loop_name_the_form_of_the_library(line: str, form: str) -> None:
    loop = (
        "def save(session, rows):\n    for row in rows:\n        session.execute('INSERT INTO t VALUES (%s)', (row,))\n"
    )
    assert [form in message for message in messages("LK301", f"{line}\n\n\n{loop}")] == [True]
