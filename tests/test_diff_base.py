"""`--diff-base`: what changed lines have to do with, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from leakcheck.cli import main

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

LEAK = "def {}(path):\n    conn = sqlite3.connect(path)\n    return conn.execute('select 1')\n"
OLD = "import sqlite3\n\n\n" + LEAK.format("count")
CLOSES = "import sqlite3\n\n\ndef f(path):\n    conn = sqlite3.connect(path)\n    print(conn)\n    conn.close()\n"


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    git("init", "-q", "-b", "trunk")
    write("old.py", OLD)
    commit()
    return folder


def git(*arguments: str) -> None:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run(("git", *who, *arguments), check=True, capture_output=True)


def commit() -> None:
    git("add", "-A")
    git("commit", "-q", "-m", "x")


def write(name: str, text: str) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text, encoding="utf-8")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def found(*arguments: str, base: str = "HEAD") -> list[tuple[str, int]]:
    result = call(*arguments, "--diff-base", base, "--output-format", "json")
    assert result.exit_code in (0, 1), result.output
    return [(item["filename"], item["location"]["row"]) for item in json.loads(result.stdout)]


def test_nothing_changed() -> None:
    assert found() == []
    assert call(".").exit_code == 1


def test_changed_lines() -> None:
    write("old.py", "# a comment\n" + OLD + "\n\n" + LEAK.format("also"))
    assert found() == [("old.py", 11)]
    commit()
    assert found() == []
    assert found(base="HEAD~1") == [("old.py", 11)]


def test_a_changed_step_of_the_path() -> None:
    write("a.py", CLOSES)
    commit()
    write("a.py", CLOSES.replace("print(conn)", "if path:\n        return\n    print(conn)"))
    assert found() == [("a.py", 5)]


def test_a_release_that_was_taken_away() -> None:
    write("a.py", CLOSES + "\n\nx = 1\n")
    commit()
    write("a.py", CLOSES.replace("    conn.close()\n", "") + "\n\nx = 1\n")
    assert found() == [("a.py", 5)]
    write("a.py", CLOSES.replace("    conn.close()\n", "").rstrip())
    assert found() == [("a.py", 5)]

    write("a.py", CLOSES.replace("conn.close()", "print('closed')"))
    assert found() == [("a.py", 5)]


def test_what_has_nothing_to_do_with_it() -> None:
    write("old.py", OLD.replace("\n\n\n", "\n", 1))
    assert found() == []
    leaks = CLOSES.replace("    conn.close()", "    print(path)")
    write("a.py", leaks)
    commit()
    write("a.py", leaks.replace("print(path)", "print(path, path)"))
    assert found() == []
    assert len(found(base="HEAD~1")) == 1


@pytest.mark.parametrize("name", ["new.py", "sub/new.py", "a b.py", "tab\t.py", 'quote".py', "grün.py"])
@pytest.mark.parametrize("known", [False, True])
def test_new_files_and_odd_names(name: str, known: bool) -> None:
    write(name, OLD)
    if known:
        git("add", "-N", name)
    assert found() == [(name, 5)]


def test_files_that_are_gone() -> None:
    write("older.py", CLOSES)
    write("old.py", CLOSES.replace("conn.close()", "pass"))
    commit()
    Path("older.py").unlink()
    write("old.py", CLOSES.replace("conn.close()", "pass") + "\n\nx = 1\n")
    assert found() == []


def test_renamed_files() -> None:
    git("mv", "old.py", "new.py")
    assert found() == []
    write("new.py", OLD.replace("(path)\n    return", "(path, timeout=1)\n    return"))
    assert found() == [("new.py", 5)]


def test_ignored_files_are_not_new() -> None:
    write(".gitignore", "made.py\n")
    write("made.py", OLD)
    assert found("made.py") == []


def test_lines_that_look_like_headings() -> None:
    write("old.py", "text = '''\n++ b/gone.py\n@@ -1 +1,900 @@\n'''\n" + OLD)
    assert found() == []


def test_settings_of_the_user_do_not_matter() -> None:
    for name, value in (("diff.noprefix", "true"), ("color.ui", "always"), ("diff.external", "false")):
        git("config", name, value)
    write("old.py", OLD + "\n\n" + LEAK.format("also"))
    assert found() == [("old.py", 10)]


def test_from_another_folder(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("old.py", OLD + "\n\n" + LEAK.format("also"))
    monkeypatch.chdir(repository.parent)
    assert found("repo") == [("repo/old.py", 10)]
    assert found("repo/old.py") == [("repo/old.py", 10)]


def test_what_others_did_meanwhile() -> None:
    git("checkout", "-q", "-b", "work")
    write("mine.py", OLD)
    commit()
    git("checkout", "-q", "trunk")
    write("old.py", OLD.replace("count", "counted"))
    commit()
    git("checkout", "-q", "work")
    assert found(base="trunk") == [("mine.py", 5)]


def test_what_git_cannot_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for base in ("gone", "--output=x", ""):
        assert call(".", "--diff-base", base).exit_code == 2
    assert call(".", "--diff-base", "HEAD", "--fix").exit_code == 2
    monkeypatch.chdir(tmp_path)
    write("a.py", OLD)
    result = call("a.py", "--diff-base", "HEAD")
    assert result.exit_code == 2
    assert result.stderr.startswith("leakcheck: --diff-base: fatal: not a git repository")
    monkeypatch.setenv("PATH", "")
    assert "git cannot be run" in call("a.py", "--diff-base", "HEAD").stderr
