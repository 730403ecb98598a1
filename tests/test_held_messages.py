"""What the messages about held connections and rows say in numbers and names."""

from __future__ import annotations

import pytest
from fixing import NOWHERE

from leakcheck.confidence import Confidence
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


CHAIN = """\
import asyncpg
from sqlalchemy.orm import sessionmaker

Session = sessionmaker()


def first(number):
    session = Session()
    user = (
        session.query(User)
        .filter_by(id=number)
        .first()
    )
    session.close()
    return user


async def count(dsn):
    conn = await asyncpg.connect(dsn)
    await conn.execute("SELECT 1")
    await conn.close()
"""


def test_what_raises_is_the_end_of_a_query_and_a_release_is_shown_once() -> None:
    found = check(CHAIN, str(NOWHERE / "example.py"), Settings(NOWHERE, select=("LK102",))).diagnostics
    assert [each.message.partition(" if ")[2] for each in found] == [
        "`session.query(…).first` raises",
        "`conn.execute` raises",
    ]
    assert [[step.kind for step in each.steps] for each in found] == [["acquire", "raise", "skip"]] * 2


BRANCH = """\
import sqlite3


def opened(path, is_dry):
    conn = sqlite3.connect(path)
    if is_dry:
        conn.close()
        {}
    conn.execute("DELETE FROM jobs")
    return conn
"""


@pytest.mark.parametrize(
    ("end", "kinds"),
    [("return None", ["acquire", "branch", "raise"]), ("print(path)", ["acquire", "branch", "raise", "skip"])],
)
def test_a_release_of_another_way_out_would_not_have_helped(end: str, kinds: list[str]) -> None:
    source = BRANCH.format(end)
    (found,) = check(source, str(NOWHERE / "example.py"), Settings(NOWHERE, select=("LK102",))).diagnostics
    assert [step.kind for step in found.steps] == kinds


def messages(code: str, source: str, least: Confidence = "medium") -> list[str]:
    report = check(source, str(NOWHERE / "example.py"), Settings(NOWHERE, select=(code,), min_confidence=least))
    return [found.message for found in report.diagnostics]


@pytest.mark.parametrize(
    ("function", "sizes"),
    [
        (STACKED, ["more connections than threads", "more than 2 connections a thread"]),
        (EXCLUSIVE, ["more connections than threads"]),
        (STACKED.replace("def", "async def"), ["more connections than tasks", "more than 2 connections a task"]),
    ],
)
def test_the_size_counts_what_is_held_at_once(function: str, sizes: list[str]) -> None:
    found = messages("LK203", POOL + function)
    assert all(size in message for size, message in zip(sizes, found, strict=True))


NESTED = """
def copy():
    first = pool.getconn()
    second = pool.getconn()
    second.cursor().execute("SELECT 1")
    pool.putconn(second)
    pool.putconn(first)
"""


@pytest.mark.parametrize(
    ("made", "what"),
    [
        (
            "from psycopg2.pool import ThreadedConnectionPool\n\npool = ThreadedConnectionPool(1, 9)\n",
            "make each other fail",
        ),
        (
            "from psycopg_pool import ConnectionPool\n\npool = ConnectionPool(max_size=9)\n",
            "wait for each other in vain",
        ),
    ],
)
def test_a_pool_that_raises_makes_nobody_wait(made: str, what: str) -> None:
    assert [what in message for message in messages("LK203", made + NESTED)] == [True]


@pytest.mark.parametrize(
    ("line", "form"),
    [
        ("from cassandra.cluster import Cluster", "execute_concurrent_with_args"),
        ("from vectors.cassandra.index import Table", "execute_concurrent_with_args"),
        ("from psycopg2.extras import Json", "use one statement for 100 rows"),
        ("import csv", "use one statement for 100 rows"),
    ],
)
def test_rows_in_a_loop_name_no_method_unless_no_statement_takes_many(line: str, form: str) -> None:
    loop = (
        "def save(session, rows):\n    for row in rows:\n        session.execute('INSERT INTO t VALUES (%s)', (row,))\n"
    )
    assert [form in message for message in messages("LK301", f"{line}\n\n\n{loop}")] == [True]


UPSERT = """
import psycopg2


def save(dsn, rows):
    conn = psycopg2.connect(dsn)
    cursor = conn.cursor()
    for row in rows:
        cursor.execute("INSERT INTO t VALUES (%s, %s) ON CONFLICT (a) DO UPDATE SET b = {}", row)
    conn.close()
"""


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("EXCLUDED.b", "execute_values` (its"),
        ("CASE WHEN %s THEN EXCLUDED.b ELSE t.b END", "execute_batch"),
        ("%(b)s", "execute_batch"),
    ],
)
def test_values_behind_a_row_go_by_execute_batch(value: str, form: str) -> None:
    (message,) = messages("LK301", UPSERT.format(value))
    assert form in message


SEVERAL = """\
import asyncpg
import psycopg
import pymysql
from asyncpg.exceptions import PostgresError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


"""


@pytest.mark.parametrize(
    ("head", "call", "form"),
    [
        (
            "async def f(rows, engine):\n    async with AsyncSession(engine) as db:\n",
            "await db.execute(text({}), row)",
            "a list",
        ),
        ("async def f(rows, db: AsyncSession):\n    if rows:\n", "await db.execute({}, row)", "a list of 100 rows"),
        ("async def f(rows, db):\n    if rows:\n", "await db.execute(text({}), row)", "a list of 100 rows"),
        (
            "async def f(rows, pool: asyncpg.Pool):\n    async with pool.acquire() as db:\n",
            "await db.execute({}, row)",
            "copy_rec",
        ),
        (
            "def f(rows):\n    with psycopg.connect() as conn, conn.cursor() as cur:\n",
            "cur.execute({}, row)",
            "cursor.copy",
        ),
        (
            "def f(rows):\n    db = pymysql.connect()\n    if rows:\n",
            "db.cursor().execute({}, row)",
            "use `executemany`",
        ),
    ],
)
def test_the_form_is_that_of_the_object_that_executes(head: str, call: str, form: str) -> None:
    said = {}
    for verb in (
        "INSERT INTO t VALUES (%s)",
        "UPDATE t SET a = %s",
        "INSERT INTO t VALUES (%s) ON CONFLICT DO NOTHING",
    ):
        loop = f"        for row in rows:\n            {call.format(repr(verb))}\n"
        (said[verb],) = messages("LK301", SEVERAL + head + loop, "low")
    plain, update, upsert = said.values()
    assert form in plain
    assert "copy" not in update + upsert
    assert ("is a loop" in update) == ("a list" in form or "executemany" in form)


def test_a_library_imported_for_its_exceptions_says_nothing_about_rows() -> None:
    head = "from asyncpg import PostgresError\n\n\ndef f(db, rows):\n    for row in rows:\n"
    (said,) = messages("LK301", head + "        db.execute('INSERT INTO t VALUES (1)', row)\n")
    assert said.endswith("use one statement for 100 rows")


CALLED = """\
import time


def deepest():
    time.sleep(1)


def deeper():
    deepest()


def deep():
    deeper()


def shallow():
    deep()
"""
HOLDING = """\


def holds_{callee}():
    conn = pool.getconn()
    try:
        {callee}()
    finally:
        pool.putconn(conn)
"""


def test_a_wait_is_found_whoever_asked_for_it_before() -> None:
    holders = [HOLDING.format(callee=callee) for callee in ("shallow", "deep", "deeper")]
    found = [set(messages("LK201", POOL + CALLED + "".join(order))) for order in (holders, holders[::-1])]
    assert found[0] == found[1]
    assert {message.split("`")[5] for message in found[0]} == {"deep()", "deeper()", "shallow()"}


LENT_TWICE = """\
import time

from sqlalchemy.orm import Session

from shop.db import engine


def step(session):
    session.execute("SELECT 1")
    time.sleep(1)


def work(jobs):
    with Session(engine) as session:
        for job in jobs:
            step(session)
            session.commit() if job else None
"""


def test_a_call_is_one_place_however_it_is_reached() -> None:
    (said,) = messages("LK201", LENT_TWICE, "low")
    assert " is held while `step(session)` sleeps" in said


OF_ITS_OWN = """\
from sqlalchemy import create_engine


class Database:
    def __init__(self, url):
        self.engine = create_engine(url)


def compare(url, query):
    db = Database(url)
    with db.engine.connect() as one, db.engine.connect() as other:
        return one.execute(query), other.execute(query)
"""


def test_a_pool_that_nobody_else_uses_cannot_deadlock() -> None:
    (said,) = messages("LK203", OF_ITS_OWN)
    assert said.endswith("it could use the one that is there, and see what that has written")
