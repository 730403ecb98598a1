"""Scenes of PostgreSQL's drivers and pools."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.live.scene import Scene, probe

NAME = f"leakcheck-{os.getpid()}"  # the sessions of this process' scenes, in pg_stat_activity
_ROWS = f"leakcheck_{os.getpid()}"
_INSERT = f"INSERT INTO {_ROWS} VALUES (1)"


def _url() -> str:
    return f"{os.environ['LEAKCHECK_POSTGRES']}?application_name={NAME}"


class Observer:
    """Asks the server, over a session of its own."""

    def __init__(self) -> None:
        import psycopg2

        self.conn = psycopg2.connect(os.environ["LEAKCHECK_POSTGRES"])
        self.conn.autocommit = True
        self.ask(f"DROP TABLE IF EXISTS {_ROWS}; CREATE TABLE {_ROWS} (n INT); SELECT 0")

    def ask(self, query: str) -> int:
        with self.conn.cursor() as cursor:
            cursor.execute(query)
            return int(cursor.fetchone()[0])

    def sessions(self) -> int:
        return self.ask(f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{NAME}'")

    def rows(self) -> int:
        return self.ask(f"SELECT count(*) FROM {_ROWS}")


@contextmanager
def observer() -> Iterator[Observer]:
    """An observer that ends the sessions of the scene: what a test lost on purpose must not count in the next."""
    seen = Observer()
    try:
        yield seen
    finally:
        seen.ask(f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = '{NAME}'")
        seen.conn.close()


def _execute(statement: str) -> Callable[[Any], Any]:
    return lambda conn: conn.cursor().execute(statement)


async def _select(conn: Any) -> None:
    await conn.execute("SELECT 1")


@probe("psycopg2.connect", server="postgres")
async def _psycopg2(folder: Path) -> AsyncIterator[Scene]:
    import psycopg2

    with observer() as seen:
        use, write = _execute("SELECT 1"), _execute(_INSERT)
        yield Scene(lambda: psycopg2.connect(_url()), seen.sessions, use=use, write=write, written=seen.rows)


@probe("psycopg2.pool.AbstractConnectionPool.getconn", server="postgres")
async def _psycopg2_getconn(folder: Path) -> AsyncIterator[Scene]:
    from psycopg2.pool import ThreadedConnectionPool

    with observer() as seen:
        pool = ThreadedConnectionPool(0, 1, _url())
        use, write = _execute("SELECT 1"), _execute(_INSERT)
        yield Scene(pool.getconn, lambda: len(pool._used), pool, use, write=write, written=seen.rows)
        pool.closeall()


@probe("psycopg2.pool.AbstractConnectionPool", server="postgres")
async def _psycopg2_pool(folder: Path) -> AsyncIterator[Scene]:
    from psycopg2.pool import SimpleConnectionPool

    with observer() as seen:
        yield Scene(lambda: SimpleConnectionPool(1, 1, _url()), seen.sessions)


@probe("psycopg.connect", server="postgres")
async def _psycopg(folder: Path) -> AsyncIterator[Scene]:
    import psycopg

    with observer() as seen:
        use, write = _execute("SELECT 1"), _execute(_INSERT)
        yield Scene(lambda: psycopg.connect(_url()), seen.sessions, use=use, write=write, written=seen.rows)


@probe("psycopg.AsyncConnection.connect", server="postgres")
async def _psycopg_async(folder: Path) -> AsyncIterator[Scene]:
    import psycopg

    with observer() as seen:
        connect = lambda: psycopg.AsyncConnection.connect(_url())  # noqa: E731
        yield Scene(connect, seen.sessions, use=_select, write=lambda c: c.execute(_INSERT), written=seen.rows)


def _out(pool: Any) -> int:
    stats = pool.get_stats()
    return int(stats["pool_size"] - stats["pool_available"])


async def _psycopg_pool_checkout(method: str, folder: Path) -> AsyncIterator[Scene]:
    from psycopg_pool import ConnectionPool

    with observer() as seen, ConnectionPool(_url(), min_size=1, max_size=1, timeout=0.2, open=True) as pool:
        pool.wait()
        acquire = getattr(pool, method)
        patience = ConnectionPool("", open=False).timeout
        use, write = _execute("SELECT 1"), _execute(_INSERT)
        yield Scene(acquire, lambda: _out(pool), pool, use, write=write, written=seen.rows, patience=patience)


async def _psycopg_async_checkout(method: str, folder: Path) -> AsyncIterator[Scene]:
    from psycopg_pool import AsyncConnectionPool

    pool = AsyncConnectionPool(_url(), min_size=1, max_size=1, timeout=0.2, open=False)
    with observer() as seen:
        async with pool:
            await pool.wait()
            acquire = getattr(pool, method)
            patience = AsyncConnectionPool("", open=False).timeout
            yield Scene(
                acquire,
                lambda: _out(pool),
                pool,
                use=_select,
                write=lambda conn: conn.execute(_INSERT),
                written=seen.rows,
                patience=patience,
            )


for _method in ("getconn", "connection"):
    probe(f"psycopg_pool.ConnectionPool.{_method}", server="postgres")(partial(_psycopg_pool_checkout, _method))
    probe(f"psycopg_pool.AsyncConnectionPool.{_method}", server="postgres")(partial(_psycopg_async_checkout, _method))


@probe("psycopg_pool.ConnectionPool", server="postgres")
async def _psycopg_pool(folder: Path) -> AsyncIterator[Scene]:
    from psycopg_pool import ConnectionPool

    with observer() as seen:
        yield Scene(lambda: ConnectionPool(_url(), min_size=1, open=True), seen.sessions, use=lambda pool: pool.wait())


@probe("psycopg_pool.AsyncConnectionPool", server="postgres")
async def _psycopg_async_pool(folder: Path) -> AsyncIterator[Scene]:
    from psycopg_pool import AsyncConnectionPool

    with observer() as seen:
        acquire = lambda: AsyncConnectionPool(_url(), min_size=1, open=False)  # noqa: E731
        yield Scene(acquire, seen.sessions, use=lambda pool: pool.open(wait=True))


@probe("asyncpg.connect", server="postgres")
async def _asyncpg(folder: Path) -> AsyncIterator[Scene]:
    import asyncpg

    with observer() as seen:
        yield Scene(lambda: asyncpg.connect(_url()), seen.sessions, use=_select)


@probe("asyncpg.pool.Pool.acquire", server="postgres")
async def _asyncpg_acquire(folder: Path) -> AsyncIterator[Scene]:
    import asyncpg

    with observer() as seen:
        pool = await asyncpg.create_pool(_url(), min_size=1, max_size=1)
        assert seen.sessions() == 1
        yield Scene(pool.acquire, lambda: pool.get_size() - pool.get_idle_size(), pool, _select)
        pool.terminate()


@probe("asyncpg.create_pool", server="postgres")
async def _asyncpg_pool(folder: Path) -> AsyncIterator[Scene]:
    import asyncpg

    with observer() as seen:
        yield Scene(lambda: asyncpg.create_pool(_url(), min_size=1, max_size=1), seen.sessions)
