"""What releases may run after an exception only if that is all that it does."""

from __future__ import annotations

import pytest
from fixing import fix

OBJECT = """\
import logging
import sqlite3
import threading

logger = logging.getLogger(__name__)


class Base:
    def flush(self):
        pass


class Database(Base):
    def __init__(self, path, out=None):
        self.lock = threading.Lock()
        self.other = out
        self.total = None
        self.conn = sqlite3.connect(path)
        self.cursor = self.conn.cursor()
        self.out = out
        self.open = True
        if out:
            self.path = path

    @property
    def finished(self):
        return not self.open

    @finished.setter
    def finished(self, value):
        self.conn.commit()

    @classmethod
    def forget(cls):
        cls.current = None

    def add(self, name):
        self.cursor.execute("INSERT INTO users VALUES (?)", (name,))

    def save(self):
        self.conn.commit()

    def flush(self):
        self.conn.commit()

    @property
    def saved(self):
        self.conn.commit()
        return True

    def end(self):
        self.cursor.close()

    def close(self):
        {}


def run(path, name):
    db = Database(path)
    db.add(name)
    db.last = name
    db.close()
"""
ALL = (
    "with self.lock:\n            self.conn.close()",
    "self.conn.close()",
    "self.cursor.close()\n        self.conn.close()",
    "self.end()\n        self.conn.close()",
    "if self.open:\n            self.conn.close()\n            self.open = False",
    "try:\n            self.conn.close()\n        except sqlite3.Error as e:\n            logger.warning('%s', e)",
    "conn = self.conn\n        self.conn = None\n        conn.close()",
    "'End.'\n        print('bye', f'{self.open}')\n        self.conn.close()\n        return True",
)
MORE = (
    "self.log.commit()\n        self.conn.close()",
    "self.events.log.pop()\n        self.conn.close()",
    "metrics.log_success('import')\n        self.conn.close()",
    "with closing(self.conn):\n            pass",
    "self.conn.close()\n        self.finished = True",
    "self.conn.close()\n        self.forget()",
    "print(self.path)\n        self.conn.close()",
    "if self.saved:\n            self.conn.close()",
    "print(self.last)\n        self.conn.close()",
    "print(f'{self.total:.2f}')\n        self.conn.close()",
    "if self.total > 0:\n            print('some')\n        self.conn.close()",
    "with self.other:\n            self.conn.close()",
    "self.flush()\n        self.conn.close()",
    "self.conn.commit()\n        self.conn.close()",
    "self.save()\n        self.conn.close()",
    "self.out.close()\n        self.conn.close()",
    "with self.conn:\n            pass\n        self.conn.close()",
    "self.conn.close()\n        self.out.n += 1",
    "self.conn.close()\n        print(self.out['n'])",
    "audit(self)\n        self.conn.close()",
)


@pytest.mark.parametrize("body", ALL)
def test_an_object_that_only_releases_may_be_released_after_an_exception(body: str) -> None:
    assert (
        "    with closing(Database(path)) as db:\n        db.add(name)\n        db.last"
        in fix(OBJECT.format(body)).text
    )


@pytest.mark.parametrize("body", MORE)
def test_an_object_that_does_more_is_left_to_its_author(body: str) -> None:
    source = OBJECT.format(body)
    result = fix(source)
    assert result.text == source
    assert result.reasons == ["unsafe: what releases `db` may do more than that"]
    assert "closing(Database(path)) as db" in fix(source, "unsafe").text


HELPER = """\
import sqlite3

{helpers}

def finish(conn, cursor, *, seen=()):
    {body}


def run(path, seen):
    conn = sqlite3.connect(path)
    cursor = conn.cursor()
    cursor.execute("DELETE FROM users")
    finish(conn, cursor, seen=seen)
"""
LOG = "def log(conn, text):\n    conn.execute('INSERT INTO log VALUES (?)', (text,))\n    conn.commit()\n"
CLOSE = "def close(conn):\n    conn.commit()\n    conn.close()\n"
PLAIN = "def close(one):\n    if one is not None:\n        one.close()\n"


@pytest.mark.parametrize(
    ("helpers", "body"),
    [
        (PLAIN, "close(cursor)\n    close(conn)"),
        ("", "other = cursor\n    other.close()\n    print('done', seen)\n    conn.close()"),
    ],
)
def test_a_helper_that_only_releases_moves(helpers: str, body: str) -> None:
    text = fix(HELPER.format(helpers=helpers, body=body)).text
    assert text.endswith("    finally:\n        finish(conn, cursor, seen=seen)\n")


@pytest.mark.parametrize(
    ("helpers", "body"),
    [
        (CLOSE, "cursor.close()\n    close(conn)"),
        (LOG, "log(conn, 'done')\n    conn.close()"),
        ("", "conn.close()\n    seen += ['done']"),
        ("", "print(seen['n'])\n    conn.close()"),
        ("", "print(seen.n)\n    conn.close()"),
        ("", "print(1 / seen)\n    conn.close()"),
        ("", "with conn:\n        pass\n    conn.close()"),
        ("import audit", "audit.log(conn)\n    conn.close()"),
    ],
)
def test_a_helper_that_does_more_stays(helpers: str, body: str) -> None:
    source = HELPER.format(helpers=helpers, body=body)
    result = fix(source)
    assert result.text == source
    assert result.reasons == ["what releases `conn` does more than that"]


METHOD = """\
import sqlite3


class Export:
    def __init__(self, path):
        self.out = open(path, "w")

    def _finish(self, conn):
        conn.close()
        {}

    def run(self, path):
        conn = sqlite3.connect(path)
        conn.execute("DELETE FROM users")
        self._finish(conn)
"""


def test_a_method_that_closes_something_of_its_own_object_stays() -> None:
    assert "finally" in fix(METHOD.format("pass")).text
    assert "finally" not in fix(METHOD.format("self.out.close()")).text


LEDGER = """\
import sqlite3


class Ledger(sqlite3.Connection):
    def close(self):
        {}
        super().close()


def run(path):
    conn = Ledger(path)
    conn.execute("DELETE FROM users")
    conn.close()
"""


def test_a_connection_of_an_own_class_that_commits_when_it_is_closed_stays() -> None:
    assert "with closing(Ledger(path)) as conn:" in fix(LEDGER.format("print('bye')")).text
    assert "with" not in fix(LEDGER.format("self.commit()")).text


POOLED = """\
from psycopg2.pool import ThreadedConnectionPool


class Db:
    def __init__(self):
        self.pool = ThreadedConnectionPool(1, 20, "dbname=shop")

    def putconn(self, conn):
        {}
        self.pool.putconn(conn)

    def add(self, sql):
        conn = self.pool.getconn()
        conn.cursor().execute(sql)
        self.putconn(conn)
"""


def test_a_method_with_the_name_of_the_drivers_is_looked_into() -> None:
    assert "finally:\n            self.putconn(conn)" in fix(POOLED.format("pass")).text
    assert "finally" not in fix(POOLED.format("conn.commit()")).text


MANAGED = """\
import sqlite3
from contextlib import contextmanager

from audit import announced


class Store:
    def connect(self, path):
        return sqlite3.connect(path)

    {}@contextmanager
    def session(self, path):
        conn = self.connect(path)
        try:
            yield conn
        finally:
            conn.close()

    def one(self, path):
        conn = self.connect(path)
        row = conn.execute("SELECT 1").fetchone()
        conn.close()
        return row


class Saving(Store):
    def {}(self, path):
        return None
"""


@pytest.mark.parametrize(("decorator", "method"), [("@announced\n    ", "other"), ("", "session")])
def test_a_manager_that_may_do_more_is_not_entered_instead(decorator: str, method: str) -> None:
    assert "with self.session(path) as conn:" in fix(MANAGED.format("", "other")).text
    assert "with closing(self.connect(path)) as conn:" in fix(MANAGED.format(decorator, method)).text


LOCKED = """\
import sqlite3
from threading import Lock

LOCK = Lock()


def finish(conn):
    with LOCK:
        conn.close()


def run(path):
    conn = sqlite3.connect(path)
    {}conn.execute("DELETE FROM users")
    {}finish(conn)
"""


def test_a_lock_that_may_be_held_is_not_waited_for() -> None:
    assert "finally" in fix(LOCKED.format("", "")).text
    assert "finally" not in fix(LOCKED.format("LOCK.acquire()\n    ", "LOCK.release()\n    ")).text
