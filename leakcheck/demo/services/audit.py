"""Who did what."""

import sqlite3


class AuditLog:
    """Keeps its file open, and offers nobody a way to close it."""

    def __init__(self, path):
        self.conn = sqlite3.connect(path)

    def record(self, action, detail):
        with self.conn:
            self.conn.execute("INSERT INTO audit VALUES (datetime(), ?, ?)", (action, str(detail)))

    def last(self, count=20):
        return self.conn.execute("SELECT * FROM audit ORDER BY at DESC LIMIT ?", (count,)).fetchall()
