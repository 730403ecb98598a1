"""What the messages about leaks name: the call that decides, and the word for a release."""

from __future__ import annotations

from textwrap import indent

import pytest
from fixing import NOWHERE

from leakcheck.engine import check
from leakcheck.settings import Settings

CACHE = """\
import sqlite3


class Cache:
    def __init__(self, path):
        self.conn = sqlite3.connect(path)

    def status(self):
        return self.conn.execute("SELECT 1").fetchone()

    def close(self):
        self.conn.close()


def make(path):
    return Cache(path)


"""
ROUND = """\
    try:
        cache = make(path)
        cache.status()
        cache.close()
    except Exception:
        pass
"""
HANDLED = """\
def handled(path):
    cache = Cache(path)
    try:
        cache.status()
    except Exception:
        print(cache.status())
    cache.close()
"""
USERS = """\
from psycopg2.pool import SimpleConnectionPool


class Users:
    def __init__(self):
        self.pool = SimpleConnectionPool(1, 20, "dbname=shop")

    def _get(self):
        self.conn = self.pool.getconn()

    def _put(self):
        self.pool.putconn(self.conn)

    def first(self):
        self._get()
        cur = self.conn.cursor()
        cur.execute("SELECT name FROM users")
        row = cur.fetchone()
        self._put()
        return row
"""


def messages(source: str) -> list[str]:
    report = check(source, str(NOWHERE / "example.py"), Settings(NOWHERE, select=("LK102",)))
    return [found.message for found in report.diagnostics]


@pytest.mark.parametrize(
    ("function", "deciding"),
    [
        (f"def twice(path):\n{ROUND}{ROUND}", ["cache.status", "cache.status"]),  # not the second `make`
        (f"def each(paths):\n    for path in paths:\n{indent(ROUND, '    ')}", ["cache.status"]),
        (HANDLED, ["cache.status"]),  # the handler would have gone on to the release
    ],
)
def test_the_call_is_named_whose_exception_skips_the_release(function: str, deciding: list[str]) -> None:
    assert messages(CACHE + function) == [
        f"`cache` from `{'Cache' if function is HANDLED else 'make'}` is not closed if `{call}` raises"
        for call in deciding
    ]


def test_what_a_method_takes_from_a_pool_for_itself_is_returned() -> None:
    assert messages(USERS) == ["`self.conn` from `self._get` is not returned if `cur.execute` raises"]
