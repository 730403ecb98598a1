"""Which functions are run: at least all that acquire, and few others."""

from __future__ import annotations

from pathlib import Path

import pytest

from leakcheck.flow.interpreter import summaries_for
from leakcheck.flow.prospects import Prospects
from leakcheck.flow.resolve import Resolver
from leakcheck.project.project import Project
from leakcheck.settings import Settings

HEAD = """
import functools
import sqlite3
from contextlib import closing, contextmanager
from psycopg2.pool import ThreadedConnectionPool
from psycopg2 import connect

pool = ThreadedConnectionPool(1, 9)

class Signal:
    def connect(self, handler): self.handlers = [handler]
    def getconn(self): return sqlite3.connect("x")
    def __enter__(self): return self.getconn()

class Plain:
    sent = Signal()
    def connect(self): return self.connection
    @property
    def connection(self): return connect("x")
    @property
    def signal(self): return Signal()

@contextmanager
def opened():
    with closing(connect("x")) as conn:
        yield conn

def even(n): return odd(n)
def odd(n): return even(n) or connect('x')
def first(n): return second(n)
def second(n): return first(n)

"""
ACQUIRING = [
    "connect('x')",
    "sqlite3.connect('x')",
    "pool.getconn()",
    "open_db = sqlite3.connect; open_db('x')",
    "functools.partial(sqlite3.connect, 'x')()",
    "submit(sqlite3.connect)",
    "Signal().getconn()",
    "made = Signal(); made.getconn()",
    "(made := Signal()).getconn()",
    "for each in (Signal(), None): pass\n    made, _ = each = Signal(), 1; made.getconn()",
    "self.made = Signal(); self.made.getconn()",
    "made = {'a': Signal()}; made['a'].getconn()",
    "made = {}; made['a'] = Signal(); made['a'].getconn()",
    "with closing(Signal()) as made: made.getconn()",
    "with given.connect() as one, Signal() as made: pass",
    "Plain().connection",
    "Plain().connection.cursor()",
    "Plain().connect()",
    "Plain().signal.getconn()",
    "with opened() as conn: pass",
    "given.getconn()",
    "box.pool.getconn()",
    "even(1)",
    "call = lambda: connect('x'); call()",
    "import sqlite3 as db; db.connect('x')",
    "from sqlite3 import connect as anew; anew('x')",
]
HARMLESS = [
    "Signal().connect(print)",
    "made = Signal(); made.connect(print)",
    "Plain.sent.connect(print)",
    "given.connect(print)",
    "signal = given or Signal(); signal.connect(print)",
    "with given as connect: connect.close()",
    "first(1)",
    "given.connection.close()",
    "text = 'connect'; print(text.connect)",
]


def run(body: str) -> list[str]:
    """The functions that are run of `f(self, given, box)` with that body and of what stands above it."""
    project = Project(Settings(Path("/nowhere")))
    resolver = Resolver(project)
    module = project.add(f"{HEAD}def f(self, given, box):\n    {body}\n", "some.py")
    found = Prospects(resolver, summaries_for(resolver, False)).acquiring(module)
    return [function.qualname if function else "" for function in found]


@pytest.mark.parametrize("body", ACQUIRING)
def test_what_acquires_is_run(body: str) -> None:
    assert "f" in run(body)


@pytest.mark.parametrize("body", HARMLESS)
def test_what_means_something_else_by_the_name_is_not_run(body: str) -> None:
    assert "f" not in run(body)


def test_a_function_is_told_from_the_one_around_it() -> None:
    assert run("def inner(): return connect('x')\n    return inner")[-1] == "f.inner"


@pytest.mark.parametrize(("statement", "at_top"), [("conn = connect('x')", True), ("connect = 1", False)])
def test_the_top_level_is_run_only_if_it_acquires(statement: str, at_top: bool) -> None:
    assert ("" in run(f"pass\n{statement}")) is at_top
