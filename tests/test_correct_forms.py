"""The form each driver's facts recommend is silent: no rule finds anything in correct code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from leakcheck.engine import check
from leakcheck.settings import Settings

# (acquire call, imports and set-up before it): used in every form that is right for it.
WITH = [
    ("mysql.connector.connect(**settings)", "import mysql.connector"),
    ("pool.get_connection()", "from mysql.connector.pooling import MySQLConnectionPool\npool = MySQLConnectionPool()"),
    ("pymysql.connect(**settings)", "import pymysql"),
    ("MySQLdb.connect(**settings)", "import MySQLdb"),
    ("mariadb.connect(**settings)", "import mariadb"),
    ("pool.get_connection()", "import mariadb\npool = mariadb.ConnectionPool()"),
    ("psycopg.connect(dsn)", "import psycopg"),
    ("pool.connection()", "from psycopg_pool import ConnectionPool\npool = ConnectionPool(dsn)"),
    ("duckdb.connect(path)", "import duckdb"),
    ("engine.connect()", "from sqlalchemy import create_engine\nengine = create_engine(url)"),
    ("engine.begin()", "from sqlalchemy import create_engine\nengine = create_engine(url)"),
    ("engine.raw_connection()", "from sqlalchemy import create_engine\nengine = create_engine(url)"),
    ("Session(engine)", "from sqlalchemy.orm import Session"),
    ("SessionLocal()", "from sqlalchemy.orm import sessionmaker\nSessionLocal = sessionmaker(engine)"),
    ("SessionLocal.begin()", "from sqlalchemy.orm import sessionmaker\nSessionLocal = sessionmaker(engine)"),
    ("pymssql.connect(server)", "import pymssql"),
    ("mssql_python.connect(dsn)", "import mssql_python"),
    ("oracledb.connect(dsn=dsn)", "import oracledb"),
    ("pool.acquire()", "import oracledb\npool = oracledb.create_pool(dsn=dsn)"),
    ("cx_Oracle.connect(dsn)", "import cx_Oracle"),
    ("ibm_db_dbi.connect(dsn)", "import ibm_db_dbi"),
    ("snowflake.connector.connect(**settings)", "import snowflake.connector"),
    ("clickhouse_driver.connect(dsn)", "import clickhouse_driver"),
    ("databricks.sql.connect(**settings)", "import databricks.sql"),
    ("adbc_driver_postgresql.dbapi.connect(dsn)", "import adbc_driver_postgresql.dbapi"),
    ("redshift_connector.connect(**settings)", "import redshift_connector"),
    ("vertica_python.connect(**settings)", "import vertica_python"),
    ("hive.connect(host)", "from pyhive import hive"),
    ("impala.dbapi.connect(host)", "import impala.dbapi"),
    ("pool.connection()", "import pymysql\nfrom dbutils.pooled_db import PooledDB\npool = PooledDB(pymysql)"),
    ("driver.session()", "from neo4j import GraphDatabase\ndriver = GraphDatabase.driver(url)"),
]
CLOSING_AND_TRANSACTION = [  # whose own `with` ends the transaction only
    ("sqlite3.connect(path)", "import sqlite3"),
    ("psycopg2.connect(dsn)", "import psycopg2"),
    ("pyodbc.connect(dsn)", "import pyodbc"),
    ("apsw.Connection(path)", "import apsw"),
    ("steady_db.connect(pymysql)", "import pymysql\nfrom dbutils import steady_db"),
]
CLOSING = [
    *CLOSING_AND_TRANSACTION,
    ("trino.dbapi.connect(host)", "import trino.dbapi"),
    *((call, setup) for call, setup in WITH if not re.search("begin|psycopg_pool|neo4j", call + setup)),
]
ASYNC_WITH = [
    ("await mysql.connector.aio.connect(**settings)", "import mysql.connector.aio"),
    ("aiomysql.connect(**settings)", "import aiomysql"),
    ("pool.acquire()", "import aiomysql\npool: aiomysql.Pool"),
    ("asyncmy.connect(**settings)", "import asyncmy"),
    ("pool.acquire()", "import asyncmy\npool: asyncmy.Pool"),
    ("await psycopg.AsyncConnection.connect(dsn)", "import psycopg"),
    ("pool.connection()", "from psycopg_pool import AsyncConnectionPool\npool = AsyncConnectionPool(dsn)"),
    ("pool.acquire()", "import asyncpg\npool: asyncpg.Pool"),
    ("aiopg.connect(dsn)", "import aiopg"),
    ("pool.acquire()", "import aiopg\npool: aiopg.Pool"),
    ("aiosqlite.connect(path)", "import aiosqlite"),
    ("engine.connect()", "from sqlalchemy.ext.asyncio import create_async_engine\nengine = create_async_engine(url)"),
    ("engine.begin()", "from sqlalchemy.ext.asyncio import create_async_engine\nengine = create_async_engine(url)"),
    ("AsyncSession(engine)", "from sqlalchemy.ext.asyncio import AsyncSession"),
    ("Session()", "from sqlalchemy.ext.asyncio import async_sessionmaker\nSession = async_sessionmaker(engine)"),
    ("aioodbc.connect(dsn=dsn)", "import aioodbc"),
    ("pool.acquire()", "import aioodbc\npool: aioodbc.Pool"),
    ("oracledb.connect_async(dsn=dsn)", "import oracledb"),
    ("snowflake.connector.aio.connect(**settings)", "import snowflake.connector.aio"),
    ("database.connection()", "from databases import Database\ndatabase = Database(url)"),
]
FINALLY = [  # acquire, release, set-up
    *((call, "conn.close()", setup) for call, setup in CLOSING),
    ("pool.getconn()", "pool.putconn(conn)", "from psycopg2 import pool as p\npool = p.SimpleConnectionPool(1, 20)"),
    ("pool.getconn()", "pool.putconn(conn)", "from psycopg_pool import ConnectionPool\npool = ConnectionPool(dsn)"),
    ("pool.acquire()", "pool.release(conn)", "import oracledb\npool = oracledb.create_pool(dsn=dsn, max=20)"),
]
ASYNC_FINALLY = [
    ("asyncpg.connect(dsn)", "await conn.close()", "import asyncpg"),
    ("pool.acquire()", "await pool.release(conn)", "import asyncpg\npool: asyncpg.Pool"),
    ("pool.acquire()", "pool.release(conn)", "import aiomysql\npool: aiomysql.Pool"),
    ("pool.getconn()", "await pool.putconn(conn)", "import psycopg_pool\npool: psycopg_pool.AsyncConnectionPool"),
    ("engine.raw_connection()", "conn.close()", "from sqlalchemy.ext.asyncio import AsyncEngine\nengine: AsyncEngine"),
    ("aiosqlite.connect(path)", "await conn.close()", "import aiosqlite"),
]


def _silent(source: str) -> None:
    report = check(source, "service.py", Settings(root=Path.cwd(), select=("LK1",)))
    assert [f"{d.span.line}: {d.code} {d.message}" for d in report.diagnostics] == [], source


@pytest.mark.parametrize(("call", "setup"), WITH)
def test_with(call: str, setup: str) -> None:
    _silent(f"{setup}\n\ndef run(sql):\n    with {call} as conn:\n        return conn.execute(sql)\n")


@pytest.mark.parametrize(("call", "setup"), CLOSING)
def test_closing(call: str, setup: str) -> None:
    _silent(
        f"from contextlib import closing\n{setup}\n\ndef run(sql):\n"
        f"    with closing({call}) as conn:\n        return conn.execute(sql).fetchall()\n"
    )


@pytest.mark.parametrize(("call", "setup"), CLOSING_AND_TRANSACTION)
def test_closing_and_transaction(call: str, setup: str) -> None:
    _silent(
        f"from contextlib import closing\n{setup}\n\ndef run(sql):\n"
        f"    with closing({call}) as conn, conn:\n        conn.execute(sql)\n"
    )


ROLLED_BACK = """
def run(sql):
    conn = {call}
    try:
        cursor = conn.cursor()
        cursor.execute(sql)
        conn.commit()
        return cursor.fetchall()
    except Exception:
        conn.rollback()
        raise
    finally:
        {release}
"""
GUARDED = """
def run(sql):
    conn = None
    try:
        conn = {call}
        conn.cursor().execute(sql)
    finally:
        if conn is not None:
            {release}
"""


@pytest.mark.parametrize(("call", "release", "setup"), FINALLY)
@pytest.mark.parametrize("form", [ROLLED_BACK, GUARDED])
def test_finally(form: str, call: str, release: str, setup: str) -> None:
    _silent(setup + form.format(call=call, release=release))


@pytest.mark.parametrize(("call", "setup"), ASYNC_WITH)
def test_async_with(call: str, setup: str) -> None:
    _silent(f"{setup}\n\nasync def run(sql):\n    async with {call} as conn:\n        return await conn.execute(sql)\n")


@pytest.mark.parametrize(("call", "release", "setup"), ASYNC_FINALLY)
def test_async_finally(call: str, release: str, setup: str) -> None:
    _silent(
        f"{setup}\n\nasync def run(sql):\n    conn = await {call}\n    try:\n        return await conn.execute(sql)\n"
        f"    finally:\n        {release}\n"
    )
