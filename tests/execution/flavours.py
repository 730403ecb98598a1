"""How each driver is spelt in a program."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

# How queries are made: through a cursor, on the connection itself, as asyncpg does, or with SQLAlchemy's text().
Api = Literal["cursor", "direct", "asyncpg", "core"]


@dataclass(frozen=True, slots=True)
class Flavour:
    """One way to get a connection and give it back."""

    name: str
    imports: str
    prelude: str
    acquire: str
    release: str  # CONN stands for the connection
    error: str
    api: Api
    mark: str = "%s"  # placeholder in SQL
    managed: str = ""  # an expression for `with` that gives the connection back
    transaction: bool = False  # `with conn:` is a transaction
    asynchronous: bool = False
    cursor: str = "CONN.cursor()"
    alive: bool = False  # has is_connected()

    @property
    def traits(self) -> frozenset[str]:
        """What idioms may ask for."""
        holds = {
            "sync": not self.asynchronous,
            "async": self.asynchronous,
            "cursor": self.api == "cursor",
            "close": re.fullmatch(r"(await )?CONN\.close\(\)", self.release),
            "close-coroutine": self.release == "await CONN.close()",
            "managed": self.managed,
            "transaction": self.transaction,
            "pool": "pool" in self.name,
            "alive": self.alive,
        }
        return frozenset(trait for trait, true in holds.items() if true)


DSN = 'DSN = "postgresql://app@db/tickets"'
ENGINE = f"{DSN}\nengine = create_engine(DSN, pool_pre_ping=True, pool_size=20)"
CONFIG = 'CONFIG = {"host": "db", "user": "app", "database": "tickets"}'

FLAVOURS: tuple[Flavour, ...] = (
    Flavour(
        "sqlite3",
        "import sqlite3",
        'DB_PATH = "/var/lib/app/tickets.db"',
        "sqlite3.connect(DB_PATH)",
        "CONN.close()",
        "sqlite3.Error",
        "direct",
        "?",
        transaction=True,
    ),
    Flavour(
        "sqlite3-cursor",
        "import sqlite3",
        'DB_PATH = "/var/lib/app/tickets.db"',
        "sqlite3.connect(DB_PATH, timeout=30)",
        "CONN.close()",
        "sqlite3.OperationalError",
        "cursor",
        "?",
        transaction=True,
    ),
    Flavour(
        "psycopg2",
        "import psycopg2",
        DSN,
        "psycopg2.connect(DSN)",
        "CONN.close()",
        "psycopg2.Error",
        "cursor",
        transaction=True,
    ),
    Flavour(
        "psycopg2-pool",
        "import psycopg2\nfrom psycopg2.pool import ThreadedConnectionPool",
        f"{DSN}\npool = ThreadedConnectionPool(1, 20, dsn=DSN)",
        "pool.getconn()",
        "pool.putconn(CONN)",
        "psycopg2.Error",
        "cursor",
        transaction=True,
    ),
    Flavour(
        "psycopg",
        "import psycopg",
        DSN,
        "psycopg.connect(DSN)",
        "CONN.close()",
        "psycopg.Error",
        "direct",
        managed="psycopg.connect(DSN)",
    ),
    Flavour(
        "psycopg-pool",
        "import psycopg\nfrom psycopg_pool import ConnectionPool",
        f"{DSN}\npool = ConnectionPool(DSN, min_size=4, max_size=20)",
        "pool.getconn()",
        "pool.putconn(CONN)",
        "psycopg.Error",
        "cursor",
        managed="pool.connection()",
        transaction=True,
    ),
    Flavour(
        "pymysql",
        "import pymysql",
        CONFIG,
        "pymysql.connect(**CONFIG)",
        "CONN.close()",
        "pymysql.Error",
        "cursor",
        managed="pymysql.connect(**CONFIG)",
    ),
    Flavour(
        "mysql",
        "import mysql.connector",
        CONFIG,
        "mysql.connector.connect(**CONFIG)",
        "CONN.close()",
        "mysql.connector.Error",
        "cursor",
        managed="mysql.connector.connect(**CONFIG)",
    ),
    Flavour(
        "mysql-pool",
        "import mysql.connector\nfrom mysql.connector.pooling import MySQLConnectionPool",
        f'{CONFIG}\npool = MySQLConnectionPool(pool_name="app", pool_size=20, **CONFIG)',
        "pool.get_connection()",
        "CONN.close()",
        "mysql.connector.Error",
        "cursor",
        managed="pool.get_connection()",
        alive=True,
    ),
    Flavour(
        "pyodbc",
        "import pyodbc",
        'DSN = "DSN=tickets"',
        "pyodbc.connect(DSN)",
        "CONN.close()",
        "pyodbc.Error",
        "cursor",
        "?",
        transaction=True,
    ),
    Flavour(
        "oracledb-pool",
        "import oracledb",
        'pool = oracledb.create_pool(user="app", dsn="db/tickets")',
        "pool.acquire()",
        "pool.release(CONN)",
        "oracledb.Error",
        "cursor",
        ":1",
        managed="pool.acquire()",
    ),
    Flavour(
        "dbutils-pool",
        "import pymysql\nfrom dbutils.pooled_db import PooledDB",
        f"{CONFIG}\npool = PooledDB(pymysql, 20, **CONFIG)",
        "pool.connection()",
        "CONN.close()",
        "pymysql.Error",
        "cursor",
        managed="pool.connection()",
    ),
    Flavour(
        "engine",
        "from sqlalchemy import create_engine, text\nfrom sqlalchemy.exc import SQLAlchemyError",
        ENGINE,
        "engine.connect()",
        "CONN.close()",
        "SQLAlchemyError",
        "core",
        ":1",
        managed="engine.begin()",
    ),
    Flavour(
        "raw-connection",
        "from sqlalchemy import create_engine\nfrom sqlalchemy.exc import SQLAlchemyError",
        ENGINE,
        "engine.raw_connection()",
        "CONN.close()",
        "SQLAlchemyError",
        "cursor",
    ),
    Flavour(
        "session",
        "from sqlalchemy import create_engine, text\nfrom sqlalchemy.exc import SQLAlchemyError\n"
        "from sqlalchemy.orm import sessionmaker",
        f"{ENGINE}\nSessionLocal = sessionmaker(bind=engine)",
        "SessionLocal()",
        "CONN.close()",
        "SQLAlchemyError",
        "core",
        ":1",
        managed="SessionLocal()",
    ),
)
