"""What the driver files claim of each acquire call, one test a claim, seen to be so on the library itself."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest

from leakcheck.catalogue import load
from leakcheck.models import Connection
from tests.live import embedded, mariadb, postgres, sqlalchemy_
from tests.live.proof import block, called, done, given_back, opened, settles, stays
from tests.live.scene import PROBES, Probe, Scene

pytestmark = [
    # the tests lose connections on purpose
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning", "ignore:.*garbage collector"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::DeprecationWarning"),
    pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files as Linux lists them"),
]
_LIBRARIES = (embedded, mariadb, postgres, sqlalchemy_)  # they register their probes when imported

Prove = Callable[[Probe, Callable[[Scene, Connection], Awaitable[None]]], None]


def claims(holds: Callable[[Connection], Any]) -> pytest.MarkDecorator:
    """The probes whose entry makes a claim."""
    return pytest.mark.parametrize("probe", [p for p in PROBES if holds(p.model)], ids=str)


@pytest.fixture
def prove(tmp_path: Path) -> Prove:
    """Set up the scene of a probe, and run a test's body on it."""

    def run(probe: Probe, body: Callable[[Scene, Connection], Awaitable[None]]) -> None:
        if probe.missing:
            pytest.skip(probe.missing)

        async def main() -> None:
            async with probe.setup(tmp_path) as scene:
                assert scene.held() == 0
                await body(scene, probe.model)

        asyncio.run(main())
        gc.collect()

    return run


@claims(lambda model: model.release)
def test_each_release_gives_it_back(probe: Probe, prove: Prove) -> None:
    async def body(scene: Scene, model: Connection) -> None:
        for release in model.release:
            conn = await opened(scene, model)
            await given_back(release, conn, scene)
            await settles(scene, 0)

    prove(probe, body)


@claims(lambda model: any(release.awaited for release in model.release))
def test_a_release_that_must_be_awaited_does_nothing_before(probe: Probe, prove: Prove) -> None:
    async def body(scene: Scene, model: Connection) -> None:
        for release in (release for release in model.release if release.awaited):
            conn = await opened(scene, model)
            called(release, conn, scene).close()
            await stays(scene)
            await given_back(release, conn, scene)

    prove(probe, body)


@claims(lambda model: model.wrong_release)
def test_a_wrong_release_keeps_its_place(probe: Probe, prove: Prove) -> None:
    async def body(scene: Scene, model: Connection) -> None:
        conn = await opened(scene, model)
        for release in model.wrong_release:
            await given_back(release, conn, scene)
            await stays(scene)

    prove(probe, body)


@claims(lambda model: model.soft_release)
def test_a_soft_release_gives_back_until_the_next_use(probe: Probe, prove: Prove) -> None:
    async def body(scene: Scene, model: Connection) -> None:
        conn = await opened(scene, model)
        for release in model.soft_release:
            await given_back(release, conn, scene)
            await settles(scene, 0)
            await done(scene.use(conn))
            assert scene.held() == 1

    prove(probe, body)


@claims(lambda model: model.type and not model.acquires_on_enter)
def test_what_with_does(probe: Probe, prove: Prove) -> None:
    async def body(scene: Scene, model: Connection) -> None:
        conn = await opened(scene, model)
        with pytest.raises(Exception) if model.with_effect == "unsupported" else nullcontext():  # noqa: PT011
            async with block(conn):
                pass
        if model.with_effect == "returns" or (model.with_effect == "closes" and model.kind != "checkout"):
            await settles(scene, 0)
        else:
            await stays(scene)

    prove(probe, body)


@claims(lambda model: model.needs_await or model.acquires_on_enter)
def test_what_a_block_on_the_call_itself_does(probe: Probe, prove: Prove) -> None:
    async def body(scene: Scene, model: Connection) -> None:
        manager = scene.acquire()
        if model.enter == "unsupported":
            assert not hasattr(type(manager), "__aenter__")
            manager.close()
            return
        async with block(manager) as conn:
            await done(scene.use(conn))
            assert scene.held() == 1
        await settles(scene, 0)

    prove(probe, body)


@claims(lambda model: model.needs_await or model.acquires_on_enter or model.lazy)
def test_the_call_alone_takes_nothing(probe: Probe, prove: Prove) -> None:
    async def body(scene: Scene, model: Connection) -> None:
        pending = scene.acquire()
        await stays(scene, 0)
        del pending

    prove(probe, body)


@claims(lambda model: model.with_commits)
def test_leaving_the_block_commits(probe: Probe, prove: Prove) -> None:
    async def body(scene: Scene, model: Connection) -> None:
        assert scene.write is not None
        manager = scene.acquire()
        manager = await manager if model.needs_await else manager
        async with block(manager) as conn:
            await done(scene.write(conn if model.acquires_on_enter else manager))
            assert scene.written() == 0
        assert scene.written() == 1

    prove(probe, body)


@claims(lambda model: model.gc != "unknown" and not model.acquires_on_enter)
def test_what_garbage_collection_does(probe: Probe, prove: Prove) -> None:
    async def body(scene: Scene, model: Connection) -> None:
        conn = await opened(scene, model)
        await done(scene.use(conn))
        del conn
        await (settles(scene, 0) if model.gc == "refcount" else stays(scene))
        gc.collect()
        await (stays(scene) if model.gc == "never" else settles(scene, 0))

    if probe.model.library == "sqlite3" and sys.version_info < (3, 11):
        pytest.skip("closed by reference counting up to Python 3.10")
    gc.collect()
    gc.disable()
    try:
        prove(probe, body)
    finally:
        gc.enable()


@claims(lambda model: model.double_release != "unknown" and model.release)
def test_what_a_second_release_does(probe: Probe, prove: Prove) -> None:
    async def body(scene: Scene, model: Connection) -> None:
        release = model.release[0]
        conn = await opened(scene, model)
        await given_back(release, conn, scene)
        await settles(scene, 0)
        if model.double_release == "raises":
            with pytest.raises(Exception):  # noqa: B017, PT011
                await given_back(release, conn, scene)
            return
        other = await opened(scene, model)
        with suppress(*[Exception] * (model.double_release == "harmful")):
            await given_back(release, conn, scene)
        await asyncio.sleep(0.1)
        assert (scene.held() == 1) == (model.double_release == "safe" and other is not conn)

    prove(probe, body)


@claims(lambda model: model.exhaustion and model.kind not in ("pool", "engine"))
def test_what_the_next_acquire_does_when_none_is_left(probe: Probe, prove: Prove) -> None:
    async def next_one(scene: Scene, model: Connection) -> None:
        manager = scene.acquire() if model.needs_await else await asyncio.to_thread(scene.acquire)
        if model.acquires_on_enter:
            async with block(manager) as conn:
                await done(scene.use(conn))
        else:
            await done(scene.use(await manager if model.needs_await else manager))

    async def body(scene: Scene, model: Connection) -> None:
        first = block(scene.acquire()) if model.acquires_on_enter else None
        conn = await first.__aenter__() if first else await opened(scene, model)
        if first:
            await done(scene.use(conn))
        _, raises, name = model.exhaustion.partition("raises ")
        if raises:
            with pytest.raises(Exception) as raised:  # noqa: PT011
                await next_one(scene, model)
            assert type(raised.value).__name__ == name.split()[0]
            assert not scene.patience or model.exhaustion.startswith(f"waits {scene.patience:g} s, ")
        else:
            waiting = asyncio.ensure_future(next_one(scene, model))
            await asyncio.sleep(0.2)
            assert model.exhaustion == "waits for ever"
            assert not waiting.done()
            await given_back(model.release[0], conn, scene)
            await asyncio.wait_for(waiting, 10)
        if first:
            await first.__aexit__(None, None, None)

    prove(probe, body)


@claims(lambda model: (model.alive or model.closed) and not model.acquires_on_enter)
def test_predicates_tell_open_from_closed(probe: Probe, prove: Prove) -> None:
    def read(conn: Any, predicate: str) -> Any:
        value = getattr(conn, predicate.removesuffix("()"))
        return value() if predicate.endswith("()") else value

    async def body(scene: Scene, model: Connection) -> None:
        conn = await opened(scene, model)
        assert all([await done(read(conn, predicate)) for predicate in model.alive])
        assert not any([await done(read(conn, predicate)) for predicate in model.closed])
        await given_back(model.release[0], conn, scene)
        if model.kind != "checkout":  # what is back in its pool is open
            assert not any([await done(read(conn, predicate)) for predicate in model.alive])
            assert all([await done(read(conn, predicate)) for predicate in model.closed])

    prove(probe, body)


@claims(lambda model: model.cursor_dies)
def test_a_cursor_does_not_keep_its_connection(probe: Probe, prove: Prove) -> None:
    async def body(scene: Scene, model: Connection) -> None:
        conn = await opened(scene, model)
        cursor = await done(conn.cursor())
        del conn
        if model.gc == "refcount":
            await settles(scene, 0)
        else:
            with pytest.raises(Exception):  # noqa: B017, PT011
                await done(cursor.execute("SELECT 1"))

    prove(probe, body)


@claims(lambda model: model.reusable and not model.acquires_on_enter)
def test_a_reusable_one_opens_again(probe: Probe, prove: Prove) -> None:
    async def body(scene: Scene, model: Connection) -> None:
        conn = await opened(scene, model)
        await given_back(model.release[0], conn, scene)
        await settles(scene, 0)
        await done((scene.reopen or scene.use)(conn))
        assert scene.held() == 1

    prove(probe, body)


# Entries of these libraries for which there is no scene, and why.
_UNPROVEN = {
    "sqlalchemy.orm.scoped_session.__call__": "`remove()` takes no session: the registry has one a thread",
    "sqlalchemy.ext.asyncio.async_scoped_session.__call__": "as above",
    "dbutils.pooled_pg.PooledPg.connection": "its driver, PyGreSQL, has no wheels",
    "dbutils.persistent_db.PersistentDB.connection": "closed with its thread; otherwise dbutils.steady_db.connect",
    "mysql.connector.aio.pooling.MySQLConnectionPool": "`close_pool()` is the library's only way to end it",
    "aiomysql.sa.Engine.acquire": "a copy of SQLAlchemy 1.3's interface that needs SQLAlchemy below 2",
    "aiomysql.sa.create_engine": "as above",
}
_PROVEN = ("sqlite3", "sqlalchemy", "duckdb", "aiosqlite", "DBUtils", "peewee", "psycopg2", "psycopg", "psycopg-pool")
_PROVEN += ("asyncpg", "pymysql", "mysql-connector-python", "aiomysql")


def test_every_entry_of_these_libraries_has_a_scene() -> None:
    models = [model for driver in load().drivers if driver.library in _PROVEN for model in driver.connections]
    proven = [probe.model for probe in PROBES]
    assert {model.library for model in models} == set(_PROVEN)
    assert [model.acquire[0] for model in models if model not in proven and model.acquire[0] not in _UNPROVEN] == []
