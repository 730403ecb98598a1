"""The situations of the guide against `pool exhausted`, and of the report on resilient engines, in code of our own."""

from __future__ import annotations

from pathlib import Path

import pytest

from leakcheck.engine import check
from leakcheck.settings import Settings

POOL = """
import time

import mysql.connector
from mysql.connector.pooling import MySQLConnectionPool

pool = MySQLConnectionPool(pool_name="desk", pool_size=20)


"""

MISTAKES = {
    "pool of five": ("LK401", "small = MySQLConnectionPool(pool_name='small', pool_size=5)\n"),
    "never returned": (
        "LK101",
        """
def read():
    connection = pool.get_connection()
    cursor = connection.cursor()
    cursor.execute("SELECT 1")
""",
    ),
    "held through a sleep": (
        "LK201",
        """
def read():
    with pool.get_connection() as connection:
        time.sleep(60)
        connection.cursor().execute("SELECT 1")
""",
    ),
    "two thousand single inserts": (
        "LK301",
        """
def store(cursor, tickets):
    for i in range(2000):
        cursor.execute("INSERT INTO tickets VALUES (%s)", (tickets[i],))
""",
    ),
    "tried again at once": (
        "LK502",
        """
def connect():
    for _ in range(3):
        try:
            return pool.get_connection()
        except mysql.connector.errors.PoolError:
            pass
    raise RuntimeError("no connection")
""",
    ),
    "unbound cursor in the recommended finally": (
        "LK102",
        """
def store(tickets):
    connection = pool.get_connection()
    try:
        cursor = connection.cursor()
        cursor.executemany("INSERT INTO tickets VALUES (%s)", tickets)
        connection.commit()
    finally:
        cursor.close()
        connection.close()
""",
    ),
    "given back only while it is connected": (
        "LK104",
        """
def read():
    connection = pool.get_connection()
    try:
        connection.cursor().execute("SELECT 1")
    finally:
        if connection.is_connected():
            connection.close()
""",
    ),
    "engine without protection": (
        "LK402",
        "from sqlalchemy import create_engine\n\nengine = create_engine('postgresql://dashboard/health')\n",
    ),
}

RECOMMENDED = {
    "larger pool": "",
    "three attempts, each pause twice as long": """
def connect(max_retries=3, retry_delay=1):
    for attempt in range(max_retries):
        try:
            return pool.get_connection()
        except mysql.connector.errors.PoolError:
            if attempt < max_retries - 1:
                time.sleep(retry_delay)
                retry_delay *= 2
    raise RuntimeError("no connection")
""",
    "in batches, each committed": """
def store(connection, cursor, tickets):
    for i in range(0, 2000, 100):
        batch = tickets[i : i + 100]
        cursor.executemany("INSERT INTO tickets VALUES (%s)", batch)
        connection.commit()
""",
    "context manager that always gives back": """
from contextlib import contextmanager


@contextmanager
def connection_context():
    connection = None
    try:
        connection = pool.get_connection()
        yield connection
    except Exception:
        if connection:
            connection.rollback()
        raise
    finally:
        if connection:
            connection.close()


def read():
    with connection_context() as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        cursor.close()
""",
    "decorator that tries again": """
import functools


def retried(max_retries=3, retry_delay=1):
    def decorator(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            for attempt in range(max_retries):
                try:
                    return function(*args, **kwargs)
                except mysql.connector.Error:
                    if attempt == max_retries - 1:
                        raise
                    time.sleep(retry_delay * 2**attempt)

        return wrapper

    return decorator


@retried(max_retries=3)
def store(tickets):
    with pool.get_connection() as connection:
        connection.cursor().executemany("INSERT INTO tickets VALUES (%s)", tickets)
        connection.commit()
""",
    "thirty threads that each take one": """
import threading


def worker():
    with pool.get_connection() as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT SLEEP(1)")
        cursor.close()


def stress():
    threads = [threading.Thread(target=worker) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
""",
    "short block": """
def read():
    time.sleep(60)
    with pool.get_connection() as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        return cursor.fetchall()
""",
    "resilient engine": """
from sqlalchemy import create_engine

engine = create_engine(
    "postgresql://dashboard/health", pool_pre_ping=True, pool_recycle=1800, pool_timeout=10, pool_use_lifo=True
)
""",
}


def _codes(body: str, folder: Path) -> list[str]:
    return [found.code for found in check(POOL + body, "service.py", Settings(root=folder)).diagnostics]


@pytest.mark.parametrize(("code", "body"), MISTAKES.values(), ids=list(MISTAKES))
def test_mistake_is_found(code: str, body: str, tmp_path: Path) -> None:
    assert _codes(body, tmp_path) == [code]


@pytest.mark.parametrize("body", RECOMMENDED.values(), ids=list(RECOMMENDED))
def test_recommended_form_is_accepted(body: str, tmp_path: Path) -> None:
    assert _codes(body, tmp_path) == []


def test_a_missing_retry_is_found_when_asked_for(tmp_path: Path) -> None:
    body = "def read():\n    with pool.get_connection() as one:\n        one.cursor().execute('SELECT 1')\n"
    settings = Settings(root=tmp_path, select=("LK501",))
    assert [found.code for found in check(POOL + body, "service.py", settings).diagnostics] == ["LK501"]
    retried = POOL + RECOMMENDED["decorator that tries again"]
    assert check(retried, "service.py", settings).diagnostics == ()
