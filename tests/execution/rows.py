"""Functions that write rows, made up at random, and what they leave in a real database: proof for rewrites of loops."""

from __future__ import annotations

import random
import sqlite3
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

HEADER = """import subprocess
import time
from contextlib import closing

from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 20, "host=db")


def generate(rows):
    for row in rows:
        yield row


"""
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Outcome:
    """What a run did: the rows it left, the exception it ended with, and the connections still out."""

    rows: tuple[Any, ...]
    error: str
    result: object
    out: int
    called: tuple[str, ...]  # other programs


class _Pool:
    """Hands out connections to one real database, as psycopg2's pool would."""

    def __init__(self, path: str) -> None:
        self.path, self.out = path, 0

    def getconn(self) -> sqlite3.Connection:
        self.out += 1
        return sqlite3.connect(self.path)

    def putconn(self, connection: sqlite3.Connection) -> None:
        self.out -= 1
        connection.close()


def run(source: str, rows: Rows, path: str) -> Outcome:
    """Run `work(rows)` of a text on a fresh database that refuses a second row with the same key."""
    with _open(path) as connection:
        connection.executescript(
            "DROP TABLE IF EXISTS t; CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT NOT NULL, at INTEGER);"
            "INSERT INTO t VALUES (-1, 'old', 0), (-2, 'older', 0)"
        )
    pool = _Pool(path)
    with _driver(pool):
        space: dict[str, Any] = {}
        exec(compile(source, "<work>", "exec"), space)
        space["time"] = types.SimpleNamespace(sleep=lambda seconds: None)
        called: list[str] = []
        space["subprocess"] = types.SimpleNamespace(run=called.extend)
        error, result = "", None
        try:
            result = space["work"](rows)
        except sqlite3.Error as raised:
            error = type(raised).__name__
    with _open(path) as connection:
        left = tuple(connection.execute("SELECT a, b FROM t ORDER BY a").fetchall())
    return Outcome(left, error, result, pool.out, tuple(called))


@contextmanager
def _open(path: str) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path)
    try:
        with connection:
            yield connection
    finally:
        connection.close()


@contextmanager
def _driver(pool: _Pool) -> Iterator[None]:
    """`psycopg2`, whose pools are all this one."""
    fakes = {name: types.ModuleType(name) for name in ("psycopg2", "psycopg2.pool", "psycopg2.extras")}
    fakes["psycopg2.pool"].ThreadedConnectionPool = lambda *_: pool  # type: ignore[attr-defined]
    fakes["psycopg2.extras"].execute_batch = _execute_batch  # type: ignore[attr-defined]
    before = {name: sys.modules.get(name) for name in fakes}
    sys.modules.update(fakes)
    try:
        yield
    finally:
        for name, known in before.items():
            if known is None:
                del sys.modules[name]
            else:
                sys.modules[name] = known


def _execute_batch(cursor: sqlite3.Cursor, statement: str, rows: Iterable[Any], page_size: int = 100) -> None:
    """As psycopg2's: it takes a page of rows at a time, and sends the statements of a page together."""
    left = iter(rows)
    while page := list(islice(left, page_size)):
        for row in page:
            cursor.execute(statement, row)


def data(chance: random.Random, fails: bool) -> Rows:
    """Rows to write; where they are to fail, one has a key twice."""
    rows: Rows = [(key, f"word {key} ") for key in range(chance.randrange(12))]
    if fails and rows:
        rows.insert(chance.randrange(len(rows) + 1), chance.choice(rows))
    return rows


_SENT = (
    ("INSERT INTO t (a, b) VALUES (?, ?)", "({a}, {b})"),
    ("UPDATE t SET b = ? WHERE a = ?", "({b}, {a} - 2)"),
    ("DELETE FROM t WHERE a = ?", "({a} - 2,)"),
    ("REPLACE INTO t (a, b) VALUES (:a, :b)", '{{"a": {a}, "b": {b}}}'),
)
_LOOPS = (
    ("for row in {rows}:", "row[0]", "row[1]"),
    ("for a, b in {rows}:", "a", "b.strip()"),
    ("for number, (a, b) in enumerate({rows}):", "a", "f'{{b}}{{number}}'"),
    ("for a in dict({rows}):", "a", "str(a)"),
)
_SOURCES = ("rows", "list(rows)", "generate(rows)", "[row for row in rows if row[0] != 3]", "rows[1:]")


def loop(chance: random.Random) -> str:
    """A function that sends one statement a row."""
    sql, row = chance.choice(_SENT)
    head, a, b = chance.choice(_LOOPS)
    a, b = a.replace("{{", "{").replace("}}", "}"), b.replace("{{", "{").replace("}}", "}")
    parameters, before, indent = row.format(a=a, b=b), [], " " * 12
    if chance.random() < 0.3:
        before, parameters = [f"{indent}values = {parameters}"], "values"
    body = [f'{indent}cursor.execute("{sql}", {parameters})']
    if chance.random() < 0.2:
        body = [f"{indent}cursor.execute(", f'{indent}    "{sql}",', f"{indent}    {parameters},", f"{indent})"]
    elif chance.random() < 0.3:
        body = [f"{indent}if {a} % 2:", f"    {body[0]}"]
    elif chance.random() < 0.3:
        body.append(f"{indent}conn.commit()")
    iterable = chance.choice(_SOURCES)
    annotated = "rows: list[tuple[int, str]]" if chance.random() < 0.6 else "rows"
    lines = ["        cursor = conn.cursor()", f"        {head.format(rows=iterable)}", *before, *body]
    lines += ["        conn.commit()", "        return 'done'"]
    return HEADER + _in_connection(f"def work({annotated}):", lines)


def waits(chance: random.Random) -> str:
    """A function that sleeps at the beginning or the end of its connection's block."""
    return _pausing(chance, "time.sleep(0.01)")


def calls(chance: random.Random) -> str:
    """The same with another program that is waited for."""
    return _pausing(chance, f'subprocess.run(["report{chance.randrange(9)}"])')


def _pausing(chance: random.Random, wait: str) -> str:
    insert = '        conn.cursor().execute("INSERT INTO t (a, b) VALUES (?, ?)", rows[0])'
    work = [insert, "        conn.commit()"][: chance.choice((1, 2, 2, 2))]
    sleep = ["        # not too fast"] * chance.randrange(2) + [f"        {wait}"]
    return HEADER + _in_connection("def work(rows):", [*sleep, *work] if chance.random() < 0.6 else [*work, *sleep])


def _in_connection(head: str, body: list[str]) -> str:
    lines = [head, "    conn = pool.getconn()", "    try:", *body, "    finally:", "        pool.putconn(conn)"]
    return "\n".join(lines) + "\n"


Maker = Callable[[random.Random], str]
