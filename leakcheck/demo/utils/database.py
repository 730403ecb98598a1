"""Every service gets its connections here."""

import functools
import logging
import time
from contextlib import contextmanager

import mysql.connector
from mysql.connector.pooling import MySQLConnectionPool

logger = logging.getLogger(__name__)


def db_retry_decorator(max_retries=3, retry_delay=1):
    """Try a database operation again when it fails."""

    def decorator(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            for attempt in range(max_retries):
                try:
                    return function(*args, **kwargs)
                except mysql.connector.Error:
                    if attempt == max_retries - 1:
                        raise
                    time.sleep(retry_delay * 2**attempt)

        return wrapper

    return decorator


class DatabaseManager:
    """The connection pool of the process."""

    def __init__(self, **settings):
        self.connection_pool = MySQLConnectionPool(
            pool_name="helpdesk", pool_size=5, pool_reset_session=True, **settings
        )

    def get_connection(self, max_retries=3, retry_delay=1):
        """Take a connection from the pool; the caller has to close it."""
        for attempt in range(max_retries):
            try:
                connection = self.connection_pool.get_connection()
                if connection.is_connected():
                    return connection
                else:
                    connection.reconnect(attempts=3, delay=1)
                    return connection
            except mysql.connector.errors.PoolError:
                logger.warning("pool exhausted (attempt %d/%d)", attempt + 1, max_retries)
                if attempt < max_retries - 1:
                    time.sleep(retry_delay)
                    retry_delay *= 2
        raise RuntimeError(f"no database connection after {max_retries} attempts")

    @contextmanager
    def get_connection_context(self):
        """A connection for a `with` block; it goes back by itself."""
        connection = None
        try:
            connection = self.get_connection()
            yield connection
        except Exception:
            if connection:
                connection.rollback()
            raise
        finally:
            if connection and connection.is_connected():
                connection.close()

    @contextmanager
    def cursor(self):
        """A cursor whose work is committed at the end of the block."""
        connection = self.get_connection()
        try:
            with connection.cursor(dictionary=True, buffered=True) as cursor:
                yield cursor
            connection.commit()
        finally:
            connection.close()

    def get_pool_status(self):
        """What the dashboard shows."""
        pool = self.connection_pool
        return {"name": pool.pool_name, "size": pool.pool_size, "free": pool._cnx_queue.qsize()}
