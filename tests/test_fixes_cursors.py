"""LK108: a cursor that pins something on the server gets a `with` block, where nothing needs it later."""

from __future__ import annotations

import pytest
from fixing import NOWHERE, Fixed, fix

from leakcheck.settings import Settings

POSTGRES = "import psycopg2.extensions\n\n\ndef f(conn: psycopg2.extensions.connection, keep=None):\n"
TRINO = "import trino.dbapi\n\n\ndef f(conn: trino.dbapi.Connection):\n"


def fixed(head: str, *body: str) -> Fixed:
    text = head + "".join(f"    {line}\n" for line in body)
    return fix(text, "unsafe", Settings(NOWHERE, fix="unsafe", select=("LK108",)))


def test_up_to_the_last_use() -> None:
    result = fixed(POSTGRES, "c = conn.cursor(", "    name='a',", ")  # big", "c.execute('x')", "print(1)")
    block = "    with conn.cursor(\n        name='a',\n    ) as c:  # big\n        c.execute('x')\n    print(1)\n"
    assert result.text == POSTGRES + block
    assert result.left == ()


def test_closing_where_its_with_is_not_known_to_close() -> None:
    result = fixed(TRINO, "c = conn.cursor()", "c.execute('x')", "for row in c:", "    print(row)")
    assert "with closing(conn.cursor()) as c:\n        c.execute('x')\n        for row in c:\n" in result.text
    assert result.text.startswith("from contextlib import closing\n")


def test_never_safe() -> None:
    text = f"{TRINO}    c = conn.cursor()\n    c.execute('x')\n"
    result = fix(text, "safe", Settings(NOWHERE, fix="safe", select=("LK108",)))
    assert result.text == text
    assert result.reasons[0].startswith("unsafe: closing it asks the server")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (["c.execute('x')", "conn.commit()", "print(c.fetchone())"], "`conn.commit` is called while"),
        (["return (row for row in c.fetchall())"], "by a function or a generator"),
        (["def later():", "    c.execute('x')", "return later"], "by a function or a generator"),
        (["c.execute('x'); print(1)"], "share a line"),
        ([], "the cursor is not used"),
    ],
)
def test_refused(body: list[str], reason: str) -> None:
    result = fixed(POSTGRES, "c = conn.cursor('a')", *body)
    assert [reason in why for why in result.reasons] == [True]


@pytest.mark.parametrize(
    "body",
    [
        ["c.close()"],
        ["with c:", "    pass"],
        ["keep.c = c"],
        ["keep(c)"],
        ["yield c"],
        ["return c.execute('x')"],
        ["conn.close()"],
        ["c = None"],
    ],
)
def test_silent_where_somebody_else_may_close_it(body: list[str]) -> None:
    assert fixed(POSTGRES, "c = conn.cursor('a')", *body).found == ()


@pytest.mark.parametrize("call", ["conn.cursor()", "conn.cursor(None)", "conn.cursor(cursor_factory=F)"])
def test_silent_on_ordinary_cursors(call: str) -> None:
    assert fixed(POSTGRES, f"c = {call}", "c.execute('x')").found == ()
