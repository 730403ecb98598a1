"""How deep rewrites put what they add: as deep as the code around is, whatever stands in the text of strings."""

from __future__ import annotations

import pytest
from fixing import fix

HEAD = "import sqlite3\nfrom contextlib import closing\n\n\n"

DELETES = """\
def f(p, names):
{0}conn = sqlite3.connect(p)
{0}for name in names:
{0}{1}conn.execute("DELETE FROM t WHERE name = ?", (name,))
{0}conn.close()
"""
DELETED = """\
def f(p, names):
{0}with closing(sqlite3.connect(p)) as conn:
{0}{1}for name in names:
{0}{1}{1}conn.execute("DELETE FROM t WHERE name = ?", (name,))
"""


@pytest.mark.parametrize("width", ["    ", "  ", "\t"])
def test_a_new_block_is_indented_like_those_beside_it(width: str) -> None:
    assert fix(HEAD + DELETES.format("   ", width)).text == HEAD + DELETED.format("   ", width)


def test_with_nothing_beside_it_like_those_around_it() -> None:
    source = f"{HEAD}def f(p):\n  if p:\n     conn = sqlite3.connect(p)\n     conn.commit()\n"
    block = "     with closing(sqlite3.connect(p)) as conn:\n        conn.commit()\n"
    assert fix(source).text == f"{HEAD}def f(p):\n  if p:\n{block}"


IN_LOOP = '''\
"""
/**
 * @file: ledger.py
 */
"""
import psycopg2


def apply(dsn, picks, closing_price, closing_time, method):
    conn = psycopg2.connect(dsn)
    try:
        cursor = conn.cursor()
        for pick in picks:
            cursor.execute(
                "INSERT INTO picks VALUES (%s, %s, %s, %s, %s)",
                (float(closing_price), str(closing_time), method, float(pick["price_taken"]), int(pick["id"])),
            )
        conn.commit()
    finally:
        conn.close()
'''


def test_the_text_of_a_string_is_no_indentation() -> None:
    generator = [
        "        rows = (",
        '            (float(closing_price), str(closing_time), method, float(pick["price_taken"]), int(pick["id"]))',
        "            for pick in picks",
        "        )",
    ]
    assert "\n".join(generator) in fix(IN_LOOP, "unsafe").text


COMMENTED = """\
import psycopg2


def store(proposals: list):
    conn = psycopg2.connect("host=db")
    try:
        cursor = conn.cursor()
{}
        conn.commit()
    finally:
        conn.close()
"""
LOOP = """\
        for proposal in proposals:
            cursor.execute("INSERT INTO trims VALUES (%s, %s, %s)", (
                proposal.turn_id,
                proposal.kind,   # SQL column: tipo
                (proposal.score,
                    0),
            ))  # one by one"""
BATCHES = """\
        rows = (
            (
                proposal.turn_id,
                proposal.kind,   # SQL column: tipo
                (proposal.score,
                    0),
            )
            for proposal in proposals
        )
        while batch := list(islice(rows, 100)):
            execute_batch(cursor, "INSERT INTO trims VALUES (%s, %s, %s)", batch)  # one by one"""


def test_a_row_with_comments_keeps_its_lines() -> None:
    source = COMMENTED.format(LOOP)
    assert fix(source, "unsafe").text.partition("cursor()\n")[2] == COMMENTED.format(BATCHES).partition("cursor()\n")[2]
    send = 'cursor.execute("INSERT INTO trims VALUES (%s, %s, %s)", '
    named = source.replace(f"{send}(", "row = (").replace("))  # one", f")\n            {send}row)  # one")
    assert fix(named, "unsafe").text == named
    assert "a comment would be lost" in fix(named, "unsafe").reasons


NAMED = """\
        for proposal in proposals:
            # the importer pads them
            kind = proposal.kind.strip(){}
            if proposal.turn_id:{}
                cursor.execute("INSERT INTO trims VALUES (%s, %s)", (proposal.turn_id, kind))  # one by one"""


@pytest.mark.parametrize(("named", "tested"), [("  # NUL bytes stay", ""), ("", "  # see #12"), ("", "\n{}# not all")])
def test_a_comment_on_a_line_that_goes_into_the_row_is_not_lost(named: str, tested: str) -> None:
    plain = fix(COMMENTED.format(NAMED.format("", "")), "unsafe").text
    assert "            # the importer pads them\n" in plain
    assert "execute_batch(" in plain
    source = COMMENTED.format(NAMED.format(named, tested.format(" " * 16)))
    result = fix(source, "unsafe")
    assert (result.text, "a comment would be lost" in result.reasons) == (source, True)
