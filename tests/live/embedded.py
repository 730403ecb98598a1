"""Scenes of databases inside the process: nothing to install but the library."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from tests.live.scene import Scene, open_files, probe

_CREATE, _INSERT, _COUNT = "CREATE TABLE rows (n INT)", "INSERT INTO rows VALUES (1)", "SELECT count(*) FROM rows"


def _query(conn: Any) -> None:
    conn.execute("SELECT 1").fetchall()


def table(path: Path) -> Callable[[], int]:
    """Make an SQLite file with a table; gives a count of its rows, as another connection sees them."""

    def run(statement: str) -> Any:
        conn = sqlite3.connect(path)
        try:
            return conn.execute(statement).fetchone()
        finally:
            conn.close()

    run(_CREATE)
    return lambda: int(run(_COUNT)[0])


@probe("sqlite3.connect")
async def _sqlite3(folder: Path) -> AsyncIterator[Scene]:
    file = folder / "rows.db"
    written = table(file)
    yield Scene(
        lambda: sqlite3.connect(file),
        lambda: open_files(file),
        use=_query,
        write=lambda conn: conn.execute(_INSERT),
        written=written,
    )


@probe("duckdb.connect")
async def _duckdb(folder: Path) -> AsyncIterator[Scene]:
    import duckdb

    file = folder / "rows.duckdb"
    yield Scene(lambda: duckdb.connect(str(file)), lambda: open_files(file), use=_query)


@probe("aiosqlite.connect")
async def _aiosqlite(folder: Path) -> AsyncIterator[Scene]:
    import aiosqlite

    file = folder / "rows.db"
    table(file)

    async def use(conn: Any) -> None:
        await (await conn.execute("SELECT 1")).close()

    yield Scene(lambda: aiosqlite.connect(file), lambda: open_files(file), use=use)


@probe("dbutils.pooled_db.PooledDB.connection")
async def _dbutils_checkout(folder: Path) -> AsyncIterator[Scene]:
    from dbutils.pooled_db import PooledDB

    pool = PooledDB(sqlite3, maxconnections=1, database=folder / "rows.db", check_same_thread=False)
    yield Scene(pool.connection, lambda: pool._connections, pool, lambda conn: conn.cursor().execute("SELECT 1"))
    pool.close()


@probe("dbutils.pooled_db.PooledDB")
async def _dbutils_pool(folder: Path) -> AsyncIterator[Scene]:
    from dbutils.pooled_db import PooledDB

    file = folder / "rows.db"
    table(file)
    yield Scene(lambda: PooledDB(sqlite3, mincached=1, database=file), lambda: open_files(file))


@probe("dbutils.steady_db.connect")
async def _dbutils_steady(folder: Path) -> AsyncIterator[Scene]:
    from dbutils.steady_db import connect

    file = folder / "rows.db"
    written = table(file)
    yield Scene(
        lambda: connect(sqlite3, database=file),
        lambda: open_files(file),
        use=lambda conn: conn.cursor().execute("SELECT 1"),
        write=lambda conn: conn.cursor().execute(_INSERT),
        written=written,
    )


@probe("peewee.Database.connect")
async def _peewee(folder: Path) -> AsyncIterator[Scene]:
    from playhouse.pool import PooledSqliteDatabase

    database = PooledSqliteDatabase(folder / "rows.db", max_connections=1)

    def acquire() -> Any:
        database.connect()
        return database

    yield Scene(acquire, lambda: len(database._in_use))
    database.close_all()


@probe("peewee.Database.connection_context")
async def _peewee_block(folder: Path) -> AsyncIterator[Scene]:
    from peewee import SqliteDatabase

    file = folder / "rows.db"
    table(file)
    yield Scene(SqliteDatabase(file).connection_context, lambda: open_files(file))
