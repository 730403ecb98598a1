"""Fake pools and engines, and the managers they hand out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.execution.fakes import Behaviour, Connection, Fake, Pending
from tests.execution.world import World


class Managed(Fake):
    """`pool.connection()`, `engine.begin()`: takes a connection on entry, gives it back on exit, commits on success."""

    def __init__(self, acquire: Callable[[], Connection], give_back: Callable[[Connection], object]) -> None:
        self._acquire, self._give_back = acquire, give_back
        self._connection: Connection | None = None

    def __enter__(self) -> Connection:
        self._connection = self._acquire()
        return self._connection

    def __exit__(self, exception: object, *_: object) -> None:
        assert self._connection is not None
        self._connection._effect("rollback" if exception else "commit")
        self._give_back(self._connection)

    async def __aenter__(self) -> Connection:
        return self.__enter__()

    async def __aexit__(self, *exception: object) -> None:
        self.__exit__(*exception)


class Pool(Fake):
    """A pool or an engine, with every driver's names; which of them are coroutines is the driver's business."""

    def __init__(self, world: World, behaviour: Behaviour, enters: bool = False) -> None:
        self._world, self._behaviour = world, behaviour
        self._enters = enters  # the un-awaited acquire can be entered

    def _take(self) -> Connection:
        self._world.call("acquire", f"{self._behaviour.name}.acquire", self._behaviour.errors)
        return Connection(self._world, self._behaviour)

    def _acquire(self, method: str) -> Any:
        if method not in self._behaviour.awaited:
            return self._take()
        return Pending(self._take, self._take_back if self._enters else None)

    def acquire(self, **_: object) -> Any:
        return self._acquire("acquire")

    def getconn(self, *_: object, **__: object) -> Any:
        return self._acquire("getconn")

    def get_connection(self) -> Any:
        return self._acquire("get_connection")

    def connect(self) -> Any:
        return self._acquire("connect")

    def raw_connection(self) -> Any:
        return self._take()

    def connection(self, *_: object, **__: object) -> Any:
        return Managed(self._take, self._take_back)

    begin = connection

    def _take_back(self, connection: Connection) -> None:
        if not isinstance(connection, Connection):
            raise TypeError(f"not a connection: {connection!r}")
        again = not connection.lease.open
        connection.give_back()
        connection.closed = True
        self._world.call("release", f"{self._behaviour.name}.release", self._behaviour.errors)
        if again:
            raise self._behaviour.errors["interface"]("not one of this pool's connections in use")

    def _release(self, method: str, connection: Connection) -> Any:
        if method in self._behaviour.awaited:
            return Pending(lambda: self._take_back(connection))
        return self._take_back(connection)

    def putconn(self, connection: Connection, *_: object, **__: object) -> Any:
        return self._release("putconn", connection)

    def release(self, connection: Connection) -> Any:
        return self._release("release", connection)


class Dedicated(Pool):
    """DBUtils' pool: `connection()` acquires at once."""

    def connection(self, *_: object, **__: object) -> Any:
        return self._take()
