"""Rewrites that enter the project's own context manager."""

from __future__ import annotations

from pathlib import Path

import pytest
from fixing import NOWHERE, fix

from leakcheck.engine import check
from leakcheck.fixes.rounds import mend
from leakcheck.project.project import Project
from leakcheck.settings import Settings

MANAGER = """\
import psycopg2
from contextlib import contextmanager


def connect(*args):
    return psycopg2.connect("x", *args)


@contextmanager
def lend(*args):
    \"\"\"A connection for a while.\"\"\"
    conn = connect(*args)
    try:
        yield conn
    finally:
        conn.close()
"""
USE = """

def use():
    conn = connect()  # ours
    conn.cursor().execute("DELETE")
    conn.close()
"""
USED = """

def use():
    with lend() as conn:  # ours
        conn.cursor().execute("DELETE")
"""
COMMITS = MANAGER.replace("        yield conn\n", "        yield conn\n        conn.commit()\n")


def test_one_that_stands_beside() -> None:
    result = fix(MANAGER + USE)
    assert result.text == MANAGER + USED
    assert result.left == ()


def test_one_in_the_same_class() -> None:
    head = "import psycopg2\nfrom contextlib import closing, contextmanager\n\n\nclass Database:\n"
    get = "    def get(self):\n        return psycopg2.connect(self.dsn)\n\n"
    lend = "    @contextmanager\n    def lend(self):\n        with closing(self.get()) as c:\n            yield c\n\n"
    use = "    def use(self):\n        conn = self.get()\n        conn.commit()\n        conn.close()\n"
    used = "    def use(self):\n        with self.lend() as conn:\n            conn.commit()\n"
    assert fix(head + get + lend + use).text == head + get + lend + used


@pytest.mark.parametrize(
    "manager",
    [
        COMMITS,
        MANAGER.replace("    conn = connect(*args)", "    conn = connect()"),
        MANAGER.replace("    conn = connect(*args)", "    conn = psycopg2.connect('y')"),
        MANAGER.replace("    try:\n        yield conn\n    finally:\n        conn.close()\n", "    yield conn\n"),
    ],
)
def test_one_that_does_something_else_is_left_alone(manager: str) -> None:
    assert "with lend() as conn:  # ours" not in fix(manager + USE, "unsafe").text


def test_one_that_is_named_is_entered_all_the_same_but_not_safely() -> None:
    preferred = (("example.connect", "example.lend"),)
    careful = fix(COMMITS + USE, settings=Settings(NOWHERE, fix="safe", prefer=preferred))
    assert careful.text == COMMITS + USE
    assert careful.reasons == ["unsafe: `lend` may do more than acquire and release"]
    bold = fix(COMMITS + USE, settings=Settings(NOWHERE, fix="unsafe", prefer=preferred))
    assert bold.text == COMMITS + USED


FILES = {
    "from .db import connect\n": ("from .db import connect, lend\n", "connect", "lend", {}),
    "from .db import connect, lend as own\n": ("from .db import connect, lend as own\n", "connect", "own", {}),
    "from app import db\n": ("from app import db\n", "db.connect", "db.lend", {}),
    "import os\nfrom app import db\n": (
        "import os\nfrom app import db\nfrom app.safe import lend\n",
        "db.connect",
        "lend",
        {"app.db.connect": "app.safe.lend"},
    ),
}


@pytest.mark.parametrize("before", FILES)
def test_one_in_another_file(before: str, tmp_path: Path) -> None:
    after, old, new, preferred = FILES[before]
    (tmp_path / "app").mkdir()
    for name, text in (("__init__", ""), ("db", MANAGER), ("safe", MANAGER)):
        (tmp_path / "app" / f"{name}.py").write_text(text, encoding="utf-8")
    settings = Settings(tmp_path, fix="safe", prefer=tuple(preferred.items()))
    project, name = Project(settings), str(tmp_path / "app" / "use.py")
    source = before + USE.replace("connect()", f"{old}()")
    report = mend(
        source, check(source, name, settings, project), lambda text: check(text, name, settings, project), settings
    )
    assert report.rewrite is not None
    assert report.rewrite.after == after + USED.replace("lend()", f"{new}()")
    assert report.diagnostics == ()
