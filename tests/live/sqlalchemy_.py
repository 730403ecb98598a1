"""Scenes of SQLAlchemy over SQLite files, sync and async."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.live import postgres
from tests.live.embedded import table
from tests.live.scene import Scene, open_files, probe

_ONE_PLACE = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.1}


def _sql(statement: str) -> Any:
    from sqlalchemy import text

    return text(statement)


def _use(conn: Any) -> None:
    conn.execute(_sql("SELECT 1")).all()


def _use_raw(conn: Any) -> None:
    conn.cursor().execute("SELECT 1")


def _write(conn: Any) -> Any:
    return conn.execute(_sql("INSERT INTO rows VALUES (1)"))


def _session(engine: Any) -> Any:
    from sqlalchemy.orm import Session

    return Session(engine)


def _session_begin(engine: Any) -> Any:
    from sqlalchemy.orm import sessionmaker

    return sessionmaker(engine).begin()


def _async_session(engine: Any) -> Any:
    from sqlalchemy.ext.asyncio import AsyncSession

    return AsyncSession(engine)


def _async_session_begin(engine: Any) -> Any:
    from sqlalchemy.ext.asyncio import async_sessionmaker

    return async_sessionmaker(engine).begin()


def _patience() -> float:
    from sqlalchemy import QueuePool

    return float(QueuePool(lambda: None)._timeout)  # type: ignore[arg-type, return-value]


async def _checkout(acquire: Callable[[Any], Any], use: Callable[[Any], Any], folder: Path) -> AsyncIterator[Scene]:
    from sqlalchemy import QueuePool, create_engine

    file = folder / "rows.db"
    written = table(file)
    engine = create_engine(f"sqlite:///{file}", poolclass=QueuePool, **_ONE_PLACE)
    yield Scene(
        lambda: acquire(engine),
        engine.pool.checkedout,
        use=use,
        write=_write,
        written=written,
        patience=_patience(),
    )
    engine.dispose()


async def _use_async(conn: Any) -> None:
    (await conn.execute(_sql("SELECT 1"))).all()


async def _async_checkout(
    acquire: Callable[[Any], Any], use: Callable[[Any], Any], folder: Path
) -> AsyncIterator[Scene]:
    from sqlalchemy import AsyncAdaptedQueuePool
    from sqlalchemy.ext.asyncio import create_async_engine

    file = folder / "rows.db"
    written = table(file)
    engine = create_async_engine(f"sqlite+aiosqlite:///{file}", poolclass=AsyncAdaptedQueuePool, **_ONE_PLACE)
    yield Scene(
        lambda: acquire(engine),
        engine.sync_engine.pool.checkedout,  # type: ignore[attr-defined]
        use=use,
        write=_write,
        written=written,
        patience=_patience(),
    )
    await engine.dispose()


_SYNC: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "sqlalchemy.engine.Engine.connect": (lambda engine: engine.connect(), _use),
    "sqlalchemy.engine.Engine.begin": (lambda engine: engine.begin(), _use),
    "sqlalchemy.engine.Engine.raw_connection": (lambda engine: engine.raw_connection(), _use_raw),
    "sqlalchemy.orm.Session": (_session, _use),
    "sqlalchemy.orm.sessionmaker.begin": (_session_begin, _use),
}
_ASYNC: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "sqlalchemy.ext.asyncio.AsyncEngine.connect": (lambda engine: engine.connect(), _use_async),
    "sqlalchemy.ext.asyncio.AsyncEngine.begin": (lambda engine: engine.begin(), _use_async),
    "sqlalchemy.ext.asyncio.AsyncEngine.raw_connection": (lambda engine: engine.raw_connection(), lambda conn: None),
    "sqlalchemy.ext.asyncio.AsyncSession": (_async_session, _use_async),
    "sqlalchemy.ext.asyncio.async_sessionmaker.begin": (_async_session_begin, _use_async),
}
for _call, (_acquire, _query) in _SYNC.items():
    probe(_call)(partial(_checkout, _acquire, _query))
for _call, (_acquire, _query) in _ASYNC.items():
    probe(_call, needs=("aiosqlite", "greenlet"))(partial(_async_checkout, _acquire, _query))


@probe("sqlalchemy.create_engine")
async def _create_engine(folder: Path) -> AsyncIterator[Scene]:
    from sqlalchemy import create_engine

    file = folder / "rows.db"

    def use(engine: Any) -> None:
        with engine.connect() as conn:
            _use(conn)

    yield Scene(lambda: create_engine(f"sqlite:///{file}"), lambda: open_files(file), use=use)


@probe("sqlalchemy.ext.asyncio.create_async_engine", server="postgres", needs=("asyncpg", "greenlet"))
async def _create_async_engine(folder: Path) -> AsyncIterator[Scene]:
    from sqlalchemy.ext.asyncio import create_async_engine

    async def use(engine: Any) -> None:
        async with engine.connect() as conn:
            await _use_async(conn)

    url = os.environ["LEAKCHECK_POSTGRES"].replace("postgresql:", "postgresql+asyncpg:")
    settings = {"server_settings": {"application_name": postgres.NAME}}
    with postgres.observer() as seen:
        yield Scene(lambda: create_async_engine(url, connect_args=settings), seen.sessions, use=use)
