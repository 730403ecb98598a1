"""Fake connections and cursors. They do what the driver facts say the real ones do, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.execution.world import CallKind, InjectedError, World

Errors = dict[str, type[Exception]]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How one driver's connections behave."""

    name: str
    errors: Errors = field(default_factory=dict)
    enter: Literal["closes", "transaction", "unsupported"] = "closes"
    commits: bool = False  # leaving `with` after success commits
    pooled: bool = False
    close_returns: bool = True  # False: only the pool takes it back, close() loses the slot
    close_again: Literal["safe", "raises"] = "safe"
    awaited: frozenset[str] = frozenset()  # methods that are coroutines


class Fake:
    """Anything of a driver: ownership does not look inside."""


class Pending(Fake):
    """What calling a coroutine gives: nothing happens before it is awaited (or entered, where the driver allows it)."""

    def __init__(self, run: Callable[[], Any], leave: Callable[[Any], None] | None = None) -> None:
        self._run, self._leave = run, leave
        self._value: Any = None

    def __await__(self) -> Generator[None, None, Any]:
        return self._run()
        yield  # makes this a generator

    async def __aenter__(self) -> Any:
        if self._leave is None:
            raise TypeError("a coroutine does not support the asynchronous context manager protocol")
        self._value = self._run()
        return self._value

    async def __aexit__(self, *exception: object) -> None:
        if self._leave is not None:
            self._leave(self._value)


class Row(tuple[object, ...]):
    """A row, by position, by column name or by attribute."""

    def __getitem__(self, key: Any) -> Any:
        return f"<{key}>" if isinstance(key, str) else super().__getitem__(key)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return f"<{name}>"


ROWS = [Row((1, "open")), Row((2, "closed"))]


class Speaker(Fake):
    """Makes driver calls, as coroutines where the driver does."""

    def __init__(self, world: World, behaviour: Behaviour) -> None:
        self._world, self._behaviour = world, behaviour

    def _call(self, kind: CallKind, method: str, result: Callable[[], Any] = lambda: None) -> Any:
        def run() -> Any:
            self._world.call(kind, f"{self._behaviour.name}.{method}", self._behaviour.errors)
            return result()

        return Pending(run) if method in self._behaviour.awaited else run()

    def _rows(self) -> list[Row]:
        self._world.read = True
        return list(ROWS) if self._world.rows else []

    def _effect(self, *effect: object) -> None:
        if self._world.armed:
            self._world.effects.append(tuple(map(str, effect)))


class Cursor(Speaker):
    """A cursor, or a result: all rows are there from the start."""

    lastrowid = 1

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection._world, connection._behaviour)
        self.connection = connection
        self._left: list[Row] | None = None

    def execute(self, sql: object, parameters: object = (), *_: object) -> Any:
        return self._call("use", "execute", lambda: self._ran("execute", sql, parameters))

    def executemany(self, sql: object, parameters: object = ()) -> Any:
        return self._call("use", "executemany", lambda: self._ran("executemany", sql, parameters))

    def _ran(self, *effect: object) -> Cursor:
        self.connection._used()
        self._effect(*effect)
        self._left = None
        return self

    def _remaining(self) -> list[Row]:
        if self._left is None:
            self._left = self._rows()
        return self._left

    def fetchone(self) -> Any:
        return self._call("use", "fetchone", lambda: self._remaining().pop(0) if self._remaining() else None)

    def fetchall(self) -> Any:
        return self._call("use", "fetchall", self._take)

    def fetchmany(self, size: int = 1) -> Any:
        return self._call("use", "fetchmany", self._take)

    def _take(self) -> list[Row]:
        rows, self._left = self._remaining(), []
        return rows

    all = fetchall
    first = one_or_none = fetchone

    def scalar(self) -> Any:
        return self._call("use", "scalar", lambda: self._remaining()[0][0] if self._remaining() else None)

    def mappings(self) -> Cursor:
        return self

    @property
    def rowcount(self) -> int:
        return len(self._rows())

    def close(self) -> Any:
        return self._call("cleanup", "cursor.close")

    def __iter__(self) -> Iterator[Row]:
        self._world.call("unknown", "iteration", self._behaviour.errors)
        return iter(self._take())

    async def __aiter__(self) -> Any:
        for row in iter(self):
            yield row

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *exception: object) -> None:
        self._call("cleanup", "cursor.__exit__")

    async def __aenter__(self) -> Cursor:
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._call("cleanup", "cursor.__exit__")


class Connection(Speaker):
    """A connection, of its own or of a pool's."""

    def __init__(self, world: World, behaviour: Behaviour) -> None:
        super().__init__(world, behaviour)
        self.lease = world.lease(behaviour.pooled)
        self._dead = False
        self.closed = False
        self.autocommit = False
        self.row_factory: object = None

    def _call(self, kind: CallKind, method: str, result: Callable[[], Any] = lambda: None) -> Any:
        def run() -> Any:
            try:
                self._world.call(kind, f"{self._behaviour.name}.{method}", self._behaviour.errors)
            except Exception:
                self._dead = self._dead or kind == "use"
                raise
            return result()

        return Pending(run) if method in self._behaviour.awaited else run()

    def _used(self) -> None:
        if self.closed or not self.lease.open:
            raise self._behaviour.errors["interface"]("the connection is closed")

    def cursor(self, *_: object, **__: object) -> Any:
        def made() -> Cursor:
            self._used()
            return Cursor(self)

        made_now = self._call("cursor", "cursor", made)
        if isinstance(made_now, Pending):
            made_now._leave = lambda cursor: cursor._call("cleanup", "cursor.__exit__")
        return made_now

    def execute(self, sql: object, *parameters: object) -> Any:
        return self._call("use", "execute", lambda: Cursor(self)._ran("execute", sql, parameters))

    def executemany(self, sql: object, parameters: object = ()) -> Any:
        return self._call("use", "executemany", lambda: Cursor(self)._ran("executemany", sql, parameters))

    def _query(self, method: str, pick: Callable[[list[Row]], Any]) -> Any:
        return self._call("use", method, lambda: pick(Cursor(self)._ran("execute")._take()))

    def fetch(self, sql: object, *parameters: object) -> Any:
        return self._query("fetch", lambda rows: rows)

    def fetchrow(self, sql: object, *parameters: object) -> Any:
        return self._query("fetchrow", lambda rows: rows[0] if rows else None)

    def fetchval(self, sql: object, *parameters: object) -> Any:
        return self._query("fetchval", lambda rows: rows[0][0] if rows else None)

    def commit(self) -> Any:
        return self._call("use", "commit", lambda: self._effect("commit"))

    def rollback(self) -> Any:
        return self._call("cleanup", "rollback", lambda: self._effect("rollback"))

    def ping(self, *_: object, **__: object) -> Any:
        return self._call("use", "ping")

    def is_connected(self) -> bool:
        """The server may have gone at any time: a fault here is an answer, not an error."""
        try:
            self._world.call("probe", f"{self._behaviour.name}.is_connected")
        except InjectedError:
            self._dead = True
        if self._dead:
            self.lease.notes.add("dead")
        return self.lease.open and not self._dead

    def is_closed(self) -> bool:
        return self.closed

    def close(self) -> Any:
        again = not self.lease.open
        if not self._behaviour.close_returns:
            self.lease.notes.add("wrong-release")
        if "close" not in self._behaviour.awaited:
            return self._closed(again)
        return Pending(lambda: self._closed(again))

    def _closed(self, again: bool) -> None:
        if self._behaviour.close_returns:
            self.give_back()
        else:
            self.lease.notes.add("wrong-release")  # `with` came here without close()
        self.closed = True
        self._world.call("release", f"{self._behaviour.name}.close", self._behaviour.errors)
        if again and self._behaviour.close_again == "raises":
            raise self._behaviour.errors["interface"]("already closed")

    def give_back(self) -> None:
        """The connection is back, whatever happens next."""
        self.lease.open = False

    def __enter__(self) -> Any:
        if self._behaviour.enter == "unsupported":
            raise TypeError(f"{self._behaviour.name} does not support the context manager protocol")
        return self

    def __exit__(self, exception: object, *_: object) -> None:
        if self._behaviour.enter == "closes":
            self._closed(again=False)
        else:
            self.lease.notes.add("with")
            self._world.call("cleanup", f"{self._behaviour.name}.__exit__", self._behaviour.errors)
        if self._behaviour.commits:
            self._effect("rollback" if exception else "commit")

    async def __aenter__(self) -> Any:
        return self.__enter__()

    async def __aexit__(self, *exception: object) -> None:
        self.__exit__(*exception)
