"""flake8 and pre-commit: the same verdicts as the command line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from leakcheck.catalogue import load
from leakcheck.cli import main
from leakcheck.flake8_plugin import Plugin
from leakcheck.schema import parse_toml

CHECKOUT = Path(__file__).resolve().parent.parent
LEAKS = """\
import sqlite3


def count(path):
    conn = sqlite3.connect(path)
    return conn.execute("select 1")


def known(path):
    conn = sqlite3.connect(path)  # noqa: LK101
    return conn.execute("select 1")
"""
USER = "from app.db import fresh\n\n\ndef use():\n    conn = fresh()\n    conn.execute('x')\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "app" / "skipped").mkdir(parents=True)
    texts = {
        "pyproject.toml": "[tool.leakcheck]\nexclude = ['skipped']\n",
        "app/leaks.py": LEAKS,
        "app/skipped/leaks.py": LEAKS,
        "app/db.py": "import sqlite3\n\n\ndef fresh():\n    return sqlite3.connect('x')\n",
        "app/user.py": USER,
        "app/none.py": "x = 1\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def from_command_line() -> list[tuple[str, int, int, str, str]]:
    items = json.loads(CliRunner().invoke(main, ["app", "--output-format", "json"]).stdout)
    places = ((item["filename"], item["location"], item) for item in items)
    return [(file, at["row"], at["column"], item["code"], item["message"]) for file, at, item in places]


def test_plugin_agrees_with_the_command_line(project: Path) -> None:
    found = []
    for file in sorted(Path("app").rglob("*.py")):
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        for row, column, text, _ in Plugin(None, lines, str(file)).run():  # type: ignore[arg-type]
            code, _, message = text.partition(" ")
            if "noqa" not in lines[row - 1]:  # flake8 would drop it as well
                found.append((str(file), row, column + 1, code, message))
    assert found == from_command_line()
    assert {file for file, *_ in found} == {"app/leaks.py", "app/user.py"}


def test_flake8_itself(project: Path) -> None:
    """As flake8 runs it: found by its entry point, in a process of its own."""
    info = project / "leakcheck_test.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: leakcheck-test\nVersion: 1\n", encoding="utf-8")
    entry = "[flake8.extension]\nLK = leakcheck.flake8_plugin:Plugin\n"
    (info / "entry_points.txt").write_text(entry, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "flake8", "--select", "LK", "app"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(project)])},
    )
    assert done.stderr == ""
    expected = {f"{file}:{row}:{column}: {code} {text}" for file, row, column, code, text in from_command_line()}
    assert set(done.stdout.splitlines()) == expected


def test_a_file_that_cannot_be_checked(project: Path) -> None:
    ((row, column, text, _),) = Plugin(None, ["import sqlite3\n", "x = (sqlite3.connect(\n"], "app/bad.py").run()  # type: ignore[arg-type]
    assert (row, column) == (1, 0)
    assert text.startswith("LK000 not checked: line ")


def test_entry_point() -> None:
    table = parse_toml((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"), "pyproject.toml")
    assert table["project"]["entry-points"]["flake8.extension"] == {"LK": "leakcheck.flake8_plugin:Plugin"}
    assert load().import_words


def test_pre_commit_hook(project: Path) -> None:
    """pre-commit appends the names of changed files to the entry; excluded ones must stay out."""
    hook = (CHECKOUT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    values = dict(re.findall(r"^(?:- |  )(\w+): (.+)$", hook.partition("\n- ")[0], re.MULTILINE))
    assert (values["id"], values["language"], values["require_serial"]) == ("leakcheck", "python", "true")
    program, *arguments = values["entry"].split()
    assert program == "leakcheck"
    names = ["app/leaks.py", "app/skipped/leaks.py", "app/none.py"]
    result = CliRunner().invoke(main, [*arguments, "--output-format", "concise", *names])
    assert result.exit_code == 1
    assert re.findall(r"^(\S+?):\d+", result.stdout, re.MULTILINE) == ["app/leaks.py"]
