"""`--watch`, and what a shell completes."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from leakcheck import watch
from leakcheck.cli import main

LEAK = "import sqlite3\n\n\ndef count(path):\n    conn = sqlite3.connect(path)\n    return conn.execute('select 1')\n"
HELPED = "from db import fresh\n\n\ndef use():\n    conn = fresh()\n    conn.execute('x')\n"
HELPER = "import sqlite3\n\n\ndef fresh():\n    return {}\n"


def test_watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file, settings = tmp_path / "a.py", tmp_path / "pyproject.toml"
    file.write_text("x = 1\n", encoding="utf-8")
    events = iter(
        [
            lambda: file.write_text(LEAK, encoding="utf-8"),
            lambda: None,
            lambda: settings.write_text("[tool.leakcheck]\nignore = ['LK1", encoding="utf-8"),
            lambda: settings.write_text("[tool.leakcheck]\nignore = ['LK101']\n", encoding="utf-8"),
            lambda: settings.unlink(),
            lambda: (tmp_path / "b.py").write_text(LEAK, encoding="utf-8"),
            lambda: file.unlink(),
        ]
    )

    def pause() -> None:
        try:
            next(events)()
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr(watch, "_wait", pause)
    result = CliRunner().invoke(main, ["--watch", "--output-format", "concise", "--quiet"])
    assert result.exit_code == 130
    assert [line.partition(" ")[0] for line in result.stdout.splitlines()] == [
        "a.py:5:12:", "a.py:5:12:", "a.py:5:12:", "b.py:5:12:", "b.py:5:12:",
    ]  # fmt: skip
    assert "not valid TOML" in result.stderr


def test_watch_reads_helpers_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text(HELPED, encoding="utf-8")
    (tmp_path / "db.py").write_text(HELPER.format("None"), encoding="utf-8")
    seen: list[int] = []

    def pause() -> None:
        if seen:
            raise KeyboardInterrupt
        seen.append(1)
        (tmp_path / "db.py").write_text(HELPER.format("sqlite3.connect('x')"), encoding="utf-8")

    monkeypatch.setattr(watch, "_wait", pause)
    result = CliRunner().invoke(main, ["--watch", "--output-format", "concise", "--quiet"])
    assert result.stdout.startswith("a.py:5:12: LK101")
    assert CliRunner().invoke(main, ["--watch", "-"], input="").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "incomplete", "expected"),
    [
        (["--select"], "lk30", {"LK301", "LK302", "LK303", "LK304"}),
        (["--ignore"], "LK101,LK50", {"LK101,LK501", "LK101,LK502"}),
        (["--explain"], "LK105", {"LK105"}),
        (["--output-format"], "con", {"concise"}),
        ([], "--write", {"--write-baseline"}),
    ],
)
def test_completion(arguments: list[str], incomplete: str, expected: set[str]) -> None:
    completer = ShellComplete(main, {}, "leakcheck", "_LEAKCHECK_COMPLETE")
    assert {item.value for item in completer.get_completions(arguments, incomplete)} == expected


def test_completion_of_paths() -> None:
    (item,) = ShellComplete(main, {}, "leakcheck", "_LEAKCHECK_COMPLETE").get_completions([], "src")
    assert item.type == "file"
