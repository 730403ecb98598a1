"""Exchanges tickets with the partner's service and the data warehouse."""

import time

import psycopg2
import requests
from mysql.connector.errors import PoolError
from sqlalchemy import create_engine, text

from services.db.report_db import WAREHOUSE, warehouse_pool
from utils.database import DatabaseManager

PARTNER = "https://partner.example.com/tickets"


class SyncDB:
    def __init__(self, db_manager: DatabaseManager):
        self.db_manager = db_manager

    def send(self, ticket_id):
        """Tell the partner about a ticket."""
        with self.db_manager.cursor() as cursor:
            cursor.execute("SELECT subject, body FROM tickets WHERE id = %s", (ticket_id,))
            answer = requests.post(PARTNER, json=cursor.fetchone(), timeout=30)
            cursor.execute("UPDATE tickets SET partner_id = %s WHERE id = %s", (answer.text, ticket_id))

    def wait_for(self, job_id):
        """Until the warehouse has finished a job."""
        conn = warehouse_pool.getconn()
        try:
            with conn.cursor() as cursor:
                done = False
                while not done:
                    time.sleep(5)
                    cursor.execute("SELECT done FROM jobs WHERE id = %s", (job_id,))
                    (done,) = cursor.fetchone()
        finally:
            warehouse_pool.putconn(conn)

    def close_all(self, ticket_ids):
        """Close tickets, and note each in the log."""
        with self.db_manager.cursor() as cursor:
            cursor.execute("SET @reason = 'partner'")
            self.log("closing", len(ticket_ids))
            cursor.executemany("UPDATE tickets SET closed_at = now() WHERE id = %s", [(id_,) for id_ in ticket_ids])

    def log(self, action, count):
        with self.db_manager.cursor() as cursor:
            cursor.execute("INSERT INTO log VALUES (%s, %s)", (action, count))

    def import_answers(self, answers):
        """What the partner replied."""
        conn = warehouse_pool.getconn()
        try:
            with conn.cursor() as cursor:
                for answer in answers:
                    cursor.execute("INSERT INTO answers VALUES (%s, %s)", (answer["id"], answer["text"]))
                    conn.commit()
        finally:
            warehouse_pool.putconn(conn)

    def vacuum(self, tables):
        """Tidy up the warehouse."""
        for table in tables:
            conn = psycopg2.connect(WAREHOUSE)
            try:
                conn.autocommit = True
                conn.cursor().execute(f"VACUUM {table}")
            finally:
                conn.close()

    def backlog(self):
        """How much the partner has not seen yet."""
        engine = create_engine("postgresql://warehouse/reports", pool_pre_ping=True)
        with engine.connect() as conn:
            return conn.execute(text("SELECT count(*) FROM tickets WHERE partner_id IS NULL")).scalar()

    def patient_connection(self):
        """A connection, as soon as there is one."""
        while True:
            try:
                return self.db_manager.connection_pool.get_connection()
            except PoolError:
                time.sleep(1)
