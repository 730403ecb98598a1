"""The driver files against what was measured of the libraries, and the forms in which real code names the calls."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from leakcheck.catalogue import Catalogue, load
from leakcheck.models import Connection

_FACTS = list(csv.DictReader((Path(__file__).parent / "driver_facts.csv").read_text("utf-8").splitlines()))


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load()


@pytest.mark.parametrize("fact", _FACTS, ids=lambda fact: f"{fact['call']}-{fact['kind']}")
def test_a_driver_says_what_was_measured(catalogue: Catalogue, fact: dict[str, str]) -> None:
    assert any(_agrees(connection, fact) for connection in catalogue.by_acquire[fact["call"]])


def _agrees(connection: Connection, fact: dict[str, str]) -> bool:
    releases = {r.method if r.on == "function" else f"{r.on}.{r.method}" for r in connection.release}
    return (
        connection.kind == fact["kind"]
        and fact["with"] in (connection.with_effect, connection.enter)
        and (fact["release"] in releases or not fact["release"])
    )


# What libraries' own names for a class or function lead to: the class used in `acquire`, and the kind of the result.
@pytest.mark.parametrize(
    ("call", "kind", "type_"),
    [
        ("psycopg2.extras.RealDictConnection", "connection", "psycopg2.extensions.connection"),
        ("psycopg2.pool.ThreadedConnectionPool", "pool", "psycopg2.pool.AbstractConnectionPool"),
        ("psycopg2.pool.PersistentConnectionPool.getconn", "checkout", "psycopg2.extensions.connection"),
        ("sqlalchemy.orm.session.sessionmaker.__call__", "session", "sqlalchemy.orm.Session"),
        ("sqlalchemy.orm.session.Session", "session", "sqlalchemy.orm.Session"),
        ("sqlmodel.Session", "session", "sqlalchemy.orm.Session"),
        ("sqlmodel.ext.asyncio.session.AsyncSession", "session", "sqlalchemy.ext.asyncio.AsyncSession"),
        ("sqlmodel.create_engine", "engine", "sqlalchemy.engine.Engine"),
        ("sqlalchemy.engine.base.Engine.raw_connection", "checkout", "sqlalchemy.pool.PoolProxiedConnection"),
        ("sqlalchemy.orm.scoped_session.__call__", "managed", "sqlalchemy.orm.Session"),
        ("oracledb.SessionPool.acquire", "checkout", "oracledb.Connection"),
        ("asyncpg.Pool.acquire", "checkout", "asyncpg.Connection"),
        ("DBUtils.PooledDB.PooledDB", "pool", "dbutils.pooled_db.PooledDB"),
        ("psycopg_pool.pool_async.AsyncConnectionPool.getconn", "checkout", "psycopg.AsyncConnection"),
        ("pysqlcipher3.dbapi2.connect", "connection", "pysqlite3.Connection"),
        ("sqlite3.dbapi2.Connection", "connection", "sqlite3.Connection"),
        ("pg8000.native.Connection", "connection", "pg8000.native.Connection"),
        ("duckdb.connect", "connection", "duckdb.DuckDBPyConnection"),
    ],
)  # fmt: skip
def test_other_names_of_a_call(catalogue: Catalogue, call: str, kind: str, type_: str) -> None:
    connection = catalogue.by_acquire[call][0]
    assert (connection.kind, connection.type) == (kind, type_)


@pytest.mark.parametrize(
    ("call", "type_"),
    [
        ("sqlalchemy.orm.sessionmaker", "sqlalchemy.orm.sessionmaker"),
        ("sqlalchemy.engine.create_engine", "sqlalchemy.engine.Engine"),
        ("sqlalchemy.future.Engine.execution_options", "sqlalchemy.engine.Engine"),
        ("psycopg_pool.NullConnectionPool", "psycopg_pool.ConnectionPool"),
        ("asyncpg.create_pool", "asyncpg.pool.Pool"),
        ("flask_sqlalchemy.SQLAlchemy", "flask_sqlalchemy.SQLAlchemy"),
    ],
)
def test_producers(catalogue: Catalogue, call: str, type_: str) -> None:
    assert catalogue.producers[call] == type_


def test_an_acquire_is_no_producer(catalogue: Catalogue) -> None:
    for call in (
        "sqlite3.connect",
        "sqlite3.Connection",
        "sqlalchemy.orm.Session",
        "psycopg2.pool.ThreadedConnectionPool.getconn",
    ):
        assert call not in catalogue.producers


def test_attributes_lead_to_known_classes(catalogue: Catalogue) -> None:
    assert catalogue.attributes["flask_sqlalchemy.SQLAlchemy.engine"] == "sqlalchemy.engine.Engine"
    assert set(catalogue.attributes.values()) <= set(catalogue.types)


def test_aliases_lead_to_a_class_not_to_another_alias(catalogue: Catalogue) -> None:
    assert [alias for alias, model in catalogue.types.items() if catalogue.types[model] != model] == []


def test_mysql_connect_is_a_checkout_with_pool_keywords(catalogue: Catalogue) -> None:
    plain, pooled = catalogue.by_acquire["mysql.connector.connect"]
    assert (plain.kind, pooled.kind) == ("connection", "checkout")
    assert plain.not_keywords == pooled.when_keywords != ()


def test_a_plain_connection_can_be_released(catalogue: Catalogue) -> None:
    """Whatever is opened by its call has a release; what opens on entry has an effect of leaving."""
    for driver in catalogue.drivers:
        for connection in driver.connections:
            assert connection.release or connection.enter != "unsupported" or connection.kind == "managed"
            assert not connection.acquires_on_enter or connection.enter != "unsupported"


@pytest.mark.parametrize(
    "name",
    [
        "airflow.hooks.base.BaseHook.get_connection",
        "django.core.mail.get_connection",
        "kombu.pools.acquire",
        "socket.socket",
    ],
)
def test_names_that_are_no_database_connection(catalogue: Catalogue, name: str) -> None:
    assert catalogue.against(name)
    assert not catalogue.against("app.db.get_connection")


def test_names_alone(catalogue: Catalogue) -> None:
    assert catalogue.by_name("", "get_db_connection")[0].kind == "connection"
    assert catalogue.by_name("_db_pool", "acquire")[0].kind == "checkout"
    assert catalogue.by_name("ThreadPool", "get_connection")[0].kind == "checkout"
    assert catalogue.by_name("lock", "acquire") == ()


def test_words_to_look_for(catalogue: Catalogue) -> None:
    """`from google.cloud import bigquery` has no `google.cloud.bigquery` in its text."""
    assert {"psycopg2", "sqlalchemy", "bigquery"} <= catalogue.import_words
    assert not any("." in word for word in catalogue.import_words | catalogue.tracked_words)
    assert {"get_connection", "getconn", "raw_connection"} <= catalogue.receivers.keys() < catalogue.tracked_words
    assert {"__call__", "Connection", "Client"}.isdisjoint(catalogue.receivers)


def test_libraries_that_lead_to_an_acquire(catalogue: Catalogue) -> None:
    """`db.engine.connect()` of Flask-SQLAlchemy is SQLAlchemy's, which need not be imported for it."""
    assert {"sqlalchemy", "flask_sqlalchemy"} <= catalogue.homes["raw_connection"]
    assert "sqlite3" in catalogue.homes["connect"] - catalogue.homes["raw_connection"]
    assert catalogue.receivers["acquire"] == {"pool"}


def test_libraries_to_look_for(catalogue: Catalogue) -> None:
    assert {"create_engine", "PooledDB"} <= catalogue.pool_words
    assert "motor" not in catalogue.library_words < catalogue.import_words


@pytest.mark.parametrize(
    ("name", "may_raise"),
    [
        ("requests.get", True),
        ("requests.Session", False),  # a name counts before its package
        ("builtins.open", True),
        ("len", False),
        ("*.append", False),
        ("logging.getLogger", False),
        ("app.setup", None),
        ("*.frobnicate", None),
    ],
)
def test_what_may_raise(catalogue: Catalogue, name: str, may_raise: bool | None) -> None:
    kinds = catalogue.function(name) & {"raises", "never-raises"}
    assert kinds == (set() if may_raise is None else {"raises" if may_raise else "never-raises"})


def test_what_borrows(catalogue: Catalogue) -> None:
    for name in ("print", "pandas.read_sql", "psycopg2.extras.execute_values", "*.to_sql", "sqlalchemy.inspect"):
        assert "borrows" in catalogue.function(name)
    assert catalogue.function("app.keep") == set()


def test_what_caches_and_what_is_quiet(catalogue: Catalogue) -> None:
    assert "caches" in catalogue.function("functools.lru_cache")
    assert "cursor" in catalogue.quiet_methods
    assert "execute" not in catalogue.quiet_methods


def test_no_callee_both_raises_and_does_not(catalogue: Catalogue) -> None:
    assert catalogue.functions["raises"] & catalogue.functions["never-raises"] == set()
