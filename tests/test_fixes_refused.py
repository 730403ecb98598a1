"""What is not fixed, or not safely, and what is said about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from fixing import NOWHERE, fix

from leakcheck.fixes.text import Refused
from leakcheck.settings import Settings

HEAD = "import sqlite3\nfrom contextlib import closing\n\n\n"


REFUSALS = {
    "is handed to the caller": "conn = sqlite3.connect(p)\n    if p:\n        return conn\n    conn.commit()",
    "escapes to self.conn": "conn = sqlite3.connect(p)\n    if p:\n        self.conn = conn\n    conn.commit()",
    "that needs the connection outlives": "import pandas as pd\n    conn = sqlite3.connect(p)\n"
    "    return pd.read_sql('x', conn, chunksize=10)",
    "outlives the block": "conn = sqlite3.connect(p)\n    return conn.execute('SELECT 1')",
    "used outside the block": "cur = None\n    if p:\n        conn = sqlite3.connect(p)\n        cur = conn.cursor()\n"
    "    return cur.execute('SELECT 1').fetchall()",
    "somebody else's": "conn = p or sqlite3.connect('x')\n    return conn.execute('SELECT 1').fetchall()",
    "used elsewhere": "if p:\n        conn = sqlite3.connect(p)\n    conn.execute('x')\n    conn.close()",
    "several names": "a = b = sqlite3.connect(p)\n    a.execute('x')\n    b.close()",
    "elsewhere": "for q in p:\n        conn = sqlite3.connect(q)\n    conn.close()",
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_refused(reason: str) -> None:
    source = f"{HEAD}def f(p, self=None):\n    {REFUSALS[reason]}\n"
    result = fix(source, "unsafe")
    assert result.text == source
    assert any(reason in given for given in result.reasons), result.reasons


IN_FIELDS = """\
class Database:
    def __init__(self, p):
        self.conn = sqlite3.connect(p)
        self.other = sqlite3.connect("x")

    def close(self):
        self.conn.close()
        self.other.close()
"""
PASSED_ON = """def f(p):
    return count(p.name(), sqlite3.connect(p))


def count(name, conn):
    return conn.execute("SELECT count(*) FROM t WHERE name = ?", (name,)).fetchone()
"""


def test_a_reason_says_where_the_connection_is() -> None:
    assert fix(HEAD + IN_FIELDS, "unsafe").reasons == ["the connection is kept in `self.conn`"]
    result = fix(HEAD + PASSED_ON, "unsafe")
    assert result.reasons == ["the connection is passed on where it is opened"]
    assert result.left[0].message == "the connection from `sqlite3.connect` is passed on and never closed"


OPENED = """\
def opened(conn=None):
    if conn is None:
        conn = sqlite3.connect("x")
    return conn


def f(given=None):
    conn = opened({})
    conn.execute("DELETE FROM t")
"""


def test_what_a_function_may_give_back_is_not_closed() -> None:
    source = HEAD + OPENED.format("given")
    result = fix(source, "unsafe")
    assert result.text == source
    assert any("may give back a connection it is given" in given for given in result.reasons), result.reasons
    assert "with closing(opened()) as conn:" in fix(HEAD + OPENED.format("")).text


GIVES = """\
def opened(p):
    if p == "memory":
        return {}
    return sqlite3.connect(p)


def f(p):
    conn = opened(p)
    conn.execute("DELETE FROM t")
"""


@pytest.mark.parametrize("other", ["Archive()", "'none'", "False"])
def test_what_may_be_no_connection_is_not_closed(other: str) -> None:
    source = f"{HEAD}class Archive:\n    pass\n\n\n{GIVES.format(other)}"
    result = fix(source, "unsafe")
    assert result.text == source
    assert any("may also give something that is no connection" in given for given in result.reasons), result.reasons
    assert "with closing(opened(p)) as conn:" in fix(HEAD + GIVES.format("sqlite3.connect(':memory:')")).text


@pytest.mark.parametrize("other", ["{}", "[1, 2]", "known[p]", "Unknown()"])
def test_what_may_be_anything_is_closed_only_on_request(other: str) -> None:
    source = HEAD + GIVES.format(other)
    result = fix(source)
    assert result.text == source
    assert result.reasons == ["unsafe: `opened` may also give something that cannot be closed"]


CLOSED = """\
class Archive:
    pass


def opened(p):
    if p == "memory":
        return Archive()
    return sqlite3.connect(p)


def f(p):
    conn = opened(p)
    {}
    conn.close()
"""


def test_what_is_closed_anyway_may_be_anything() -> None:
    source = HEAD + CLOSED.format("conn.execute('DELETE FROM t')")
    assert "    with closing(opened(p)) as conn:\n        conn.execute('DELETE FROM t')\n" in fix(source).text
    caught = "try:\n        conn.execute('DELETE FROM t')\n    except OSError:\n        return None"
    assert "with closing(opened(p)) as conn:" in fix(HEAD + CLOSED.format(caught)).text


@pytest.mark.parametrize(
    "way",
    [
        "if isinstance(conn, Archive):\n        return None",
        "if isinstance(conn, Archive):\n        raise TypeError(p)",
        "if p == 'memory':\n        return conn",
    ],
)
def test_what_is_closed_only_if_it_is_a_connection_is_not_closed_otherwise(way: str) -> None:
    source = HEAD + CLOSED.format(f"{way}\n    conn.execute('DELETE FROM t')")
    result = fix(source, "unsafe")
    assert result.text == source
    assert len(result.reasons) == 1


OBJECTS = """\
class Store:
    def __init__(self, p):
        self.conn = sqlite3.connect(p)

    def sweep(self):
        self.conn.execute("DELETE FROM t")

    def close(self):
        self.conn.close()


def store(p):
    return Store(p){}


def f(p):
    found = store(p)
    found.sweep()
"""


def test_the_object_that_was_made_is_no_other() -> None:
    result = fix(HEAD + OBJECTS.format(""), "unsafe")
    assert "    with closing(store(p)) as found:\n        found.sweep()\n" in result.text
    assert result.left == ()


PARTS = """\
def opened(p):
    conn = sqlite3.connect(p)
    return {}


def f(p):
    {}
"""
WITH_CURSOR = "conn, conn.cursor()"


@pytest.mark.parametrize(
    ("given", "use"),
    [
        ('{"conn": conn}', 'found = opened(p)\n    conn = found["conn"]\n    conn.execute("DELETE FROM t")'),
        ('{"conn": conn}', 'return opened(p)["conn"].execute("SELECT 1").fetchall()'),
        (WITH_CURSOR, "found = opened(p)\n    found[0].execute('DELETE FROM t')\n    found[0].close()"),
        (WITH_CURSOR, "opened(p)"),
    ],
)
def test_what_holds_a_connection_is_not_closed_in_its_place(given: str, use: str) -> None:
    source = HEAD + PARTS.format(given, use)
    result = fix(source, "unsafe")
    assert result.text == source
    assert any("the connection is part of what `opened` gives" in reason for reason in result.reasons), result.reasons
    unpacked = fix(HEAD + PARTS.format(WITH_CURSOR, "conn, cur = opened(p)\n    conn.execute('DELETE FROM t')"))
    assert "    with closing(conn):\n" in unpacked.text


GIVEN = """\
class Database:
    def __init__(self, conn):
        self.conn = conn

    def count(self):
        return self.conn.execute("SELECT count(*) FROM t").fetchone()

    def close(self):
        self.conn.close()


def f(p):
    conn = sqlite3.connect(p)
    database = Database(conn)
    count = database.count()
    {}return count
"""


def test_what_an_object_releases_is_not_closed_before_its_last_use() -> None:
    source = HEAD + GIVEN.format("database.close()\n    ")
    result = fix(source, "unsafe")
    assert result.text == source
    assert any("may release it" in given for given in result.reasons), result.reasons
    assert "\n        count = database.count()" in fix(HEAD + GIVEN.format(""), "unsafe").text


SENT = """\
def store({0}, names):
    for name in names:
        {0}.execute("INSERT INTO users (name) VALUES (:name)", {{"name": name}})
"""


def test_batches_are_only_sent_by_what_can() -> None:
    source = SENT.format("session")
    result = fix(source, "unsafe")
    assert result.text == source
    assert any("whether `session` has `executemany` is not in sight" in given for given in result.reasons)
    assert "cursor.executemany(" in fix(SENT.format("cursor"), "unsafe").text


PAUSES = """\
import time

import psycopg2


def connected(dsn, pause=5, waited=0):
    for attempt in range(10):
        try:
            return psycopg2.connect(dsn)
        except psycopg2.OperationalError:
            {}
            time.sleep({})
"""


@pytest.mark.parametrize(
    ("says", "pause"),
    [
        ("print('again after', pause)", "pause"),
        ("print('again in 5 s')", "5"),
        ("waited += pause", "pause"),
        ("dsn.log(f'again in {dsn.pause}')", "dsn.pause"),
    ],
)
def test_a_pause_that_others_count_on_does_not_grow(says: str, pause: str) -> None:
    source = PAUSES.format(says, pause)
    result = fix(source, "unsafe")
    assert result.text == source
    assert any("its pause elsewhere" in given for given in result.reasons), result.reasons
    assert "time.sleep(delay)" in fix(PAUSES.format("print('again', attempt, dsn.name)", pause), "unsafe").text


WATCHED = """\
import time

import psycopg2


def connected(dsn, timeout):
    {}
    while {}:
        try:
            return psycopg2.connect(dsn)
        except psycopg2.OperationalError:
            {}
"""


@pytest.mark.parametrize(
    ("head", "handler"),
    [
        ("datetime.now() < deadline", "time.sleep(5)"),
        ("time.time() - started < timeout", "time.sleep(5)"),
        ("True", "if time.time() > deadline:\n                raise\n            time.sleep(5)"),
        ("time.time() < deadline", "deadline -= 1\n            time.sleep(5)"),
    ],
)
def test_a_longer_pause_does_not_outrun_a_clock(head: str, handler: str) -> None:
    source = WATCHED.format("deadline = started = time.time()", head, handler)
    result = fix(source, "unsafe")
    assert result.text == source
    assert any("watches a clock" in given for given in result.reasons), result.reasons


def test_a_pause_ends_at_the_deadline() -> None:
    text = fix(WATCHED.format("end = time.monotonic() + timeout", "time.monotonic() < end", "pass"), "unsafe").text
    assert "time.sleep(min(delay, max(0, end - time.monotonic())))" in text


def test_what_is_put_into_a_list_of_others_outlives_the_block() -> None:
    source = HEAD + "def f(p, found):\n    conn = sqlite3.connect(p)\n    found.append(conn.execute('SELECT 1'))\n"
    result = fix(source, "unsafe")
    assert result.text == source
    assert result.reasons == ["a cursor or result that needs the connection outlives the block"]


UNSAFE = {
    "nothing was opened": "try:\n        conn = sqlite3.connect(p)\n        cur = conn.cursor()\n"
    "        conn.rollback()\n"
    "    except OSError:\n        conn.rollback()\n    finally:\n        cur.close()\n        conn.close()",
    "generator": "conn = sqlite3.connect(p)\n    for row in conn.execute('SELECT 1').fetchall():\n        yield row\n"
    "    conn.close()",
    "still need": "from other import ask\n    conn = sqlite3.connect(p)\n    rows = ask(conn.cursor())\n"
    "    return rows",
    "deleted": "conn = sqlite3.connect(p)\n    conn.execute('SELECT 1')\n    del conn",
    "end before it": "conn = sqlite3.connect(p)\n    conn.execute('x')\n    with p.lock:\n        conn.execute('y')\n"
    "        conn.close()",
    "before the release": "conn = sqlite3.connect(p)\n    if conn.execute('SELECT 1').fetchone():\n"
    "        conn.close()\n        p.unlink()\n    else:\n        conn.close()",
}


@pytest.mark.parametrize("reason", UNSAFE)
def test_unsafe_only(reason: str) -> None:
    source = f"{HEAD}def f(p):\n    {UNSAFE[reason]}\n"
    careful = fix(source)
    assert careful.text == source
    assert any(reason in given for given in careful.reasons), careful.reasons
    assert fix(source, "unsafe").left == ()


FINISHED = """\
import sqlite3
from other import audit, log, out, state


def finish(conn, cur):
    {}
    conn.close()


def f(p):
    conn = sqlite3.connect(p)
    cur = conn.cursor()
    {}
    finish(conn, cur)
"""
DOES_MORE = (
    "conn.commit()", "cur.execute('y')", "conn.isolation_level = None", "assert cur.rowcount >= 0", "state['n'] += 1",
    "out.close()", "audit.logout()", "del state['n']",
)  # fmt: skip


@pytest.mark.parametrize(
    ("does", "work", "reason"),
    [
        ("cur.close()", "cur.execute('x')\n    cur.close()", "unsafe: `cur` would be closed twice"),
        ("cur.close()", "cur.execute('x')\n    cur = conn.execute('y')", "something that is made on the way"),
        (
            "cur.close()",
            "match p:\n        case cur:\n            conn.execute('y')",
            "something that is made on the way",
        ),
        *((does, "cur.execute('x')", "does more than that") for does in DOES_MORE),
    ],
)
def test_a_helper_may_close_what_is_there_already(does: str, work: str, reason: str) -> None:
    source = FINISHED.format(does, work)
    careful = fix(source)
    assert careful.text == source
    assert any(reason in given for given in careful.reasons), careful.reasons


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("    cur = conn.cursor()\n", "    cur = p.cursor\n", "something that is made on the way"),
        ("def f(p)", "def f(p, cur=None)", "closes `cur` as well"),
        ("    finish(conn, cur)", "    finish(conn, p.pop())", "does more than that"),
        ("def finish", "@audit\ndef finish", "does more than that"),
    ],
)
def test_a_helper_may_not_be_called_for_others(old: str, new: str, reason: str) -> None:
    source = FINISHED.format("cur.close()", "conn.execute('x')").replace(old, new)
    source = source.replace("    cur = conn.cursor()\n", "") if "None" in new else source
    result = fix(source)
    assert result.text == source
    assert any(reason in given for given in result.reasons), result.reasons


LATE = """\
import sqlite3


def f(p, q):
    conn = sqlite3.connect(p)
    conn.execute("x")
    {}
    conn = sqlite3.connect(q)
    conn.execute("x")
    conn.close()
    return {}
"""


@pytest.mark.parametrize(
    ("made", "used"),
    [
        ("rows = (conn.execute('y').fetchone() for _ in range(3))", "list(rows)"),
        ("ask = lambda: conn.execute('y').fetchone()", "ask()"),
        ("cur = conn.cursor()", "cur.fetchall()"),
        ("pass", "eval('conn.total_changes')"),
    ],
)
def test_what_runs_later_may_need_the_name(made: str, used: str) -> None:
    assert "    conn = sqlite3.connect(p)\n" in fix(LATE.format(made, used)).text


def test_settings_choose_rules() -> None:
    source = f"{HEAD}def f(p):\n    with sqlite3.connect(p) as conn:\n        conn.commit()\n"
    assert fix(source, settings=Settings(NOWHERE, fix="safe", unfixable=("LK103",))).text == source
    assert fix(source, settings=Settings(NOWHERE, fix="safe", fixable=("LK101",))).text == source
    lazy = f"{HEAD}def f(p):\n    {UNSAFE['deleted']}\n"
    assert fix(lazy, settings=Settings(NOWHERE, fix="safe", extend_safe_fixes=("LK101",))).text != lazy


def test_refusals_are_sentences_without_a_period() -> None:
    assert str(Refused("it is used elsewhere")) == "it is used elsewhere"


HELPED = """\
import sqlite3

from {module} import finish


def delete(path, ok):
    conn = sqlite3.connect(path)
    conn.execute("DELETE FROM t")
    finish(conn, ok)
"""
HELPER = """\
def finish(conn, ok):
    try:
        {work}
    finally:
        conn.close()
"""


@pytest.mark.parametrize("work", ["conn.commit()", "print(ok)"])
def test_what_a_helper_of_another_file_does_counts(work: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module = f"base_{work[:3]}"
    (tmp_path / f"{module}.py").write_text(HELPER.format(work=work))
    source = HELPED.format(module=module)
    result = fix(source, settings=Settings(tmp_path, fix="unsafe"))
    if work == "print(ok)":
        assert result.text.endswith("    finally:\n        finish(conn, ok)\n")
    else:
        assert result.text == source
        assert result.reasons == ["what releases `conn` does more than that"]


IN_ROUNDS = """\
import psycopg2


def finish(conn):
    conn.commit()
    conn.close()


def work(dsn, items):
    for item in items:
        conn = psycopg2.connect(dsn)
        try:
            conn.cursor().execute("DELETE FROM t WHERE id = %s", (item,))
        finally:
            {}
"""


def test_what_a_helper_does_for_each_round_is_not_done_once() -> None:
    settings = Settings(NOWHERE, select=("LK303",), fix="unsafe")
    source = IN_ROUNDS.format("finish(conn)")
    assert fix(source, settings=settings).text == source
    assert fix(IN_ROUNDS.format("conn.close()"), settings=settings).text.count("    for item in items:") == 1


GUARDED = """\
def f(p):
    conn = sqlite3.connect(p)
    try:
        conn.execute("DELETE FROM t")
    except Exception:
        if not conn is None:
            conn.close()
        raise
    conn.execute("VACUUM")
    conn.close()
"""


def test_a_guard_may_be_written_the_other_way_round() -> None:
    body = "        conn.execute('DELETE FROM t')\n        conn.execute('VACUUM')\n".replace("'", '"')
    assert fix(HEAD + GUARDED).text == f"{HEAD}def f(p):\n    with closing(sqlite3.connect(p)) as conn:\n{body}"


RELEASED_BEFORE_THE_PAUSE = """\
import time

import psycopg2


def work(dsn):
    conn = psycopg2.connect(dsn)
    if conn.execute("SELECT 1") is None:
        conn.close()
        time.sleep({0})
        return
    conn.close()
"""


def test_what_was_released_before_a_pause_is_not_held_over_it() -> None:
    source = RELEASED_BEFORE_THE_PAUSE.format("30")
    result = fix(source, "unsafe")
    assert result.text == source
    assert any("lead to another finding (LK201)" in given for given in result.reasons), result.reasons
    short = RELEASED_BEFORE_THE_PAUSE.format("0.001")
    assert fix(short, "unsafe").text != short


AN_OBJECT = """\
import asyncio
import sqlite3


class Repo:
    def __init__(self, path):
        self.conn = sqlite3.connect(path)

    def rows(self):
        return self.conn.execute("SELECT 1")

    def close(self):
        self.conn.close()


def cursor_of(repo):
    return repo.conn.cursor()


def rows_of(repo):
    return repo.rows()


def lazily(repo):
    return (row for row in repo.rows())


async def task(repo):
    return repo.rows().fetchall()


"""
OUTLIVING = (
    "def f(p):\n    repo = Repo(p)\n    return cursor_of(repo)\n",
    "def f(p):\n    repo = Repo(p)\n    return rows_of(repo)\n",
    "def f(p):\n    repo = Repo(p)\n    return lazily(repo)\n",
    "def f(p):\n    repo = Repo(p)\n    return task(repo)\n",
    "async def f(p):\n    repo = Repo(p)\n    return asyncio.create_task(task(repo))\n",
    "async def f(p):\n    repo = Repo(p)\n    asyncio.ensure_future(task(repo))\n",
    "def f(paths):\n    return [rows_of(Repo(p)) for p in paths]\n",
    "def f(paths):\n    return [sqlite3.connect(p).execute('SELECT 1').fetchone() for p in paths]\n",
)


@pytest.mark.parametrize("function", OUTLIVING)
def test_an_object_is_not_closed_before_what_it_gave_is_used(function: str) -> None:
    source = AN_OBJECT + function
    result = fix(source, "unsafe")
    assert result.found
    assert result.text == source


ROWS = """\
import sqlite3


def save(path, text):
    conn = sqlite3.connect(path)
    cursor = conn.cursor()
    {before}
    words = text.split()
    for word in words:
        cursor.execute("INSERT INTO t VALUES (?)", (word,))
    conn.commit()
    conn.close()
"""


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ("last = lambda: word", "what the loop binds is used elsewhere"),
        ("list = text.lower()", "`list` or `iter` is something else here"),
        ("conn.isolation_level = None", "unsafe: each row may be committed by itself"),
        ("conn.autocommit = True", "unsafe: each row may be committed by itself"),
    ],
)
def test_rows_that_are_not_sent_together(before: str, reason: str) -> None:
    chosen = Settings(NOWHERE, fix="safe", select=("LK301",))
    assert "executemany" in fix(ROWS.format(before="pass"), settings=chosen).text
    result = fix(ROWS.format(before=before), settings=chosen)
    assert "executemany" not in result.text
    assert any(given.startswith(reason) for given in result.reasons), result.reasons


BY_NAME = """\
import {module}


def save(rows: list[tuple[int, str]]):
    conn = {module}.connect("host=db")
    cursor = conn.cursor()
    for row in rows:
        cursor.execute("INSERT INTO t VALUES (%s, %s)", row)
    conn.commit()
    conn.close()
"""


def test_rows_are_sent_by_what_the_library_sends_many_by() -> None:
    chosen = Settings(NOWHERE, fix="safe", select=("LK301",))
    text = fix(BY_NAME.format(module="psycopg2"), settings=chosen).text
    assert 'execute_batch(cursor, "INSERT INTO t VALUES (%s, %s)", batch)' in text
    assert "page_size" in fix(BY_NAME.format(module="psycopg2"), settings=chosen._replace(batch_size=500)).text
    bracketed = BY_NAME.format(module="psycopg2").replace(
        '"INSERT INTO t VALUES (%s, %s)"', '("INSERT INTO t "\n        "VALUES (%s, %s)")'
    )
    assert 'execute_batch(cursor, ("INSERT INTO t "\n' in fix(bracketed, settings=chosen).text
    for behind in ("-- one", '" + behind + "'):
        commented = BY_NAME.format(module="psycopg2").replace('%s)"', f'%s) {behind}"')
        assert "execute_batch" not in fix(commented, settings=chosen).text
    result = fix(BY_NAME.format(module="duckdb"), settings=chosen)
    assert result.reasons == ["the library's `executemany` is a loop as well"]


def test_closing_may_have_another_name() -> None:
    source = f"{HEAD}def f(p):\n    conn = sqlite3.connect(p)\n    conn.execute('x')\n    conn.close()\n"
    source = source.replace("import closing", "import closing as shut")
    assert "    with shut(sqlite3.connect(p)) as conn:\n        conn.execute('x')\n" in fix(source).text


POOL = """\
import time

import psycopg2
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 20, "dbname=shop")


"""
LOST = f"""\
{POOL}def touch(sql):
    conn = pool.getconn()
    try:
        conn.cursor().execute(sql)
    {{}}
    finally:
        conn.close()
"""
AGAIN = "except psycopg2.OperationalError:\n        conn.close()\n        conn = pool.getconn()"


def test_a_connection_is_given_back_once() -> None:
    assert "    finally:\n        pool.putconn(conn)\n" in fix(LOST.format("except TypeError:\n        raise")).text
    result = fix(LOST.format(AGAIN))
    assert "putconn" not in result.text
    assert "unsafe: it may be given back twice" in result.reasons


def test_whether_it_is_closed_may_be_asked() -> None:
    source = POOL + "def touch():\n    conn = pool.getconn()\n    with conn:\n        pass\n    conn.close()\n    {}\n"
    assert "putconn" in fix(source.format("return 1")).text
    assert "putconn" not in fix(source.format("return conn.closed")).text


WAITS = f"""\
{POOL}def poll():
    conn = pool.getconn()
    try:
        time.sleep(5)
        conn.cursor().execute("SELECT 1")
    except {{}}:
        print("stopped")
    finally:
        pool.putconn(conn)
"""


def test_a_wait_stays_where_its_interrupt_is_handled() -> None:
    assert "    time.sleep(5)\n    conn = pool.getconn()\n" in fix(WAITS.format("psycopg2.Error")).text
    for caught in ("KeyboardInterrupt", "(ValueError, BaseException)"):
        assert "    time.sleep(5)\n    conn" not in fix(WAITS.format(caught)).text


LOCKED = """\
import time
from threading import Lock

from psycopg_pool import ConnectionPool

pool = ConnectionPool("dbname=shop", open=True)
LOCK = Lock()


def deliver(number):
    with {}:
        time.sleep(1.5)
        conn.execute("UPDATE mails SET sent = true WHERE id = %s", (number,))
"""


def test_a_wait_does_not_leave_what_else_its_block_is_for() -> None:
    assert "    time.sleep(1.5)\n    with pool" in fix(LOCKED.format("pool.connection() as conn")).text
    assert "    time.sleep(1.5)\n    with LOCK" not in fix(LOCKED.format("LOCK, pool.connection() as conn")).text
