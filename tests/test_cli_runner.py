"""The run: which files reach the engine, what happens to those that break it, and processes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from leakcheck import catalogue, engine, runner
from leakcheck.diagnostics import Report
from leakcheck.project.triage import Triage, mentions
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


def test_a_wrapper_may_name_what_it_gives_before_it_returns_it() -> None:
    texts = {
        "store.py": b"import sqlite3\n\ndef shelf(path):\n    handle = sqlite3.connect(path)\n    return handle\n",
        "report.py": b"from store import shelf\n\ndef rows(path):\n    return shelf(path).run()\n",
    }
    assert Triage(catalogue.load(), texts.__getitem__).pick(texts) == set(texts)


def test_wrappers_in_other_files_count() -> None:
    texts = {
        "db.py": b"import sqlite3\ndef fresh():\n    return sqlite3.connect('x')\nMAKE = sessionmaker()\n",
        "wrap.py": b"from app.db import fresh\nclass Store:\n    def get(self):\n        return fresh()\n",
        "user.py": b"from app import (\n    wrap,\n)\nwrap.Store().get()\n",
        "other.py": b"from app.db import VERSION\nprint(VERSION)\n",
        "word.py": b"fresh = 'no import of db'\n",
        "factory.py": b"from app.db import MAKE\ns = MAKE()\n",
    }
    triage = Triage(catalogue.load(), texts.__getitem__)
    assert triage.pick(texts) == {"db.py", "wrap.py", "user.py", "factory.py"}


def test_words_are_whole_words() -> None:
    known = catalogue.load()
    assert mentions(b"import sqlite3", known)
    assert not mentions(b"import sqlite3_like_thing", known)


def test_what_is_imported_from_the_rest_of_the_project_is_read_too(folder: Path) -> None:
    (folder / "src" / "app").mkdir(parents=True)
    (folder / "src" / "app" / "db.py").write_text("import sqlite3\ndef fresh():\n    return sqlite3.connect('x')\n")
    (folder / "src" / "app" / "names.py").write_text("VERSION = 1\n")
    texts = {
        str(folder / "tests" / "a.py"): b"from app.db import fresh\nfresh().execute('x')\n",
        str(folder / "tests" / "b.py"): b"from app.names import (\n    VERSION,  # only this\n)\nprint(VERSION)\n",
        str(folder / "src" / "app" / "c.py"): b"from . import db as base, names\nbase.fresh()\n",
    }
    chosen = Triage(catalogue.load(), texts.__getitem__, str(folder)).pick(texts)
    assert {Path(file).name for file in chosen} == {"a.py", "c.py"}
    assert not Triage(catalogue.load(), texts.__getitem__).pick(texts)


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
    assert runner.with_room(lambda: deep(10_000)) == 10_000
    assert sys.getrecursionlimit() == before


def test_processes_give_the_same(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    files = plant(**{f"m{n}": LEAK for n in range(20)})
    alone = runner.run(files, Settings(folder))
    monkeypatch.setattr(runner, "_WORTH_A_POOL", 2)
    seen: list[tuple[int, int]] = []
    together = runner.run(files, Settings(folder), jobs=2, progress=lambda done, total: seen.append((done, total)))
    assert together == alone
    assert seen[-1] == (20, 20)


def _die_on_bad(files: list[str], settings: Settings) -> list[Report]:
    if "m3.py" in files:
        os._exit(1)
    return [Report(file) for file in files]


def test_a_process_that_dies_takes_one_file_with_it(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(runner, "_check_batch", _die_on_bad)
    reports = runner._isolated([f"m{n}.py" for n in range(4)], Settings(folder))
    assert [report.error for report in reports] == [None, None, None, "internal error: the process checking it died"]
