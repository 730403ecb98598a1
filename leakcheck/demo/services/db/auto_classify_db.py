"""Reads unclassified tickets and writes their categories."""

import logging

from utils.database import DatabaseManager, db_retry_decorator

logger = logging.getLogger(__name__)

KEYWORDS = {"refund": "billing", "invoice": "billing", "password": "account", "crash": "bug"}


def classify(text):
    for word, category in KEYWORDS.items():
        if word in text.lower():
            return category
    return "other"


class AutoClassifyDB:
    def __init__(self, db_manager: DatabaseManager):
        self.db_manager = db_manager

    def fetch_unclassified(self, limit=2000):
        """The tickets that still need a category."""
        connection = self.db_manager.get_connection()
        cursor = connection.cursor(dictionary=True)
        cursor.execute("SELECT id, body FROM tickets WHERE category IS NULL LIMIT %s", (limit,))
        tickets = cursor.fetchall()
        cursor.close()
        return tickets

    @db_retry_decorator(max_retries=3)
    def save(self, results):
        """Write (category, ticket id) pairs."""
        connection = self.db_manager.get_connection()
        try:
            cursor = connection.cursor()
            cursor.executemany("UPDATE tickets SET category = %s WHERE id = %s", results)
            connection.commit()
        finally:
            cursor.close()
            connection.close()

    def mark_running(self, job_id):
        """Claim a job, unless another worker has it."""
        connection = self.db_manager.get_connection()
        cursor = connection.cursor()
        cursor.execute("UPDATE jobs SET running = 1 WHERE id = %s AND running = 0", (job_id,))
        if cursor.rowcount == 0:
            logger.info("job %s is taken", job_id)
            return False
        connection.commit()
        connection.close()
        return True

    def classify_all(self):
        """Classify everything that is waiting."""
        results = [(classify(ticket["body"]), ticket["id"]) for ticket in self.fetch_unclassified()]
        self.save(results)
        return len(results)

    def count_open(self):
        """How many tickets are open: the form all of this should have."""
        with self.db_manager.cursor() as cursor:
            cursor.execute("SELECT count(*) AS open FROM tickets WHERE closed_at IS NULL")
            return cursor.fetchone()["open"]
