"""The run: which files reach the engine, and what happens to those that break it."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from leakcheck import batches, catalogue, checking, engine, runner
from leakcheck.diagnostics import Report
from leakcheck.project.triage.facts import facts_of, import_statements
from leakcheck.project.triage.pick import Triage
from leakcheck.project.triage.vocabulary import vocabulary
from leakcheck.settings import Settings

LEAK = "import sqlite3\nconn = sqlite3.connect('x')\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def plant(**texts: str) -> list[str]:
    for name, text in texts.items():
        Path(f"{name}.py").write_text(text, encoding="utf-8")
    return [f"{name}.py" for name in texts]


def test_only_files_that_matter_reach_the_engine(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(engine, "check", lambda text, name, settings, project: Report(name))
    outcome = runner.run(plant(b=LEAK, a="print('hello')\n", c="pool.getconn()\n"), Settings(folder))
    assert [report.filename for report in outcome.reports] == ["b.py", "c.py"]
    assert (outcome.files, outcome.without) == (3, 1)


def picked(texts: dict[str, bytes]) -> set[str]:
    """What triage picks of files that stand in the current folder."""
    for name, text in texts.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(text)
    return Triage(vocabulary(catalogue.load()), texts.__getitem__, str(Path.cwd())).pick(texts)


def test_a_wrapper_may_name_what_it_gives_before_it_returns_it() -> None:
    texts = {
        "store.py": b"import sqlite3\n\ndef shelf(path):\n    handle = sqlite3.connect(path)\n    return handle\n",
        "report.py": b"from store import shelf\n\ndef rows(path):\n    return shelf(path).run()\n",
    }
    assert picked(texts) == set(texts)


def test_wrappers_in_other_files_count() -> None:
    texts = {
        "app/db.py": b"import sqlite3\ndef fresh():\n    return sqlite3.connect('x')\nMAKE = sessionmaker()\n",
        "app/wrap.py": b"from app.db import fresh\nclass Store:\n    def get(self):\n        return fresh()\n",
        "user.py": b"from app import (\n    wrap,\n)\nwrap.Store().get()\n",
        "other.py": b"from app.db import VERSION\nprint(VERSION)\n",
        "word.py": b"fresh = 'no import of db'\n",
        "factory.py": b"from app.db import MAKE\ns = MAKE()\n",
        "passing.py": b"from app.db import fresh\n",
        "late.py": b"import passing\npassing.fresh()\n",
    }
    assert picked(texts) == {"app/db.py", "app/wrap.py", "user.py", "factory.py", "late.py"}


def test_words_count_where_they_are_used() -> None:
    known = vocabulary(catalogue.load())

    def used(text: bytes) -> set[str]:
        return {word.decode() for word in facts_of(b"import sqlite3, sqlalchemy\n" + text, known).used}

    assert used(b"sqlite3.connect('x')\n") == {"connect"}
    assert used(b"from sqlite3 import connect as c\nc('x')\n") == {"connect"}
    assert used(b"c = partial(connect, 'x')\nd = acquire\n") == {"connect", "acquire"}
    assert used(b"(sqlite3\n .connect\n ('x'))\n") == {"connect"}
    assert used(b"e = create_engine('x')\n") == {"create_engine"}
    assert used(b"for row in rows:\n    cursor.execute(row)\n") == {"execute"}
    assert not used(b"cursor.execute('x')\n")  # once is no matter
    assert not used(b"# connect to the server\nreconnect()\nconnect_all()\n'begin' in connection_names\n")
    assert used(b"x = 1  # noqa: LK101\n") == used(b"# leakcheck: skip-file\n") == {"leakcheck"}


def test_import_statements_follow_one_another() -> None:
    lines = b"import os\nimport sqlite3\nfrom a import (\n    b,\n)\nimport c as d\n\nimport e, \\\n  f\nx = 1\n"
    found = import_statements(lines)
    assert [statement.split()[1] for statement in found] == [b"os", b"sqlite3", b"a", b"c", b"e,"]


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfimport sqlite3\n",
        b"'''A file.'''\rimport sqlite3\r",
        b"try: import sqlite3\nexcept ImportError: pass\n",
        b"if TYPE_CHECKING: from sqlite3 import Connection\n",
        b"x = 1; import sqlite3",
        b"def late():\n\t\f import sqlite3\n",
    ],
)
def test_where_import_statements_may_stand(text: bytes) -> None:
    (found,) = import_statements(text)
    assert found.split()[:2] in ([b"import", b"sqlite3"], [b"from", b"sqlite3"])


def test_a_word_that_needs_its_library_counts_only_near_it() -> None:
    texts = {
        "mail.py": b"with transaction():\n    send()\n",
        "far.py": b"import near\nwith transaction():\n    send()\n",
        "near.py": b"import databases\n",
        "other.py": b"import sqlalchemy\nwith transaction():\n    send()\n",  # which has no such call
    }
    assert picked(texts) == {"far.py"}


@pytest.mark.parametrize(
    ("call", "counts"),
    [
        (b"self.engine.connect()", True),
        (b"get_engine('a').connect()", True),
        (b"(await get_engine()).connect()", True),  # cannot be told from so near
        (b"(engine\n .connect())", True),
        (b"Engine(make(1), [2]) . connect()", True),
        (b"engine\nsocket.connect()", False),
        (b"connect(engine)", False),
        (b"engines[0].connect()", False),
        (b"pool.connect()", False),
        (b"signal(1).connect(engine)", False),
    ],
)
def test_a_word_that_needs_a_receiver_of_some_name(call: bytes, counts: bool) -> None:
    assert picked({"a.py": b"x = " + call + b"\n"}) == ({"a.py"} if counts else set())


def test_what_objects_give_is_offered_by_those_who_make_them() -> None:
    texts = {
        "links.py": b"import sqlite3\nclass Links:\n    def fresh(self):\n        return sqlite3.connect('x')\n",
        "shared.py": b"import links\nthe_links = links.Links()\n",
        "below.py": b"from links import Links\nclass Below(Links):\n    pass\n",
        "user.py": b"from shared import the_links\nthe_links.fresh()\n",
        "other.py": b"import below\nbelow.Below().fresh()\n",
        "stranger.py": b"import os\nos.fresh()\n",
    }
    assert picked(texts) >= {"links.py", "user.py", "other.py"}
    assert "stranger.py" not in picked(texts)


def test_the_session_of_a_request_counts_only_near_a_library_that_keeps_one() -> None:
    texts = {
        "models.py": b"from flask_sqlalchemy import SQLAlchemy\ndb = SQLAlchemy()\n",
        "shop.py": b"from models import User\nUser.query.get(1)\n",
        "web.py": b"import requests\nrequests.session.query('a')\n",
        "tables.py": b"import sqlalchemy\ndef names(session, User):\n    return session.query(User).all()\n",
    }
    assert picked(texts) == {"shop.py"}


def test_a_transaction_counts_where_its_library_is_near() -> None:
    texts = {
        "a.py": b"from django.db import transaction\nwith transaction.atomic():\n    notify()\n",
        "b.py": b"from files import atomic\nwith atomic():\n    notify()\n",
    }
    assert picked(texts) == {"a.py"}


def test_what_is_imported_from_the_rest_of_the_project_is_read_too(folder: Path) -> None:
    (folder / "src" / "app").mkdir(parents=True)
    (folder / "src" / "app" / "db.py").write_text("import sqlite3\ndef fresh():\n    return sqlite3.connect('x')\n")
    (folder / "src" / "app" / "names.py").write_text("VERSION = 1\n")
    texts = {
        str(folder / "tests" / "a.py"): b"from app.db import fresh\nfresh().run('x')\n",
        str(folder / "tests" / "b.py"): b"from app.names import (\n    VERSION,  # only this\n)\nprint(VERSION)\n",
        str(folder / "src" / "app" / "c.py"): b"from . import db as base, names\nbase.fresh()\n",
    }
    chosen = Triage(vocabulary(catalogue.load()), texts.__getitem__, str(folder)).pick(texts)
    assert {Path(file).name for file in chosen} == {"a.py", "c.py"}
    assert not Triage(vocabulary(catalogue.load()), texts.__getitem__).pick(texts)  # no project to look into


def test_a_project_elsewhere_is_checked_as_from_within(folder: Path) -> None:
    """Also its folders that are no packages."""
    (folder / "here").mkdir()
    (folder / "there" / "shop").mkdir(parents=True)
    (folder / "there" / "web").mkdir()
    (folder / "there" / "shop" / "links.py").write_text(
        "import sqlite3\nclass Links:\n    @property\n    def link(self):\n        return sqlite3.connect('x')\n"
    )
    user = folder / "there" / "web" / "a.py"
    user.write_text("from shop.links import Links\ndef ask():\n    with Links().link as c:\n        c.execute('x')\n")
    files = [str(user), str(folder / "there" / "shop" / "links.py")]
    outcome = runner.run(files, Settings(folder / "here"))
    assert [d.code for report in outcome.reports for d in report.diagnostics] == ["LK103"]
    assert outcome.settings == Settings(folder / "here")


def test_a_package_elsewhere_is_checked_as_from_outside_of_it(folder: Path) -> None:
    """Its modules import each other by its name."""
    (folder / "here").mkdir()
    shop = folder / "there" / "shop"
    (shop / "web").mkdir(parents=True)
    (shop / "__init__.py").touch()
    (shop / "web" / "__init__.py").touch()
    (shop / "db.py").write_text("import sqlite3\ndef fresh():\n    return sqlite3.connect('x')\n")
    user = shop / "web" / "a.py"
    user.write_text("from ..db import fresh\ndef ask():\n    fresh().execute('x')\n")
    for files in ([str(user)], [str(user), str(shop / "db.py")]):
        outcome = runner.run(files, Settings(folder / "here"))
        assert [d.code for report in outcome.reports for d in report.diagnostics] == ["LK101"]


def test_packages_outside_the_project_are_followed_too(folder: Path) -> None:
    (folder / "here").mkdir()
    (folder / "there" / "shop" / "web").mkdir(parents=True)
    texts = {
        str(folder / "there" / "shop" / "__init__.py"): b"",
        str(folder / "there" / "shop" / "web" / "__init__.py"): b"",
        str(folder / "there" / "shop" / "db.py"): b"import sqlite3\ndef fresh():\n    return sqlite3.connect('x')\n",
        str(folder / "there" / "shop" / "web" / "a.py"): b"from shop.db import fresh\nfresh().run('x')\n",
    }
    for name, text in texts.items():
        Path(name).write_bytes(text)
    chosen = Triage(vocabulary(catalogue.load()), texts.__getitem__, str(folder / "here")).pick(texts)
    assert {Path(file).name for file in chosen} == {"db.py", "a.py"}


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("what\na mess"), "internal error: ValueError: what (test_cli_runner.py:"),
        (RecursionError(), "too deeply nested"),
        (MemoryError(), "not enough memory"),
        (engine.SourceError(3, "unexpected token"), "line 3: unexpected token"),
    ],
)
def test_a_failure_stays_in_its_file(
    monkeypatch: pytest.MonkeyPatch, folder: Path, error: Exception, message: str
) -> None:
    def check(text: str, name: str, settings: Settings, project: object) -> Report:
        if name == "bad.py":
            raise error
        return Report(name)

    monkeypatch.setattr(engine, "check", check)
    outcome = runner.run(plant(bad=LEAK, good=LEAK), Settings(folder))
    bad, good = outcome.reports
    assert (bad.error or "").startswith(message)
    assert good.error is None
    assert outcome.errors == (bad,)


def test_a_run_without_candidates_imports_nothing_heavy(folder: Path) -> None:
    (name,) = plant(plain="print('hello')\n")
    code = "import sys; from leakcheck.cli import main; main(sys.argv[1:], standalone_mode=False); print(*sys.modules)"
    command = [sys.executable, "-c", code, "--quiet", "--no-cache", name]
    loaded = set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
    assert loaded.isdisjoint({"libcst", "leakcheck.engine", "leakcheck.diagnostics", "multiprocessing"})


def test_a_file_that_vanishes_or_cannot_be_read(folder: Path) -> None:
    (folder / "folder.py").mkdir()
    outcome = runner.run(["folder.py", "gone.py"], Settings(folder))
    assert [(r.filename, r.error) for r in outcome.reports] == [
        ("folder.py", "Is a directory"),
        ("gone.py", "No such file or directory"),
    ]


def test_room_for_recursion() -> None:
    def deep(n: int) -> int:
        return deep(n - 1) + 1 if n else 0

    before = sys.getrecursionlimit()
    assert checking.with_room(lambda: deep(10_000)) == 10_000
    assert sys.getrecursionlimit() == before


def test_without_another_thread_there_is_no_more_room(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    limit = sys.getrecursionlimit()
    assert checking.with_room(sys.getrecursionlimit) == limit
    with pytest.raises(ZeroDivisionError):
        checking.with_room(lambda: 1 // 0)


def test_a_project_that_has_grown_too_large_is_read_anew(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    batches.forget()
    files = plant(**{f"m{n}": LEAK for n in range(4)})
    first, *rest = files
    batches.check([first], Settings(folder))
    one = batches._projects[Settings(folder)].memory
    monkeypatch.setattr(batches, "_ROOM", 3 * one - 1)
    seen = [(batches.check([file], Settings(folder)), batches._projects[Settings(folder)].memory) for file in rest]
    assert [memory // one for _, memory in seen] == [2, 3, 1]
    batches.forget()
    assert [report for batch, _ in seen for report in batch.reports] == batches.check(rest, Settings(folder)).reports


def test_libcst_is_the_same_when_it_is_imported_faster() -> None:
    code = """
from dataclasses import dataclass
from leakcheck.lean import import_libcst
import_libcst()
import dataclasses, libcst
assert libcst.parse_module("x").encoding == "utf-8" and libcst.parse_expression("a.b").attr.value == "b"
assert libcst.parse_module("x", libcst.PartialParserConfig(encoding="latin-1")).encoding == "latin-1"
assert libcst.parse_module(b"# coding: latin-1\\nx = '\\xe4'").code.endswith("'ä'")
assert libcst.MetadataWrapper(libcst.parse_module("x")).resolve(libcst.metadata.ScopeProvider)
from libcst.metadata import CodePosition
assert dataclasses.dataclass is dataclass
name = libcst.Name("x")
assert name == name != libcst.Name("x") and len({name, libcst.Name("x")}) == 2
assert repr(name).startswith("Name(") and name.deep_equals(name.deep_clone())
assert isinstance(name, libcst.Name) and isinstance(name, (libcst.Call, libcst.BaseExpression))
assert not isinstance(name, (libcst.Call, libcst.BaseStatement)) and not isinstance(None, libcst.CSTNode)
assert CodePosition(1, 2) == CodePosition(1, 2) and name.with_changes(value="y").value == "y"
assert libcst.parse_module("with a as b:\\n    c()\\n").code == "with a as b:\\n    c()\\n"
"""
    subprocess.run([sys.executable, "-c", code], check=True)
