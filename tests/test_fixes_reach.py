"""How far a block reaches: what has to go into it, and what it must not take in or away."""

from __future__ import annotations

import pytest
from fixing import fix

WATCHED = """\
import time

from sqlalchemy import create_engine, select
from sqlalchemy.orm import sessionmaker

from models import User

Session = sessionmaker(create_engine("sqlite://"))


def users(session):
    return session.scalars(select(User)).all()


def watch():
    found = users(Session())

    while True:
        print(found)
        {}
"""


def test_a_block_does_not_last_for_ever() -> None:
    """What refcounting gave back at once would be held as long as the process lives."""
    endless, ended = WATCHED.format("time.sleep(60)"), WATCHED.format("if time.time() > 60:\n            break")
    assert fix(endless, "unsafe").text == endless
    assert "    with closing(Session()) as session:\n        found = users(session)\n" in fix(ended).text
    named = endless.replace("    found = users(Session())", "    session = Session()\n    found = users(session)")
    assert (
        "        session = stack.enter_context(closing(Session()))\n" in fix(named).text
    )  # which the name holds anyway


POOLED = """\
from psycopg2.pool import ThreadedConnectionPool


class Database:
    def __init__(self, dsn):
        self.pool = ThreadedConnectionPool(2, 20, dsn)

    def stop(self):
        self.pool.closeall()
        self.pool = None

    def count(self, wanted):
        conn = self.pool.getconn()
        conn.cursor().execute("SET x TO 1")
        try:
            with conn.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM orders")
                return cursor.fetchone()
        finally:
            if {}:
                self.pool.putconn(conn)
"""


def test_a_test_for_the_pool_is_not_taken_away() -> None:
    source = POOLED.format("self.pool")
    result = fix(source, "unsafe")
    assert result.text == source
    assert "`conn` is released only if there is a `self.pool`" in result.reasons
    text = fix(POOLED.format("wanted")).text
    assert text.endswith("cursor.fetchone()\n        finally:\n            self.pool.putconn(conn)\n")


TESTED = """\
import sqlite3
from contextlib import closing

import pytest


def test_closed(path):
    {}

    with pytest.raises(sqlite3.ProgrammingError):
        conn.execute("SELECT 1")
"""


def test_what_wants_a_closed_connection_stays_outside() -> None:
    before = 'conn = sqlite3.connect(path)\n    conn.execute("DELETE FROM t")\n    conn.close()'
    after = 'with closing(sqlite3.connect(path)) as conn:\n        conn.execute("DELETE FROM t")'
    assert fix(TESTED.format(before)).text == TESTED.format(after)


ADDED = """\
from contextlib import closing

from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

from models import User

Session = sessionmaker(create_engine("sqlite://"))


def add(name):
    {}
"""


def test_what_was_added_to_a_session_is_read_before_its_end() -> None:
    """After a commit it is read again from the database."""
    work = ["user = User(name)", "session.add(user)", "session.commit()", "print(user.id)", "print(name)"]
    source = ADDED.format("\n    ".join(["session = Session()", *work]))
    block = "\n        ".join(["with closing(Session()) as session:", *work[:4]])
    assert fix(source).text == ADDED.format(f"{block}\n    print(name)")
    given = source.replace("print(name)", "return user")
    assert fix(given).text == given
    assert fix(given).reasons == ["unsafe: what is returned may still need the connection"]


CLOSURES = """\
import sqlite3
{imported}

def totals(path):
{body}
"""


@pytest.mark.parametrize(
    "use", ["return one", "return one('SELECT 1')", "p.submit(one, 'x')", "p.all = one", "p.one = lambda: one('x')"]
)
def test_a_function_that_uses_the_cursor_does_not_outlive_it(use: str) -> None:
    body = f"    conn = sqlite3.connect(path)\n    cur = conn.cursor()\n\n    def one(sql):\n        return cur.execute(sql)\n\n    {use}\n"  # fmt: skip  # noqa: E501
    source = CLOSURES.format(imported="", body=body).replace("(path):", "(path, p):")
    result = fix(source, "unsafe")
    assert (result.text, len(result.left)) == (source, 1)


ROUNDS = """\
import sqlite3


def serve(path, requests):
    conn = None
    for request in requests:
        if request == "open":
            conn = sqlite3.connect(path)
            conn.execute("SELECT 1")
        elif request == "ask":
            print(conn.execute("SELECT 2"))
    print("done")
"""


def test_a_later_round_may_use_it_in_another_branch() -> None:
    assert fix(ROUNDS, "unsafe").text == ROUNDS
    once = ROUNDS.replace("    for request in requests:\n", "    if (request := requests.pop()):\n")
    assert "            with closing(sqlite3.connect(path)) as conn:\n" in fix(once).text


AGAIN = """\
import sqlite3


def first(path, again):
    if path:
        conn = sqlite3.connect(path)
        conn.execute("SELECT 1")
        conn.close()
    for _ in again:
        {}conn = sqlite3.connect(path)
        conn.execute("SELECT 2")
        conn.close()
"""


def test_a_name_may_have_another_value_before_and_behind() -> None:
    assert fix(AGAIN.format("")).text.count("        with closing(sqlite3.connect(path)) as conn:\n") == 2
    assert fix(AGAIN.format("print(conn)\n        ")).text == AGAIN.format("print(conn)\n        ")
