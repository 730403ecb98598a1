"""Tickets that customers upload as CSV files."""

import csv
import logging
import sqlite3
from contextlib import closing

import mysql.connector

from utils.database import DatabaseManager

logger = logging.getLogger(__name__)

JOURNAL = "uploads.db"


def open_journal():
    conn = sqlite3.connect(JOURNAL)
    conn.row_factory = sqlite3.Row
    return conn


class UploadDB:
    def __init__(self, db_manager: DatabaseManager):
        self.db_manager = db_manager

    def upload_file(self, path):
        """Store the rows of a file once; the number of new tickets."""
        if self.seen(path):
            return 0
        with open(path, newline="", encoding="utf-8") as file:
            tickets = [(row["subject"], row["body"]) for row in csv.DictReader(file)]
        self.insert_tickets(tickets)
        self.remember(path)
        return len(tickets)

    def insert_tickets(self, tickets):
        """All or nothing."""
        connection = self.db_manager.get_connection()
        try:
            cursor = connection.cursor()
            for ticket in tickets:
                cursor.execute("INSERT INTO tickets (subject, body) VALUES (%s, %s)", ticket)
            connection.commit()
        except mysql.connector.Error:
            connection.rollback()
            connection.close()
            raise
        finally:
            connection.close()

    def seen(self, path):
        """Was this file uploaded before?"""
        conn = open_journal()
        row = conn.execute("SELECT 1 FROM uploads WHERE path = ?", (path,)).fetchone()
        return row is not None

    def remember(self, path):
        """Note that this file is done."""
        with sqlite3.connect(JOURNAL) as conn:
            conn.execute("INSERT INTO uploads VALUES (?, datetime())", (path,))

    def forget(self, path):
        """Correct: the journal is committed and closed."""
        with closing(open_journal()) as conn, conn:
            conn.execute("DELETE FROM uploads WHERE path = ?", (path,))
