"""What a finding is known by."""

from __future__ import annotations

from leakcheck.diagnostics import Diagnostic, Span, split_lines
from leakcheck.fingerprint import Identity, Scopes, identities, text_of

SOURCE = """\
import sqlite3


class Store:
    @staticmethod
    def load(path):
        sql = '''
SELECT 1
'''
        conn = sqlite3.connect(path)
        other = sqlite3.connect(path)
        def inner():
            return sqlite3.connect(path)
        return conn.execute(sql), other, inner


if True:
    top = sqlite3.connect("top.db")
"""


def known(source: str) -> list[Identity]:
    """The identities of every `sqlite3.connect(...)` in a text."""
    lines = split_lines(source)
    found = []
    for number, line in enumerate(lines, 1):
        if "sqlite3.connect" in line:
            start = line.index("sqlite3.connect") + 1
            place = Span("store.py", number, start, number, len(line) + 1)
            found.append(Diagnostic("LK101", "connection-not-closed", "error", "high", "", place))
    return list(identities(found, Scopes(lambda _: lines)))


def test_function_text_and_number() -> None:
    call = "sqlite3.connect(path)"
    assert known(SOURCE) == [
        Identity("LK101", "Store.load", call, 1),
        Identity("LK101", "Store.load", call, 2),
        Identity("LK101", "Store.load.inner", call, 1),
        Identity("LK101", "", 'sqlite3.connect("top.db")', 1),
    ]


def test_moved_lines_and_changed_layout_keep_it() -> None:
    moved = "# a comment\n\n" + SOURCE.replace("\n        conn =", "\n\n        # why\n        conn =")
    assert known(moved) == known(SOURCE)
    assert [one.digest("a.py") for one in known(moved)] == [one.digest("a.py") for one in known(SOURCE)]


def test_digests_differ_by_path_and_number() -> None:
    digests = {one.digest(path) for one in known(SOURCE) for path in ("a.py", "b.py")}
    assert len(digests) == 8


def test_text_over_several_lines() -> None:
    lines = split_lines("conn = connect(\n    dsn,\n    timeout=1,\n)")
    assert text_of(Span("a.py", 1, 8, 4, 2), lines) == "connect( dsn, timeout=1, )"
    assert text_of(Span("a.py", 9, 1, 9, 4), lines) == ""


def test_text_that_is_no_python_has_no_functions() -> None:
    assert Scopes(lambda _: ["def f(:", "    pass"]).enclosing("a.py", 2) == ""
