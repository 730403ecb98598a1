"""Functions before and after their rewrite."""

from __future__ import annotations

from textwrap import dedent

HEAD = "import sqlite3\nfrom contextlib import closing\n\n\n"


def code(text: str) -> str:
    return HEAD + dedent(text).lstrip("\n")


REWRITES = {
    "closed at the end": (
        """
        def f(p):
            conn = sqlite3.connect(p)  # ours
            # first
            conn.execute("DELETE FROM t")

            conn.close()
            return 1
        """,
        """
        def f(p):
            with closing(sqlite3.connect(p)) as conn:  # ours
                # first
                conn.execute("DELETE FROM t")

            return 1
        """,
    ),
    "never closed, up to the last use": (
        """
        def f(p):
            conn = sqlite3.connect(p)
            cur = conn.execute("SELECT 1")
            rows = cur.fetchall()
            return [row[0] for row in rows]
        """,
        """
        def f(p):
            with closing(sqlite3.connect(p)) as conn:
                cur = conn.execute("SELECT 1")
                rows = cur.fetchall()
            return [row[0] for row in rows]
        """,
    ),
    "try becomes with": (
        """
        def f(p):
            conn = sqlite3.connect(p)
            conn.execute("PRAGMA x")
            try:  # careful
                conn.execute("DELETE FROM t")
            finally:
                # always
                conn.close()
        """,
        """
        def f(p):
            with closing(sqlite3.connect(p)) as conn:
                conn.execute("PRAGMA x")
                # careful
                conn.execute("DELETE FROM t")
                # always
        """,
    ),
    "plain values outlive the connection, others do not": (
        """
        def counts(conn) -> "dict[str, int | None]":
            found = dict(parted(conn.execute("SELECT 1")))
            return found


        def rows(conn):
            return parted(conn.execute("SELECT 1"))


        def f(p):
            with sqlite3.connect(p) as conn:
                found = counts(conn)
            for name in found:
                print(name)


        def g(p):
            with sqlite3.connect(p) as conn:
                found = rows(conn)
            for name in found:
                print(name)
        """,
        """
        def counts(conn) -> "dict[str, int | None]":
            found = dict(parted(conn.execute("SELECT 1")))
            return found


        def rows(conn):
            return parted(conn.execute("SELECT 1"))


        def f(p):
            with closing(sqlite3.connect(p)) as conn, conn:
                found = counts(conn)
            for name in found:
                print(name)


        def g(p):
            with closing(sqlite3.connect(p)) as conn:
                with conn:
                    found = rows(conn)
                for name in found:
                    print(name)
        """,
    ),
    "a connection that only its cursor is used of": (
        """
        def both(p):
            conn = sqlite3.connect(p)
            return conn, conn.cursor()


        def f(p):
            conn, cur = both(p)
            cur.execute("SELECT 1")
            rows = cur.fetchall()
            print(len(rows))
            return rows
        """,
        """
        def both(p):
            conn = sqlite3.connect(p)
            return conn, conn.cursor()


        def f(p):
            conn, cur = both(p)
            with closing(conn):
                cur.execute("SELECT 1")
                rows = cur.fetchall()
            print(len(rows))
            return rows
        """,
    ),
    "another method of that name may give None": (
        """
        class Books:
            def get(self, p):
                return sqlite3.connect(p)


        class Films:
            def get(self, p):
                return sqlite3.connect(p) if p else None


        def f(p):
            conn = Books().get(p)
            conn.execute("DELETE FROM t")
            conn.close()


        def g(p):
            conn = Films().get(p)
            conn.execute("DELETE FROM t")
            conn.close()
        """,
        """
        class Books:
            def get(self, p):
                return sqlite3.connect(p)


        class Films:
            def get(self, p):
                return sqlite3.connect(p) if p else None


        def f(p):
            with closing(Books().get(p)) as conn:
                conn.execute("DELETE FROM t")


        def g(p):
            conn = Films().get(p)
            try:
                conn.execute("DELETE FROM t")
            finally:
                if conn is not None:
                    conn.close()
        """,
    ),
    "a test with nothing left to do goes": (
        """
        def f(p, q):
            conn = sqlite3.connect(p)
            conn.execute("PRAGMA x")
            try:
                conn.execute("DELETE FROM t")
                if q:
                    # enough
                    conn.close()
            finally:
                if hasattr(conn, "close"):
                    conn.close()


        def g(p, q):
            conn = sqlite3.connect(p)
            conn.execute("DELETE FROM t")
            if q:
                conn.close()
            return 1
        """,
        """
        def f(p, q):
            with closing(sqlite3.connect(p)) as conn:
                conn.execute("PRAGMA x")
                conn.execute("DELETE FROM t")


        def g(p, q):
            with closing(sqlite3.connect(p)) as conn:
                conn.execute("DELETE FROM t")
            return 1
        """,
    ),
    "comments at the end of a block move with it": (
        """
        def f(p, jobs):
            conn = sqlite3.connect(p)
            for job in jobs:
                try:
                    conn.execute(job)
                except sqlite3.Error as error:
                    print(error)

                    # the next one may still work
                # or none does
            # that was all
        """,
        """
        def f(p, jobs):
            with closing(sqlite3.connect(p)) as conn:
                for job in jobs:
                    try:
                        conn.execute(job)
                    except sqlite3.Error as error:
                        print(error)

                        # the next one may still work
                    # or none does
            # that was all
        """,
    ),
    "what a lambda calls by the same name is its own": (
        """
        def f(p, store):
            conn = sqlite3.connect(p)
            conn.execute("DELETE FROM t")
            conn.close()
            store.run(lambda conn: conn.execute("SELECT 1"), [conn for conn in store.all()])
        """,
        """
        def f(p, store):
            with closing(sqlite3.connect(p)) as conn:
                conn.execute("DELETE FROM t")
            store.run(lambda conn: conn.execute("SELECT 1"), [conn for conn in store.all()])
        """,
    ),
    "what a nested function needs, its calls need": (
        """
        def f(p):
            conn = sqlite3.connect(p)
            cur = conn.cursor()

            def one(sql):
                cur.execute(sql)
                return cur.fetchone()[0]

            class Twice:
                def get(self):
                    return 2 * one("SELECT 2")

            def shown(cur):
                print(cur)

            first, second = one("SELECT 1"), Twice().get()
            shown(first)
        """,
        """
        def f(p):
            with closing(sqlite3.connect(p)) as conn:
                cur = conn.cursor()

                def one(sql):
                    cur.execute(sql)
                    return cur.fetchone()[0]

                class Twice:
                    def get(self):
                        return 2 * one("SELECT 2")

                def shown(cur):
                    print(cur)

                first, second = one("SELECT 1"), Twice().get()
            shown(first)
        """,
    ),
    "multi-line strings keep their text": (
        """
        def f(p):
            conn = sqlite3.connect(p)
            conn.execute('''
        DELETE
            FROM t''')
            conn.close()
        """,
        """
        def f(p):
            with closing(sqlite3.connect(p)) as conn:
                conn.execute('''
        DELETE
            FROM t''')
        """,
    ),
    "semicolons": (
        """
        def f(p):
            conn = sqlite3.connect(p)
            conn.execute("DELETE FROM t"); conn.close()
        """,
        """
        def f(p):
            with closing(sqlite3.connect(p)) as conn:
                conn.execute("DELETE FROM t")
        """,
    ),
    "a suite on one line": (
        """
        def f(p, q):
            conn = sqlite3.connect(p)
            if q: conn.close(); return 1
            if conn: conn.commit()
            conn.close()
            return 2
        """,
        """
        def f(p, q):
            with closing(sqlite3.connect(p)) as conn:
                if q: return 1
                if conn: conn.commit()
            return 2
        """,
    ),
    "parentheses around what is entered go": (
        """
        def f(p):
            with (sqlite3.connect(p, timeout=5)) as conn:
                conn.execute("DELETE FROM t")
            with (sqlite3.connect(p)):
                pass
        """,
        """
        def f(p):
            with closing(sqlite3.connect(p, timeout=5)) as conn, conn:
                conn.execute("DELETE FROM t")
            with closing(sqlite3.connect(p)) as connection, connection:
                pass
        """,
    ),
    "the transaction stays": (
        """
        def f(p):
            with sqlite3.connect(p) as conn:
                conn.execute("DELETE FROM t")
        """,
        """
        def f(p):
            with closing(sqlite3.connect(p)) as conn, conn:
                conn.execute("DELETE FROM t")
        """,
    ),
    "used after its block": (
        """
        def f(p):
            with sqlite3.connect(p) as conn:
                conn.execute("DELETE FROM t")
            return conn.execute("SELECT 1").fetchone()
        """,
        """
        def f(p):
            with closing(sqlite3.connect(p)) as conn:
                with conn:
                    conn.execute("DELETE FROM t")
                return conn.execute("SELECT 1").fetchone()
        """,
    ),
    "used after its block, and closed": (
        """
        def f(p):
            with sqlite3.connect(p) as conn:
                conn.execute("DELETE FROM t")
            conn.execute("DELETE FROM u")
            conn.close()
        """,
        """
        def f(p):
            with closing(sqlite3.connect(p)) as conn:
                with conn:
                    conn.execute("DELETE FROM t")
                conn.execute("DELETE FROM u")
        """,
    ),
    "closed after its block": (
        """
        def f(p):
            with sqlite3.connect(p) as conn:
                conn.execute("DELETE FROM t")
            conn.close()
        """,
        """
        def f(p):
            with closing(sqlite3.connect(p)) as conn, conn:
                conn.execute("DELETE FROM t")
        """,
    ),
    "another connection of that name, in a loop": (
        """
        def f(p, q):
            with sqlite3.connect(p) as conn:
                names = conn.execute("SELECT name FROM t").fetchall()
            time.sleep(3)
            for name in names:
                with sqlite3.connect(q) as conn:
                    conn.execute("DELETE FROM t WHERE name = ?", name)
        """,
        """
        def f(p, q):
            with closing(sqlite3.connect(p)) as conn, conn:
                names = conn.execute("SELECT name FROM t").fetchall()
            time.sleep(3)
            for name in names:
                with closing(sqlite3.connect(q)) as conn, conn:
                    conn.execute("DELETE FROM t WHERE name = ?", name)
        """,
    ),
    "another connection of that name, on one branch": (
        """
        def f(p):
            with sqlite3.connect(p) as conn:
                count = conn.execute("SELECT count(*) FROM t").fetchone()[0]
            if not count:
                with sqlite3.connect(p) as conn:
                    conn.execute("INSERT INTO t VALUES (1)")
                time.sleep(3)
            return count
        """,
        """
        def f(p):
            with closing(sqlite3.connect(p)) as conn, conn:
                count = conn.execute("SELECT count(*) FROM t").fetchone()[0]
            if not count:
                with closing(sqlite3.connect(p)) as conn, conn:
                    conn.execute("INSERT INTO t VALUES (1)")
                time.sleep(3)
            return count
        """,
    ),
    "another connection of that name, in a nested function": (
        """
        def f(p, q):
            with sqlite3.connect(p) as conn:
                conn.execute("DELETE FROM t")

            def g(key):
                with sqlite3.connect(q) as conn:
                    conn.execute("DELETE FROM t WHERE key = ?", (key,))

            g(1)
        """,
        """
        def f(p, q):
            with closing(sqlite3.connect(p)) as conn, conn:
                conn.execute("DELETE FROM t")

            def g(key):
                with closing(sqlite3.connect(q)) as conn, conn:
                    conn.execute("DELETE FROM t WHERE key = ?", (key,))

            g(1)
        """,
    ),
    "perhaps another connection of that name": (
        """
        def f(p, q):
            with sqlite3.connect(p) as conn:
                conn.execute("DELETE FROM t")
            if q:
                conn = q.connection
            conn.execute("DELETE FROM u")
            return q
        """,
        """
        def f(p, q):
            with closing(sqlite3.connect(p)) as conn:
                with conn:
                    conn.execute("DELETE FROM t")
                if q:
                    conn = q.connection
                conn.execute("DELETE FROM u")
            return q
        """,
    ),
    "opened on every branch": (
        """
        def f(p):
            if not p:
                return None
            elif p == "memory":
                conn = sqlite3.connect(":memory:")
            else:
                conn = sqlite3.connect(p)
            conn.execute("DELETE FROM t")
            conn.close()
        """,
        """
        def f(p):
            if not p:
                return None
            elif p == "memory":
                conn = sqlite3.connect(":memory:")
            else:
                conn = sqlite3.connect(p)
            with closing(conn):
                conn.execute("DELETE FROM t")
        """,
    ),
    "perhaps None": (
        """
        def f(p):
            conn = sqlite3.connect(p) if p else None
            if conn:
                conn.execute("DELETE FROM t")
                conn.close()
        """,
        """
        def f(p):
            conn = sqlite3.connect(p) if p else None
            try:
                if conn:
                    conn.execute("DELETE FROM t")
            finally:
                if conn is not None:
                    conn.close()
        """,
    ),
    "handed over": (
        """
        def f(p):
            conn = sqlite3.connect(p)
            conn.execute("PRAGMA x")
            return conn
        """,
        """
        def f(p):
            conn = sqlite3.connect(p)
            try:
                conn.execute("PRAGMA x")
            except BaseException:
                conn.close()
                raise
            return conn
        """,
    ),
    "the acquire stays in its try": (
        """
        def f(p):
            try:
                conn = sqlite3.connect(p)
            except sqlite3.Error:
                return None
            rows = conn.execute("SELECT 1").fetchall()
            return rows
        """,
        """
        def f(p):
            try:
                conn = sqlite3.connect(p)
            except sqlite3.Error:
                return None
            with closing(conn):
                rows = conn.execute("SELECT 1").fetchall()
            return rows
        """,
    ),
    "what catches the error of close still does": (
        """
        def f(p):
            conn = sqlite3.connect(p)
            try:
                conn.execute("DELETE FROM t")
                conn.close()
            except sqlite3.Error:
                print("failed")
        """,
        """
        def f(p):
            conn = sqlite3.connect(p)
            try:
                with closing(conn):
                    conn.execute("DELETE FROM t")
            except sqlite3.Error:
                print("failed")
        """,
    ),
    "two connections": (
        """
        def f(p, q):
            a = sqlite3.connect(p)
            b = sqlite3.connect(q)
            b.executemany("INSERT INTO t VALUES (?)", a.execute("SELECT 1"))
            b.close()
            a.close()
        """,
        """
        def f(p, q):
            with closing(sqlite3.connect(p)) as a:
                with closing(sqlite3.connect(q)) as b:
                    b.executemany("INSERT INTO t VALUES (?)", a.execute("SELECT 1"))
        """,
    ),
    "two connections closed in the order of their opening": (
        """
        def f(p, q):
            a = sqlite3.connect(p)
            b = sqlite3.connect(q)
            b.executemany("INSERT INTO t VALUES (?)", a.execute("SELECT 1"))
            a.close()
            b.close()
        """,
        """
        def f(p, q):
            with closing(sqlite3.connect(p)) as a:
                with closing(sqlite3.connect(q)) as b:
                    b.executemany("INSERT INTO t VALUES (?)", a.execute("SELECT 1"))
        """,
    ),
    "opened on one branch": (
        """
        def f(conn=None):
            if conn is None:
                conn = sqlite3.connect("x")
            return conn.execute("SELECT 1").fetchall()
        """,
        """
        def f(conn=None):
            with ExitStack() as stack:
                if conn is None:
                    conn = stack.enter_context(closing(sqlite3.connect("x")))
                return conn.execute("SELECT 1").fetchall()
        """,
    ),
    "clean-up that fails": (
        """
        def f(p):
            conn = None
            try:
                conn = sqlite3.connect(p)
                cur = conn.cursor()
                cur.execute("DELETE FROM t")
            except sqlite3.Error:
                conn.rollback()
            finally:
                cur.close()
                if conn is not None:
                    conn.close()
        """,
        """
        def f(p):
            conn = None
            try:
                conn = sqlite3.connect(p)
                cur = conn.cursor()
                cur.execute("DELETE FROM t")
            except sqlite3.Error:
                conn.rollback()
            finally:
                try:
                    cur.close()
                finally:
                    if conn is not None:
                        conn.close()
        """,
    ),
    "another branch, another connection": (
        """
        def f(p, kind):
            if kind == "clear":
                conn = sqlite3.connect(p)
                cur = conn.cursor()
                cur.execute("DELETE FROM t")
                conn.close()
                print("cleared")
            elif kind == "count":
                conn = sqlite3.connect(p)
                cur = conn.cursor()
                cur.execute("SELECT count(*) FROM t")
                print(cur.fetchone())
                conn.close()
            else:
                conn = sqlite3.connect(":memory:")
                conn.execute("SELECT 1")
                conn.close()
        """,
        """
        def f(p, kind):
            if kind == "clear":
                with closing(sqlite3.connect(p)) as conn:
                    cur = conn.cursor()
                    cur.execute("DELETE FROM t")
                print("cleared")
            elif kind == "count":
                with closing(sqlite3.connect(p)) as conn:
                    cur = conn.cursor()
                    cur.execute("SELECT count(*) FROM t")
                    print(cur.fetchone())
            else:
                with closing(sqlite3.connect(":memory:")) as conn:
                    conn.execute("SELECT 1")
        """,
    ),
    "another case in a loop": (
        """
        def f(p, kinds):
            for kind in kinds:
                match kind:
                    case "clear":
                        conn = sqlite3.connect(p)
                        conn.execute("DELETE FROM t")
                        conn.close()
                    case str():
                        conn = sqlite3.connect(p)
                        conn.execute("SELECT 1")
                        conn.close()
        """,
        """
        def f(p, kinds):
            for kind in kinds:
                match kind:
                    case "clear":
                        with closing(sqlite3.connect(p)) as conn:
                            conn.execute("DELETE FROM t")
                    case str():
                        with closing(sqlite3.connect(p)) as conn:
                            conn.execute("SELECT 1")
        """,
    ),
    "closed with its cursor by a helper": (
        """
        def finish(conn, cur):
            if cur:
                cur.close()
            conn.close()


        def f(p):
            conn = sqlite3.connect(p)
            cur = conn.cursor()
            cur.execute("SELECT 1")
            row = cur.fetchone()
            finish(conn, cur)
            return row


        def begin(p):
            conn = sqlite3.connect(p)
            return conn, conn.cursor()


        def g(p):
            conn, cur = begin(p)
            cur.execute("DELETE FROM t")
            conn.commit()
            finish(conn, cur=cur)
        """,
        """
        def finish(conn, cur):
            if cur:
                cur.close()
            conn.close()


        def f(p):
            conn = sqlite3.connect(p)
            cur = conn.cursor()
            try:
                cur.execute("SELECT 1")
                row = cur.fetchone()
            finally:
                finish(conn, cur)
            return row


        def begin(p):
            conn = sqlite3.connect(p)
            return conn, conn.cursor()


        def g(p):
            conn, cur = begin(p)
            try:
                cur.execute("DELETE FROM t")
                conn.commit()
            finally:
                finish(conn, cur=cur)
        """,
    ),
}
