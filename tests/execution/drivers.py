"""The fake modules a program can import: drivers, pools, and what services call around them."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from types import ModuleType
from typing import Any

from tests.execution.fakes import Behaviour, Connection, Errors, Pending
from tests.execution.pools import Dedicated, Pool
from tests.execution.sessions import SessionMaker
from tests.execution.world import World

FETCHING = {"execute", "executemany", "fetchone", "fetchall", "fetchmany"}
DBAPI_COROUTINES = frozenset(FETCHING | {"commit", "rollback", "close", "cursor.close", "getconn", "putconn"})
ASYNCPG_COROUTINES = frozenset(FETCHING | {"fetch", "fetchrow", "fetchval", "close", "acquire", "release"})
AIOMYSQL_COROUTINES = (DBAPI_COROUTINES | {"cursor", "acquire"}) - {"close"}
SQLALCHEMY_COROUTINES = frozenset({"connect", "execute", "scalars", "scalar", "commit", "rollback", "close", "flush"})


class Error(Exception):
    """The root of one driver's errors; each module has its own subclass."""


class Modules:
    """The modules of one world, made when first imported."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._made: dict[str, ModuleType] = {}

    def import_(self, name: str, *arguments: Any) -> Any:
        """Stands in for `__import__`: fakes first, then the real module."""
        if name.split(".")[0] not in FILL:
            return builtins.__import__(name, *arguments)
        names = arguments[2] if len(arguments) > 2 else ()
        return self[name] if names else self[name.split(".")[0]]

    def __getitem__(self, name: str) -> ModuleType:
        if name not in self._made:
            module = self._made[name] = ModuleType(name)
            if name in FILL:
                FILL[name](self, module)
            for child in (other for other in FILL if other.rpartition(".")[0] == name):
                setattr(module, child.rpartition(".")[2], self[child])
        return self._made[name]

    def behaviour(self, module: ModuleType, name: str, errors: Errors, **facts: Any) -> Behaviour:
        """A driver's behaviour; a closed connection raises its InterfaceError."""
        return Behaviour(f"{module.__name__}.{name}", errors, **facts)


def _errors(module: ModuleType) -> Errors:
    """Give a module the DB-API exceptions."""
    root = type("Error", (Error,), {})
    database = type("DatabaseError", (root,), {})
    kinds = {name: type(name, (database,), {}) for name in ("OperationalError", "IntegrityError", "ProgrammingError")}
    interface = type("InterfaceError", (root,), {})
    vars(module).update(kinds, Error=root, DatabaseError=database, InterfaceError=interface)
    return {"operational": kinds["OperationalError"], "integrity": kinds["IntegrityError"], "interface": interface}


def _connector(modules: Modules, behaviour: Behaviour, enters: bool = False) -> Callable[..., Any]:
    def take() -> Connection:
        modules.world.call("acquire", behaviour.name, behaviour.errors)
        return Connection(modules.world, behaviour)

    def connect(*_: object, **__: object) -> Any:
        if "connect" not in behaviour.awaited:
            return take()
        return Pending(take, (lambda connection: connection._closed(False)) if enters else None)

    return connect


def dbapi(**facts: Any) -> Callable[[Modules, ModuleType], None]:
    """A module with `connect` and the DB-API errors."""

    def fill(modules: Modules, module: ModuleType) -> None:
        enters = facts.pop("enters", False)
        behaviour = modules.behaviour(module, "connect", _errors(module), **facts)
        facts["enters"] = enters
        module.connect = _connector(modules, behaviour, enters)  # type: ignore[attr-defined]
        module.Row = tuple  # type: ignore[attr-defined]

    return fill


def pool(names: str, family: str, make: type[Pool] = Pool, enters: bool = False, **facts: Any) -> Any:
    """A module with pool classes (or functions that make one); errors come from the driver's module."""

    def fill(modules: Modules, module: ModuleType) -> None:
        if family in FILL and family != module.__name__:
            errors = _of(modules[family])
        else:
            errors = _of(module) if hasattr(module, "Error") else _errors(module)
        behaviour = modules.behaviour(module, "pool", errors, pooled=True, **facts)
        for name in names.split():
            setattr(module, name, lambda *_, **__: make(modules.world, behaviour, enters))
        module.PoolError = errors["interface"]  # type: ignore[attr-defined]

    return fill


def _of(module: Any) -> Errors:
    return {
        "operational": module.OperationalError,
        "integrity": module.IntegrityError,
        "interface": module.InterfaceError,
    }


def both(*fills: Callable[[Modules, ModuleType], None]) -> Callable[[Modules, ModuleType], None]:
    """One module filled in several steps."""

    def fill(modules: Modules, module: ModuleType) -> None:
        for step in fills:
            step(modules, module)

    return fill


def _async_connection(modules: Modules, module: Any) -> None:
    facts = modules.behaviour(
        module, "AsyncConnection.connect", _of(module), commits=True, awaited=DBAPI_COROUTINES | {"connect"}
    )
    module.AsyncConnection = type("AsyncConnection", (), {"connect": staticmethod(_connector(modules, facts))})


def _sqlalchemy(modules: Modules, module: Any) -> None:
    errors = _of(modules["sqlalchemy.exc"])
    facts = modules.behaviour(module, "Engine", errors, pooled=True)
    module.create_engine = lambda *_, **__: Pool(modules.world, facts)
    module.Engine = Pool
    module.text = str


def _sqlalchemy_exc(modules: Modules, module: Any) -> None:
    _errors(module)
    module.SQLAlchemyError = module.Error


def _orm(modules: Modules, module: Any) -> None:
    facts = modules.behaviour(module, "Session", _of(modules["sqlalchemy.exc"]), pooled=True)
    maker = SessionMaker(modules.world, facts)
    module.Session = maker
    module.sessionmaker = lambda *_, **__: maker


def _sqlalchemy_async(modules: Modules, module: Any) -> None:
    errors = _of(modules["sqlalchemy.exc"])
    facts = modules.behaviour(module, "AsyncEngine", errors, pooled=True, awaited=SQLALCHEMY_COROUTINES)
    module.create_async_engine = lambda *_, **__: Pool(modules.world, facts, enters=True)
    maker = SessionMaker(modules.world, facts)
    module.AsyncSession = maker
    module.async_sessionmaker = lambda *_, **__: maker


MYSQL_POOL = pool("MySQLConnectionPool", "mysql.connector")
FILL: dict[str, Callable[[Modules, Any], None]] = {
    "sqlite3": dbapi(enter="transaction", commits=True),
    "psycopg2": dbapi(enter="transaction", commits=True),
    "psycopg2.pool": pool(
        "SimpleConnectionPool ThreadedConnectionPool",
        "psycopg2",
        enter="transaction",
        commits=True,
        close_returns=False,
    ),
    "psycopg": both(dbapi(commits=True), _async_connection),
    "psycopg_pool": both(
        pool("ConnectionPool", "psycopg", enter="transaction", commits=True, close_returns=False),
        pool(
            "AsyncConnectionPool",
            "psycopg",
            enter="transaction",
            commits=True,
            close_returns=False,
            awaited=DBAPI_COROUTINES,
        ),
    ),
    "pymysql": dbapi(close_again="raises"),
    "mysql": lambda modules, module: None,
    "mysql.connector": dbapi(),
    "mysql.connector.pooling": MYSQL_POOL,
    "pyodbc": dbapi(enter="transaction", commits=True, close_again="raises"),
    "oracledb": both(dbapi(), pool("create_pool", "oracledb")),
    "dbutils": lambda modules, module: None,
    "dbutils.pooled_db": pool("PooledDB", "pymysql", Dedicated),
    "sqlalchemy": _sqlalchemy,
    "sqlalchemy.exc": _sqlalchemy_exc,
    "sqlalchemy.orm": _orm,
    "sqlalchemy.ext": lambda modules, module: None,
    "sqlalchemy.ext.asyncio": _sqlalchemy_async,
    "asyncpg": both(
        dbapi(enter="unsupported", awaited=ASYNCPG_COROUTINES | {"connect"}),
        lambda modules, module: setattr(module, "PostgresError", module.Error),
        pool(
            "create_pool",
            "asyncpg",
            enters=True,
            enter="unsupported",
            close_returns=False,
            awaited=ASYNCPG_COROUTINES,
        ),
    ),
    "aiomysql": both(
        dbapi(enters=True, awaited=AIOMYSQL_COROUTINES | {"connect"}),
        pool("Pool", "aiomysql", enters=True, close_returns=False, awaited=AIOMYSQL_COROUTINES - {"release"}),
    ),
    "aiosqlite": dbapi(enters=True, enter="unsupported", awaited=DBAPI_COROUTINES | {"connect"}),
}
