"""The oracle itself, on programs whose truth anyone can see. `# normal`, `# error`, `# maybe`, `# never` mark it."""

from __future__ import annotations

import re

import pytest

from tests.execution.generator import generate
from tests.execution.oracle import Program, observe

PROGRAMS = {
    "straight line": """
        def main(key):
            conn = sqlite3.connect("x")  # error
            conn.execute("SELECT 1")
            conn.close()
    """,
    "finally": """
        def main(key):
            conn = sqlite3.connect("x")  # never
            try:
                return conn.execute("SELECT 1").fetchone()
            finally:
                conn.close()
    """,
    "early return": """
        def main(key, quick=False):
            conn = sqlite3.connect("x")  # normal
            if quick:
                return
            conn.close()
    """,
    "raise of its own": """
        def main(key, quick=False):
            conn = sqlite3.connect("x")  # error
            if quick:
                raise ValueError
            conn.close()
    """,
    "transaction with": """
        def main(key):
            with sqlite3.connect("x") as conn:  # normal
                conn.execute("SELECT 1")
    """,
    "wrapper: its caller owns": """
        def open_it():
            return sqlite3.connect("x")

        def main(key):
            conn = open_it()  # normal
            conn.execute("SELECT 1")
    """,
    "wrapper that fails half way": """
        def open_it():
            conn = sqlite3.connect("x")  # error
            conn.execute("SELECT 1")
            return conn

        def main(key):
            with closing(open_it()) as conn:  # never
                conn.execute("SELECT 1")
    """,
    "helper that closes": """
        def close(conn):
            conn.close()

        def main(key):
            conn = sqlite3.connect("x")  # never
            close(conn)
    """,
    "stored in what was passed": """
        def keep(box):
            box.append(sqlite3.connect("x"))

        def main(key):
            box = []
            keep(box)  # normal
    """,
    "stored for good": """
        OPEN = []

        def main(key):
            conn = sqlite3.connect("x")  # never
            OPEN.append(conn)
            conn.execute("SELECT 1")
    """,
    "first cursor, then try": """
        def main(key):
            conn = sqlite3.connect("x")  # maybe
            cursor = conn.cursor()
            try:
                cursor.execute("SELECT 1")
            finally:
                conn.close()
    """,
    "unbound cursor": """
        def main(key):
            conn = sqlite3.connect("x")  # error
            try:
                cursor = conn.cursor()
                cursor.execute("SELECT 1")
            finally:
                cursor.close()
                conn.close()
    """,
    "cursor's close fails": """
        def main(key):
            conn = sqlite3.connect("x")  # maybe
            cursor = conn.cursor()
            try:
                cursor.execute("SELECT 1")
            finally:
                cursor.close()
                conn.close()
    """,
    "swallowed": """
        def main(key):
            try:
                conn = sqlite3.connect("x")  # error
                conn.execute("SELECT 1")
                conn.close()
            except sqlite3.Error:
                return None
    """,
    "only one kind is caught": """
        def main(key):
            conn = sqlite3.connect("x")  # error
            try:
                conn.execute("SELECT 1")
            except sqlite3.IntegrityError:
                pass
            conn.close()
    """,
    "the second fails": """
        def main(key):
            first = sqlite3.connect("x")  # error
            second = sqlite3.connect("y")  # never
            second.close()
            first.close()
    """,
    "a fault after a fault": """
        def main(key):
            conn = sqlite3.connect("x")  # error
            try:
                conn.execute("SELECT 1")
            except sqlite3.Error:
                conn.execute("INSERT INTO failures VALUES (1)")
                raise
            finally:
                pass
            conn.close()
    """,
    "a given one is not ours": """
        def main(key, conn=None):
            own = conn is None
            conn = sqlite3.connect("x") if own else conn  # never
            try:
                conn.execute("SELECT 1")
            finally:
                if own:
                    conn.close()
    """,
    "rows decide": """
        def main(key):
            conn = sqlite3.connect("x")  # normal
            try:
                row = conn.execute("SELECT 1").fetchone()
            except sqlite3.Error:
                conn.close()
                raise
            if row is None:
                return None
            conn.close()
            return row
    """,
    "closed instead of returned": """
        pool = psycopg2.pool.SimpleConnectionPool(1, 5)

        def main(key):
            conn = pool.getconn()  # normal
            conn.close()
    """,
    "only if connected": """
        pool = mysql.connector.pooling.MySQLConnectionPool()

        def main(key):
            conn = pool.get_connection()  # error
            if conn.is_connected():
                conn.close()
    """,
    "the retry's connection": """
        def main(key):
            try:
                conn = sqlite3.connect("x")  # normal
            except sqlite3.Error:
                conn = sqlite3.connect("x")  # normal
    """,
    "returned": """
        pool = psycopg2.pool.SimpleConnectionPool(1, 5)

        def main(key):
            conn = pool.getconn()  # never
            pool.putconn(conn)
    """,
    "close never awaited": """
        async def main(key):
            conn = await asyncpg.connect("x")  # normal
            conn.close()
    """,
    "awaited": """
        async def main(key):
            conn = await asyncpg.connect("x")  # never
            try:
                await conn.execute("SELECT 1")
            finally:
                await conn.close()
    """,
    "manager without finally": """
        @contextmanager
        def main(key):
            conn = sqlite3.connect("x")  # error
            yield conn
            conn.close()
    """,
    "manager with finally": """
        @contextmanager
        def connected():
            conn = sqlite3.connect("x")  # never
            try:
                yield conn
            finally:
                conn.close()

        def main(key):
            with connected() as conn:
                conn.execute("SELECT 1")
    """,
    "generator": """
        def main(items):
            conn = sqlite3.connect("x")  # error
            for item in items:
                conn.execute("SELECT 1")
                yield item
            conn.close()
    """,
    "owner whose set-up fails": """
        class Owner:
            def __init__(self):
                self.conn = sqlite3.connect("x")  # error
                self.conn.execute("SELECT 1")

        def main(key):
            return Owner()  # never
    """,
}
IMPORTS = """
import sqlite3, psycopg2.pool, asyncpg, mysql.connector.pooling
from contextlib import closing, contextmanager
"""


@pytest.mark.parametrize("name", PROGRAMS)
def test_sees_what_is_there(name: str) -> None:
    source = IMPORTS + "\n".join(line[8:] for line in PROGRAMS[name].split("\n")) + "\n"
    marked = {n: found[1] for n, line in enumerate(source.split("\n"), 1) if (found := re.search(r"# (\w+)$", line))}
    sites = observe(Program(source, given="sqlite3.connect('given')")).sites()
    assert {line: site.tier for line, site in sites.items()} == marked


def test_a_fix_can_be_held_against_its_original() -> None:
    head = f"{IMPORTS}\ndef main(key):\n"
    before = observe(Program(f"{head}    c = sqlite3.connect('x')\n    c.commit()\n    c.close()\n"))
    after = observe(Program(f"{head}    with closing(sqlite3.connect('x')) as c:\n        c.commit()\n"))
    worse = observe(Program(f"{head}    c = sqlite3.connect('x')\n    c.close()\n"))
    assert before.differences(after) == []
    assert before.differences(worse)


def test_programs_are_the_same_for_a_seed() -> None:
    assert [generate(seed) for seed in range(20)] == [generate(seed) for seed in range(20)]
