"""`--show-settings`, and the hint that teaches an acquirer whose name alone spoke for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from leakcheck.cli import main

GUESSED = """\
import psycopg2


def run(pool):
    conn = pool.getconn()
    conn.cursor().execute("SELECT 1")
    pool.putconn(conn)
"""

BEGINS = """\
import time

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError


def copy(engine):
    for attempt in range(3):
        try:
            with engine.begin() as conn:
                conn.execute(text("INSERT INTO archive SELECT 1"))
                return
        except SQLAlchemyError:
            time.sleep(3)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text("[tool.leakcheck]\npool-size = 30\n")
    (tmp_path / "guessed.py").write_text(GUESSED)
    (tmp_path / "db.py").write_text("import sqlite3\n\n\ndef fresh():\n    return sqlite3.connect('x')\n")
    (tmp_path / "use.py").write_text("from db import fresh\n\n\ndef run():\n    fresh().execute('SELECT 1')\n")
    (tmp_path / "none.py").write_text("print('no database')\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(*arguments: str) -> str:
    return _both(*arguments)[0]


def _both(*arguments: str) -> tuple[str, str]:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code in (0, 1), result.output
    return result.stdout, result.stderr


def test_settings_of_a_file(folder: Path) -> None:
    text = _run("--show-settings", "use.py", "--ignore", "LK2")
    assert f"Settings of use.py, from {folder}" in text
    assert "pool-size: 30" in text
    assert "LK101" in text
    assert "LK201" not in text
    assert "  sqlite3: connection; given back by conn.close(); `with` on it: transaction" in text
    assert "line 5: fresh: gives a sqlite3 connection, as read from fresh (db.py)" in text


def test_settings_of_a_file_without_acquires(folder: Path) -> None:
    assert "nothing in this file acquires" in _run("--show-settings", "none.py")


def test_a_guess_that_settings_cannot_replace_comes_without(folder: Path) -> None:
    (folder / "begins.py").write_text(BEGINS)
    shown = _run("--show-settings", "begins.py")
    assert "engine.begin: guessed from its name, confidence medium\n" in shown
    report, advice = _both("begins.py")
    assert "LK502" in report
    assert "hint" not in advice


def test_a_guess_comes_with_the_lines_that_teach_it(folder: Path) -> None:
    shown = _run("--show-settings", "guessed.py")
    assert "pool.getconn: guessed from its name, confidence medium" in shown
    report, advice = _both("guessed.py", "--select", "LK1")
    assert "hint" not in report
    assert advice.count("[[tool.leakcheck.connection]]") == 1
    assert "hint" not in _both("guessed.py", "--select", "LK1", "--quiet")[1]
    lines = [line.strip() for line in advice.partition("hint: ")[2].splitlines()[1:5]]
    Path("pyproject.toml").write_text("\n".join(lines))
    assert "taught by the settings" in _run("--show-settings", "guessed.py")
    taught = _run("guessed.py", "--select", "LK1", "--output-format", "json")
    assert '"confidence": "high"' in taught
    assert "hint" not in _both("guessed.py", "--select", "LK1")[1]


def test_one_hint_is_enough(folder: Path) -> None:
    (folder / "again.py").write_text(GUESSED.replace("getconn", "acquire").replace("putconn", "release"))
    assert _both("--select", "LK1")[1].count("hint: ") == 1
