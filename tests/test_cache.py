"""The cache: what a run finds is the same with it and without it, whatever became of its files in between."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from leakcheck import batches, catalogue, engine, forks, processes, shipped
from leakcheck.cli import main
from leakcheck.project import folders
from leakcheck.project.cache import compiled, ledger
from leakcheck.project.cache.storage import Storage
from leakcheck.project.locate import Locator
from leakcheck.project.triage.vocabulary import vocabulary

DB = "import sqlite3\n\n\ndef fresh(path):\n    return sqlite3.connect(path)\n"
CLOSED = "import sqlite3\n\n\ndef fresh(path):\n    c = sqlite3.connect(path)\n    c.close()\n    return c\n"
USER = "from app.db import fresh\n\n\ndef rows(path):\n    conn = fresh(path)\n    return list(conn.execute('x'))\n"
LEAK = "import sqlite3\n\n\ndef one():\n    c = sqlite3.connect('x')\n    c.execute('y')\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ledger, "SETTLED", 0)  # the tests' files change faster than people's
    plant("pyproject.toml", "[tool.leakcheck]\n")
    plant("app/__init__.py", "")
    plant("app/db.py", DB)
    plant("app/user.py", USER)
    plant("leak.py", LEAK)
    plant("plain.py", "print('hello')\n")
    batches.forget()
    yield tmp_path
    batches.forget()


def plant(name: str, text: str) -> None:
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text(text, encoding="utf-8")
    then = time.time_ns() - 10**9 + len(text)  # another time than the last
    os.utime(name, ns=(then, then))


def found(*arguments: str) -> str:
    batches.forget()
    result = CliRunner().invoke(main, ["--output-format", "json", *arguments])
    assert result.exit_code in (0, 1), result.output
    return result.stdout


def cold() -> str:
    return found("--no-cache")


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that reach the engine from now on."""
    seen: list[str] = []
    check = engine.check

    def spy(source: str, filename: str, *rest: object) -> object:
        seen.append(filename)
        return check(source, filename, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "check", spy)
    monkeypatch.setattr(forks, "are_safe", lambda: False)  # copies of this process would count for themselves
    return seen


def test_a_second_run_reads_what_the_first_found(monkeypatch: pytest.MonkeyPatch) -> None:
    first = found()
    assert len(json.loads(first)) == 2
    seen = counted(monkeypatch)
    assert found() == first == cold()
    assert seen == ["app/db.py", "app/user.py", "leak.py"]  # of the cold run only
    assert found("app/user.py") == found("--no-cache", "app/user.py")


def test_a_changed_file_is_checked_again_and_what_rests_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = found()
    seen = counted(monkeypatch)
    plant("app/db.py", CLOSED)
    after = found()
    assert seen == ["app/db.py", "app/user.py"]
    assert after == cold() != before


def test_a_file_that_comes_or_goes_changes_what_imports_it() -> None:
    plant("late.py", "from helper import fresh\n\n\ndef f():\n    c = fresh('x')\n    c.execute('y')\n    connect(c)\n")
    before = found()
    plant("helper.py", DB)
    assert (after := found()) == cold() != before
    Path("helper.py").unlink()
    assert found() == cold() == before
    assert after.count('"LK') == before.count('"LK') + 1


def test_a_module_that_comes_or_goes_beside_a_script_in_a_package_changes_it() -> None:
    uses = "from store import fresh\n\n\ndef f():\n    c = fresh('x')\n    c.execute('y')\n\n\n"
    plant("app/run.py", uses + "if __name__ == '__main__':\n    f()\n")
    assert "run.py" not in found()
    plant("app/store.py", DB)
    assert "run.py" in found()
    assert found() == cold()
    Path("app/store.py").unlink()
    assert "run.py" not in found()


def test_so_does_one_beside_what_is_started_in_a_package_and_a_library_that_is_required_by_its_name() -> None:
    plant("app/run.py", "from store import fresh\n\n\ndef f():\n    c = fresh('x')\n    c.execute('y')\n")
    assert "run.py" not in found()
    plant("app/store.py", DB)
    assert "run.py" in found()
    plant("requirements.txt", "store==3\n")
    assert "run.py" not in found()
    assert found() == cold()
    Path("requirements.txt").unlink()
    assert "run.py" in found()


def test_a_run_on_the_changed_file_alone_keeps_no_report_that_rested_on_it() -> None:
    before = found()
    plant("app/db.py", CLOSED)
    found("app/db.py")
    assert found() == cold() != before


def test_files_given_are_judged_by_what_stands_in_others_now(monkeypatch: pytest.MonkeyPatch) -> None:
    given = ("app/user.py", "plain.py")
    before = found(*given)
    for text in (CLOSED, "def fresh(path):\n    return Rows(path)\n", DB + "\n\ndef more():\n    pass\n", DB):
        plant("app/db.py", text)
        after = found(*given)
        assert found(*given) == after == found("--no-cache", *given)
        assert (after == before) == text.startswith(DB)
    seen = counted(monkeypatch)
    plant("plain.py", "import app.db\n")
    assert found(*given) == before
    assert seen == []


def test_what_a_module_was_asked_for_other_files_is_not_forgotten() -> None:
    plant("app/__init__.py", "from app.db import fresh\n")
    plant("late.py", "from app import fresh\n\n\ndef f():\n    c = fresh('x')\n    c.execute('y')\n")
    before = found()
    plant("leak.py", "import app.db\n" + LEAK)
    found("leak.py", "app/__init__.py")
    plant("app/db.py", CLOSED)
    assert found() == cold() != before


def test_an_unchanged_tree_is_neither_read_nor_searched(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(folders, "SETTLED", -(10**10))
    for _ in range(2):  # the first creates the cache's own folder
        expected = found("--output-format", "concise", "--cache-dir", "kept")
    opened: list[str] = []
    monkeypatch.setattr(ledger, "_read", opened.append)
    monkeypatch.setattr(Locator, "means", lambda *_: pytest.fail("a name was looked up"))
    assert found("--output-format", "concise", "--cache-dir", "kept") == expected
    assert not opened


def test_a_touched_file_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    first = found()
    seen = counted(monkeypatch)
    os.utime("leak.py")
    assert found() == first
    assert not seen


def test_other_settings_are_other_reports() -> None:
    assert found() != found("--select", "LK4") == found("--no-cache", "--select", "LK4")
    plant("pyproject.toml", "[tool.leakcheck]\nignore = ['LK1']\n")
    assert found() == cold() == "[]\n"


@pytest.mark.parametrize("text", ["", "{", "null", "[1]", '{"nodes": 3}', '{"x": [1, 2]}', "[" * 100_000, "\ufffe\x00"])
def test_broken_and_foreign_files_are_ignored(text: str) -> None:
    expected = found()
    for file in Path(".leakcheck_cache").glob("*.json"):
        file.write_text(text, encoding="utf-8")
    assert found() == expected == found()


def test_entries_of_another_shape_are_ignored() -> None:
    expected = found()
    for file in Path(".leakcheck_cache").glob("*.json"):
        file.write_text(file.read_text("utf-8").replace("app", "APP").replace('"leak.py"', "7"), encoding="utf-8")
    assert found() == expected == found()


def test_the_folder_keeps_out_of_the_way() -> None:
    found()
    folder = Path(".leakcheck_cache")
    assert (folder / ".gitignore").read_text("utf-8") == "*\n"
    assert (folder / "CACHEDIR.TAG").read_text("utf-8").startswith("Signature: 8a477f597d28d172789f06886806bc55\n")
    assert not list(folder.glob("*.part"))


def test_no_cache_writes_none_and_cache_dir_says_where() -> None:
    cold()
    assert not Path(".leakcheck_cache").exists()
    expected = found("--cache-dir", "elsewhere")
    assert not Path(".leakcheck_cache").exists()
    assert found("--cache-dir", "elsewhere") == expected
    assert list(Path("elsewhere").glob("reports-*.json"))


def test_what_nobody_has_used_for_a_month_is_taken_away() -> None:
    found()
    cache = Path(".leakcheck_cache")
    used = {file.name for file in cache.glob("*.json")}
    for name in ("reports-0123.json", "files-4567.json", "files-4567.99.part", "new-89ab.json"):
        (cache / name).write_text("left", encoding="utf-8")
    for name in ("reports-0123.json", "files-4567.json", "files-4567.99.part", *used):
        aged(cache / name, days=31)
    plant("leak.py", LEAK + "\n")
    found()  # what it reads is used, and what it writes is new
    assert {file.name for file in cache.glob("*-*")} == {*used, "new-89ab.json"}


def test_a_file_that_is_only_read_counts_as_used() -> None:
    storage = Storage(Path("kept"))
    storage.write("a-1", "one")
    aged(Path("kept/a-1.json"), days=31)
    assert storage.read("a-1")[0] == "one"
    storage.write("b-2", "two")
    assert storage.read("a-1")[0] == "one"


def aged(file: Path, days: int) -> None:
    past = time.time() - days * 86_400
    os.utime(file, (past, past))


def test_a_cache_that_cannot_be_written_stops_nothing() -> None:
    expected = cold()
    Path(".leakcheck_cache").write_text("in the way", encoding="utf-8")
    assert found() == expected


def test_processes_and_cache_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(12):
        plant(f"more/m{n}.py", USER if n % 2 else LEAK)
    alone = found("--no-cache", "--jobs", "1")
    monkeypatch.setattr(processes, "_WORTH_A_PROCESS", 1)
    assert found("--no-cache", "--jobs", "2") == alone
    assert found("--jobs", "2") == found("--jobs", "2") == alone
    shutil.rmtree(".leakcheck_cache")
    assert found("--jobs", "1") == alone


def test_a_fix_is_checked_as_written() -> None:
    expected = found()
    result = CliRunner().invoke(main, ["--fix"])
    assert result.exit_code in (0, 1)
    assert found() == cold() != expected


def test_the_words_of_the_catalogue_are_read_back_as_written(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    words = vocabulary(catalogue.load())
    monkeypatch.setattr(compiled, "_storage", lambda: Storage(folder / "beside", tagged=False))
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    assert compiled.compiled() is None
    compiled.keep(words)
    known = compiled.compiled()
    assert known is not None
    assert known[:-2] == words[:-2]
    assert [search.words for search in known[-2:]] == [search.words for search in words[-2:]]
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    (file,) = (folder / "beside").iterdir()
    file.write_text("{}", encoding="utf-8")
    compiled.keep(words)
    assert compiled.compiled() is None


def test_the_rules_are_parsed_once(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(compiled, "_storage", lambda: Storage(folder / "beside", tagged=False))
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    anew = shipped.tables.__wrapped__
    expected = anew()
    monkeypatch.setattr(shipped, "parse_toml", lambda *_: pytest.fail("they were parsed again"))
    assert anew() == expected == shipped.tables()


STREAM = """\
from fastapi import Depends, FastAPI
from fastapi.responses import StreamingResponse
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

app = FastAPI()
engine = create_engine("postgresql://db/shop", pool_pre_ping=True)


def get_db():
    with Session(engine) as db:
        yield db


@app.get("/rows")
def rows(db=Depends(get_db)):
    names = db.execute(text("SELECT name FROM rows")).all()
    return StreamingResponse(iter(names))
"""


def test_a_verdict_rests_on_the_requirements_it_asked_for() -> None:
    plant("app/api.py", STREAM)
    for name, text, held in (
        ("leak.py", LEAK + "\n", True),
        ("requirements.txt", "fastapi==0.109.0\n", False),
        ("requirements.txt", "fastapi==0.120.0\n", True),
        ("app/requirements.txt", "fastapi==0.109.0\n", False),
        ("pyproject.toml", '[project]\nname = "shop"\ndependencies = ["fastapi>=0.130"]\n[tool.leakcheck]\n', False),
        ("uv.lock", '[[package]]\nname = "fastapi"\nversion = "0.130.0"\n', False),
    ):
        plant(name, text)
        assert found() == cold()
        assert ("LK205" in found()) == held
    Path("app/requirements.txt").unlink()
    assert "LK205" in found()
    Path("uv.lock").unlink()
    assert "LK205" in found()
    plant("pyproject.toml", '[project]\nname = "shop"\ndependencies = ["fastapi<0.118"]\n[tool.leakcheck]\n')
    Path("requirements.txt").unlink()
    assert "LK205" not in found()
