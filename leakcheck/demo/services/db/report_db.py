"""Monthly figures, from the service's database and from the warehouse."""

import psycopg2
from psycopg2.pool import ThreadedConnectionPool
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from utils.database import DatabaseManager

WAREHOUSE = "host=warehouse dbname=reports"

engine = create_engine("postgresql://warehouse/reports")
warehouse_pool = ThreadedConnectionPool(1, 5, WAREHOUSE)


class ReportDB:
    def __init__(self, db_manager: DatabaseManager):
        self.db_manager = db_manager

    def monthly_summary(self):
        """Tickets per category."""
        connection = self.db_manager.get_connection()
        cursor = connection.cursor()
        cursor.execute("SELECT category, count(*) FROM tickets GROUP BY category")
        summary = dict(cursor.fetchall())
        cursor.close()
        connection.close()
        return summary

    def targets(self, month):
        """The goals that were set for a month."""
        with psycopg2.connect(WAREHOUSE) as conn, conn.cursor() as cursor:
            cursor.execute("SELECT team, goal FROM targets WHERE month = %s", (month,))
            return cursor.fetchall()

    def publish(self, month, summary):
        """Put the figures into the warehouse."""
        conn = warehouse_pool.getconn()
        try:
            with conn, conn.cursor() as cursor:
                cursor.execute("DELETE FROM summary WHERE month = %s", (month,))
                for category, tickets in summary.items():
                    cursor.execute("INSERT INTO summary VALUES (%s, %s, %s)", (month, category, tickets))
        finally:
            conn.close()

    def compare(self, month, last_month):
        """The figures of two months, side by side."""
        query = text("SELECT category, tickets FROM summary WHERE month = :month")
        with Session(engine) as session:
            current = session.execute(query, {"month": month}).all()
        previous = session.execute(query, {"month": last_month}).all()
        return current, previous

    def total(self):
        """All tickets ever counted."""
        return engine.connect().execute(text("SELECT sum(tickets) FROM summary")).scalar()

    def months(self):
        """Correct: the connection goes back at the end of the block."""
        with engine.connect() as conn:
            return conn.execute(text("SELECT DISTINCT month FROM summary")).scalars().all()

    def teams(self):
        """Correct: the slot is put back whatever happens."""
        conn = warehouse_pool.getconn()
        try:
            with conn.cursor() as cursor:
                cursor.execute("SELECT DISTINCT team FROM targets")
                return cursor.fetchall()
        finally:
            warehouse_pool.putconn(conn)
