"""Scenes of MySQL's drivers and pools, over MariaDB."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.live.scene import Scene, probe

_DATABASE = f"leakcheck_{os.getpid()}"  # the sessions of this process' scenes, in the process list


def _server() -> dict[str, Any]:
    url = urlsplit(os.environ["LEAKCHECK_MARIADB"])
    return {"host": url.hostname, "port": url.port, "user": url.username, "password": url.password or ""}


def _scratch() -> dict[str, Any]:
    return {**_server(), "database": _DATABASE}


class Observer:
    """Asks the server, over a session that is in no database."""

    def __init__(self) -> None:
        import pymysql

        self.conn = pymysql.connect(**_server(), autocommit=True)
        self.rows(f"CREATE DATABASE IF NOT EXISTS {_DATABASE}")

    def rows(self, query: str) -> list[Any]:
        with self.conn.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    def processes(self) -> list[int]:
        return [row[0] for row in self.rows(f"SELECT id FROM information_schema.processlist WHERE db = '{_DATABASE}'")]

    def sessions(self) -> int:
        return len(self.processes())


@contextmanager
def _observer() -> Iterator[Observer]:
    observer = Observer()
    try:
        yield observer
    finally:  # what a test lost on purpose must not be counted in the next
        for process in observer.processes():
            with suppress(Exception):  # it has just ended
                observer.rows(f"KILL {process}")
        observer.conn.close()


def _query(conn: Any) -> None:
    cursor = conn.cursor()
    cursor.execute("SELECT 1")
    cursor.fetchall()
    cursor.close()


async def _query_async(conn: Any) -> None:
    cursor = conn.cursor()
    cursor = await cursor if hasattr(cursor, "__await__") else cursor
    await cursor.execute("SELECT 1")
    await cursor.fetchall()
    await cursor.close()


@probe("pymysql.connect", server="mariadb")
async def _pymysql(folder: Path) -> AsyncIterator[Scene]:
    import pymysql

    with _observer() as seen:
        yield Scene(lambda: pymysql.connect(**_scratch()), seen.sessions, use=_query)


@probe("mysql.connector.connect", server="mariadb")
async def _connector(folder: Path) -> AsyncIterator[Scene]:
    import mysql.connector

    with _observer() as seen:
        connect = partial(mysql.connector.connect, **_scratch())
        yield Scene(connect, seen.sessions, use=_query, reopen=lambda conn: conn.reconnect())


def _taken(pool: Any) -> int:
    return int(pool.pool_size - pool._cnx_queue.qsize())


@probe("mysql.connector.pooling.MySQLConnectionPool.get_connection", server="mariadb")
async def _connector_get_connection(folder: Path) -> AsyncIterator[Scene]:
    from mysql.connector.pooling import MySQLConnectionPool

    with _observer():
        pool = MySQLConnectionPool(pool_name="live", pool_size=1, **_scratch())
        yield Scene(pool.get_connection, lambda: _taken(pool), pool, _query)


@probe("mysql.connector.connect", server="mariadb", keywords=True)
async def _connector_named_pool(folder: Path) -> AsyncIterator[Scene]:
    import mysql.connector
    from mysql.connector import pooling

    name = folder.name  # a pool of this name lives as long as the process
    connect = partial(mysql.connector.connect, pool_name=name, pool_size=1, **_scratch())
    with _observer():
        connect().close()
        yield Scene(connect, lambda: _taken(_pools(pooling)[name]), use=_query)


def _pools(pooling: Any) -> dict[str, Any]:
    return dict(pooling._CONNECTION_POOLS)


@probe("mysql.connector.pooling.MySQLConnectionPool", server="mariadb")
async def _connector_pool(folder: Path) -> AsyncIterator[Scene]:
    from mysql.connector.pooling import MySQLConnectionPool

    with _observer() as seen:
        yield Scene(lambda: MySQLConnectionPool(pool_name="live", pool_size=1, **_scratch()), seen.sessions)


def _plain() -> dict[str, Any]:
    return {**_scratch(), "ssl_disabled": True}  # the asynchronous one fails where the server speaks no TLS


@probe("mysql.connector.aio.connect", server="mariadb")
async def _connector_aio(folder: Path) -> AsyncIterator[Scene]:
    from mysql.connector.aio import connect

    with _observer() as seen:
        yield Scene(lambda: connect(**_plain()), seen.sessions, use=_query_async)


@probe("mysql.connector.aio.pooling.MySQLConnectionPool.get_connection", server="mariadb")
async def _connector_aio_get_connection(folder: Path) -> AsyncIterator[Scene]:
    from mysql.connector.aio.pooling import MySQLConnectionPool

    with _observer():
        pool = MySQLConnectionPool(pool_name="live", pool_size=1, **_plain())
        await pool.initialize_pool()
        yield Scene(pool.get_connection, lambda: _taken(pool), pool, _query_async)


@probe("mysql.connector.aio.connect", server="mariadb", keywords=True)
async def _connector_aio_named_pool(folder: Path) -> AsyncIterator[Scene]:
    from mysql.connector.aio import connect, pooling

    take = partial(connect, pool_name=folder.name, pool_size=1, **_plain())
    with _observer():
        await (await take()).close()
        yield Scene(take, lambda: _taken(_pools(pooling)[folder.name]), use=_query_async)


@probe("aiomysql.connect", server="mariadb")
async def _aiomysql(folder: Path) -> AsyncIterator[Scene]:
    import aiomysql

    with _observer() as seen:
        yield Scene(lambda: aiomysql.connect(**_names()), seen.sessions, use=_query_async)


def _names() -> dict[str, Any]:
    return {**_server(), "db": _DATABASE}


@probe("aiomysql.Pool.acquire", server="mariadb")
async def _aiomysql_acquire(folder: Path) -> AsyncIterator[Scene]:
    import aiomysql

    with _observer():
        pool = await aiomysql.create_pool(minsize=1, maxsize=1, **_names())
        yield Scene(pool.acquire, lambda: pool.size - pool.freesize, pool, _query_async)
        pool.terminate()


async def _wait_closed(pool: Any) -> None:
    await pool.wait_closed()


@probe("aiomysql.create_pool", server="mariadb")
async def _aiomysql_pool(folder: Path) -> AsyncIterator[Scene]:
    import aiomysql

    with _observer() as seen:
        yield Scene(lambda: aiomysql.create_pool(minsize=1, maxsize=1, **_names()), seen.sessions, finish=_wait_closed)
