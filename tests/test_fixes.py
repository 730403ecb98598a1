"""Rewrites: what they make of code, what they leave alone, and what they refuse."""

from __future__ import annotations

import pytest
from fix_cases import REWRITES, code
from fixing import NOWHERE, fix

from leakcheck.engine import check
from leakcheck.fixes.rounds import mend
from leakcheck.fixes.text import apply
from leakcheck.settings import Settings


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


def test_edits_are_the_rewrite() -> None:
    source = code(REWRITES["closed at the end"][0])
    (found,) = check(source, "example.py", Settings(NOWHERE)).diagnostics
    assert found.fix is not None
    assert apply(source, found.fix.edits) == code(REWRITES["closed at the end"][1])


def test_what_closes_instead_of_giving_back_goes() -> None:
    head = "from psycopg2.pool import SimpleConnectionPool\n\npool = SimpleConnectionPool(1, 20)\n\n\ndef f():\n"
    before = "    conn = pool.getconn()\n    conn.cursor().execute('x')\n    conn.close()\n"
    after = "    conn = pool.getconn()\n    try:\n        conn.cursor().execute('x')\n    finally:\n"
    after += "        pool.putconn(conn)\n"
    assert fix(head + before).text == head + after


def test_a_rewrite_that_mends_two_findings_counts_twice() -> None:
    source = code(REWRITES["opened on every branch"][0])
    report = check(source, "example.py", Settings(NOWHERE))
    fixed = mend(
        source, report, lambda text: check(text, "example.py", Settings(NOWHERE)), Settings(NOWHERE, fix="safe")
    )
    assert fixed.rewrite is not None
    assert (len(report.diagnostics), fixed.rewrite.count) == (2, 2)


def test_what_cannot_be_entered_when_awaited_is_entered_at_once() -> None:
    head = "import asyncpg\n\n\nasync def f(pool: asyncpg.Pool):\n"
    body = "    async with {}pool.acquire() as conn:\n        await conn.execute('x')\n"
    result = fix(head + body.format("await "), "unsafe")
    assert result.text == head + body.format("")
    assert result.found[0].not_fixed == "unsafe: to enter what `await` gives raises; now the block is run"


def test_blocks_are_not_nested_deeper_than_python_takes() -> None:
    locked = "".join("    " * depth + "with lock:\n" for depth in range(1, 19))
    opened = "".join("    " * 19 + f"c{number} = sqlite3.connect(path)\n" for number in range(4))
    used = "".join("    " * 19 + f"c{number}.execute('x')\n" for number in range(4))
    result = fix(f"import sqlite3\n\n\ndef f(path, lock):\n{locked}{opened}{used}", "unsafe")
    compile(result.text, "f.py", "exec")
    assert len(result.found) > len(result.left) > 0
    assert any("would not compile" in reason for reason in result.reasons)


def test_what_a_nested_function_reads_ends_no_sooner_than_its_calls() -> None:
    head = "import sqlite3\nfrom contextlib import closing\n\n\ndef f(p):\n    def count():\n"
    head += "        return conn.execute('SELECT 1').fetchone()\n\n"
    body = "    with sqlite3.connect(p) as conn:\n        conn.execute('x')\n    print(count())\n    return p\n"
    result = fix(head + body)
    assert (result.text, result.reasons) == (head + body, ["unsafe: a nested function uses `conn`"])
    after = "    with closing(sqlite3.connect(p)) as conn:\n        with conn:\n            conn.execute('x')\n"
    assert fix(head + body, "unsafe").text == f"{head}{after}        print(count())\n    return p\n"


def test_what_the_next_round_reads_stays_open() -> None:
    body = "        if conn:\n            conn.execute('x')\n        with sqlite3.connect(p) as conn:\n"
    source = f"import sqlite3\n\n\ndef f(ps):\n    conn = None\n    for p in ps:\n{body}            conn.execute('y')\n"
    result = fix(source, "unsafe")
    assert result.text == source
    assert result.reasons == ["what needs the connection is used outside the block it is opened in"]


def test_a_close_that_may_be_of_another_connection_stays() -> None:
    head = "import sqlite3\nfrom contextlib import closing\n\n\ndef f(p, q):\n"
    before = "    with sqlite3.connect(p) as conn:\n        conn.execute('x')\n"
    before += "    if q:\n        conn = q()\n    conn.close()\n"
    after = "    with closing(sqlite3.connect(p)) as conn:\n        with conn:\n            conn.execute('x')\n"
    after += "        if q:\n            conn = q()\n        conn.close()\n"
    assert fix(head + before).text == head + after


OPENED = """\
    for n in range({rounds}):
        try:
            return sqlite3.connect("x")
        except OSError:
            {last}
"""
TRIES = {
    "the last round raises": ("tries=3", "", "tries", "if n == tries - 1: raise", True),
    "the last round raises, counted from one": ("tries=3", "", "1, tries + 1", "if n >= tries: raise", True),
    "the last round ends the process": ("tries=3", "", "tries", "if n == tries - 1: exit(1)", True),
    "as many rounds as the caller says": ("tries", "5", "tries", "if n < tries - 1: continue\n            raise", True),
    "as many rounds as somebody says": ("tries=3", "len(p)", "tries", "if n == tries - 1: raise", False),
    "no round": ("tries=3", "0", "tries", "if n == tries - 1: raise", False),
    "a round that never comes": ("tries=3", "", "tries", "if n == tries: raise", False),
    "a round that is broken off": ("tries=3", "", "tries", "if n: break\n            raise", False),
}


@pytest.mark.parametrize("name", TRIES)
def test_a_helper_that_tries_again_gives_none_if_it_can_give_up(name: str) -> None:
    parameter, given, rounds, last, never = TRIES[name]
    head = f"import sqlite3\nfrom contextlib import closing\n\n\ndef opened({parameter}):\n"
    head += OPENED.format(rounds=rounds, last=last)
    text = fix(f"{head}\n\ndef f(p):\n    conn = opened({given})\n    conn.execute('x')\n    conn.close()\n").text
    assert (f"with closing(opened({given})) as conn:" in text, "if conn is not None:" in text) == (never, not never)
