"""Rewrites: what they make of code, what they leave alone, and what they refuse."""

from __future__ import annotations

from textwrap import dedent

import pytest
from fixing import NOWHERE, fix

from leakcheck.engine import check
from leakcheck.fixes.text import Refused, apply
from leakcheck.settings import Settings

HEAD = "import sqlite3\nfrom contextlib import closing\n\n\n"


def code(text: str) -> str:
    return HEAD + dedent(text).lstrip("\n")


REWRITES = {
    "closed at the end": (
        """
        def f(p):
            conn = sqlite3.connect(p)  # ours
            # first
            conn.execute("DELETE FROM t")

            conn.close()
            return 1
        """,
        """
        def f(p):
            with closing(sqlite3.connect(p)) as conn:  # ours
                # first
                conn.execute("DELETE FROM t")

            return 1
        """,
    ),
    "never closed, up to the last use": (
        """
        def f(p):
            conn = sqlite3.connect(p)
            cur = conn.execute("SELECT 1")
            rows = cur.fetchall()
            return [row[0] for row in rows]
        """,
        """
        def f(p):
            with closing(sqlite3.connect(p)) as conn:
                cur = conn.execute("SELECT 1")
                rows = cur.fetchall()
            return [row[0] for row in rows]
        """,
    ),
    "try becomes with": (
        """
        def f(p):
            conn = sqlite3.connect(p)
            conn.execute("PRAGMA x")
            try:  # careful
                conn.execute("DELETE FROM t")
            finally:
                # always
                conn.close()
        """,
        """
        def f(p):
            with closing(sqlite3.connect(p)) as conn:
                conn.execute("PRAGMA x")
                # careful
                conn.execute("DELETE FROM t")
                # always
        """,
    ),
    "multi-line strings keep their text": (
        """
        def f(p):
            conn = sqlite3.connect(p)
            conn.execute('''
        DELETE
            FROM t''')
            conn.close()
        """,
        """
        def f(p):
            with closing(sqlite3.connect(p)) as conn:
                conn.execute('''
        DELETE
            FROM t''')
        """,
    ),
    "semicolons": (
        """
        def f(p):
            conn = sqlite3.connect(p)
            conn.execute("DELETE FROM t"); conn.close()
        """,
        """
        def f(p):
            with closing(sqlite3.connect(p)) as conn:
                conn.execute("DELETE FROM t")
        """,
    ),
    "a suite on one line": (
        """
        def f(p, q):
            conn = sqlite3.connect(p)
            if q: conn.close(); return 1
            if conn: conn.commit()
            conn.close()
            return 2
        """,
        """
        def f(p, q):
            with closing(sqlite3.connect(p)) as conn:
                if q: return 1
                if conn: conn.commit()
            return 2
        """,
    ),
    "the transaction stays": (
        """
        def f(p):
            with sqlite3.connect(p) as conn:
                conn.execute("DELETE FROM t")
        """,
        """
        def f(p):
            with closing(sqlite3.connect(p)) as conn, conn:
                conn.execute("DELETE FROM t")
        """,
    ),
    "used after its block": (
        """
        def f(p):
            with sqlite3.connect(p) as conn:
                conn.execute("DELETE FROM t")
            return conn.execute("SELECT 1").fetchone()
        """,
        """
        def f(p):
            with closing(sqlite3.connect(p)) as conn:
                with conn:
                    conn.execute("DELETE FROM t")
                return conn.execute("SELECT 1").fetchone()
        """,
    ),
    "handed over": (
        """
        def f(p):
            conn = sqlite3.connect(p)
            conn.execute("PRAGMA x")
            return conn
        """,
        """
        def f(p):
            conn = sqlite3.connect(p)
            try:
                conn.execute("PRAGMA x")
            except BaseException:
                conn.close()
                raise
            return conn
        """,
    ),
    "the acquire stays in its try": (
        """
        def f(p):
            try:
                conn = sqlite3.connect(p)
            except sqlite3.Error:
                return None
            rows = conn.execute("SELECT 1").fetchall()
            return rows
        """,
        """
        def f(p):
            try:
                conn = sqlite3.connect(p)
            except sqlite3.Error:
                return None
            with closing(conn):
                rows = conn.execute("SELECT 1").fetchall()
            return rows
        """,
    ),
    "what catches the error of close still does": (
        """
        def f(p):
            conn = sqlite3.connect(p)
            try:
                conn.execute("DELETE FROM t")
                conn.close()
            except sqlite3.Error:
                print("failed")
        """,
        """
        def f(p):
            conn = sqlite3.connect(p)
            try:
                with closing(conn):
                    conn.execute("DELETE FROM t")
            except sqlite3.Error:
                print("failed")
        """,
    ),
    "two connections": (
        """
        def f(p, q):
            a = sqlite3.connect(p)
            b = sqlite3.connect(q)
            b.executemany("INSERT INTO t VALUES (?)", a.execute("SELECT 1"))
            b.close()
            a.close()
        """,
        """
        def f(p, q):
            with closing(sqlite3.connect(p)) as a:
                with closing(sqlite3.connect(q)) as b:
                    b.executemany("INSERT INTO t VALUES (?)", a.execute("SELECT 1"))
        """,
    ),
    "opened on one branch": (
        """
        def f(conn=None):
            if conn is None:
                conn = sqlite3.connect("x")
            return conn.execute("SELECT 1").fetchall()
        """,
        """
        def f(conn=None):
            with ExitStack() as stack:
                if conn is None:
                    conn = stack.enter_context(closing(sqlite3.connect("x")))
                return conn.execute("SELECT 1").fetchall()
        """,
    ),
    "clean-up that fails": (
        """
        def f(p):
            conn = None
            try:
                conn = sqlite3.connect(p)
                cur = conn.cursor()
                cur.execute("DELETE FROM t")
            except sqlite3.Error:
                conn.rollback()
            finally:
                cur.close()
                if conn is not None:
                    conn.close()
        """,
        """
        def f(p):
            conn = None
            try:
                conn = sqlite3.connect(p)
                cur = conn.cursor()
                cur.execute("DELETE FROM t")
            except sqlite3.Error:
                conn.rollback()
            finally:
                try:
                    cur.close()
                finally:
                    if conn is not None:
                        conn.close()
        """,
    ),
}


@pytest.mark.parametrize("name", REWRITES)
def test_rewrite(name: str) -> None:
    before, after = map(code, REWRITES[name])
    after = after.replace("import closing", "import ExitStack, closing") if "ExitStack" in after else after
    result = fix(before)
    assert result.text == after
    assert result.left == ()
    assert fix(result.text).text == result.text


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("name", REWRITES)
def test_line_ends_stay(name: str, end: str) -> None:
    before, after = (code(text).replace("\n", end) for text in REWRITES[name])
    after = after.replace("import closing", "import ExitStack, closing") if "ExitStack" in after else after
    assert fix(before).text == after


REFUSALS = {
    "is handed to the caller": "conn = sqlite3.connect(p)\n    if p:\n        return conn\n    conn.commit()",
    "escapes to self.conn": "conn = sqlite3.connect(p)\n    if p:\n        self.conn = conn\n    conn.commit()",
    "outlives the block": "conn = sqlite3.connect(p)\n    return conn.execute('SELECT 1')",
    "used outside the block": "cur = None\n    if p:\n        conn = sqlite3.connect(p)\n        cur = conn.cursor()\n"
    "    return cur.execute('SELECT 1').fetchall()",
    "somebody else's": "conn = p or sqlite3.connect('x')\n    return conn.execute('SELECT 1').fetchall()",
    "elsewhere": "for q in p:\n        conn = sqlite3.connect(q)\n    conn.close()",
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_refused(reason: str) -> None:
    source = f"{HEAD}def f(p, self=None):\n    {REFUSALS[reason]}\n"
    result = fix(source, "unsafe")
    assert result.text == source
    assert any(reason in given for given in result.reasons), result.reasons


UNSAFE = {
    "nothing was opened": "try:\n        conn = sqlite3.connect(p)\n        cur = conn.cursor()\n"
    "        conn.rollback()\n"
    "    except OSError:\n        conn.rollback()\n    finally:\n        cur.close()\n        conn.close()",
    "generator": "conn = sqlite3.connect(p)\n    for row in conn.execute('SELECT 1').fetchall():\n        yield row\n"
    "    conn.close()",
    "still need": "from other import ask\n    conn = sqlite3.connect(p)\n    rows = ask(conn.cursor())\n"
    "    return rows",
    "deleted": "conn = sqlite3.connect(p)\n    conn.execute('SELECT 1')\n    del conn",
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


def test_settings_choose_rules() -> None:
    source = f"{HEAD}def f(p):\n    with sqlite3.connect(p) as conn:\n        conn.commit()\n"
    assert fix(source, settings=Settings(NOWHERE, fix="safe", unfixable=("LK103",))).text == source
    assert fix(source, settings=Settings(NOWHERE, fix="safe", fixable=("LK101",))).text == source
    lazy = f"{HEAD}def f(p):\n    {UNSAFE['deleted']}\n"
    assert fix(lazy, settings=Settings(NOWHERE, fix="safe", extend_safe_fixes=("LK101",))).text != lazy


def test_edits_are_the_rewrite() -> None:
    source = code(REWRITES["closed at the end"][0])
    (found,) = check(source, "example.py", Settings(NOWHERE)).diagnostics
    assert found.fix is not None
    assert apply(source, found.fix.edits) == code(REWRITES["closed at the end"][1])


def test_refusals_are_sentences_without_a_period() -> None:
    assert str(Refused("it is used elsewhere")) == "it is used elsewhere"
