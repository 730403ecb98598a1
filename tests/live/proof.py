"""The steps that tests of claims have in common: open, count, release, leave a block."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from leakcheck.models import Connection, Release
from tests.live.scene import Scene


async def done(value: Any) -> Any:
    """The value, awaited if the library is asynchronous."""
    return await value if hasattr(value, "__await__") else value


async def opened(scene: Scene, model: Connection) -> Any:
    """What the call gives, at the moment it surely holds a connection."""
    conn = scene.acquire()
    conn = await conn if model.needs_await else conn
    if model.acquires_on_enter:
        scene.entered = block(conn)
        conn = await scene.entered.__aenter__()
    if model.lazy or not scene.held():
        await done(scene.use(conn))
    assert scene.held() == 1
    return conn


async def settles(scene: Scene, number: int) -> None:
    """A server takes a moment to see that a session ended."""
    for _ in range(100):
        if scene.held() == number:
            return
        await asyncio.sleep(0.05)
    assert scene.held() == number


async def stays(scene: Scene, number: int = 1) -> None:
    await asyncio.sleep(0.1)
    assert scene.held() == number


def called(release: Release, conn: Any, scene: Scene) -> Any:
    """The release as written in the driver file, not awaited."""
    if release.on == "pool":
        return getattr(scene.pool, release.method)(conn)
    assert release.on == "conn"
    return getattr(conn, release.method)()


async def given_back(release: Release, conn: Any, scene: Scene) -> None:
    pending = called(release, conn, scene)
    if release.awaited:
        await pending
    await done(scene.finish(conn))


def block(manager: Any) -> AbstractAsyncContextManager[Any]:
    """`async with` or `with` on it, whichever it knows; a TypeError if neither."""
    if hasattr(type(manager), "__aenter__"):
        return manager  # type: ignore[no-any-return]

    @asynccontextmanager
    async def plain() -> Any:
        with manager as entered:
            yield entered

    return plain()
