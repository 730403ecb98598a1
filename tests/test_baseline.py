"""Baselines: known findings stay silent wherever their code moves, and the list only gets shorter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from leakcheck.cli import main
from leakcheck.flake8_plugin import Plugin

LEAK = "def {}(path):\n    conn = sqlite3.connect(path)\n    return conn.execute('select 1')\n"
IMPORT = "import sqlite3\n\n\n"
OLD = IMPORT + LEAK.format("count")
SETTINGS = "[tool.leakcheck]\nbaseline = 'known.json'\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    (tmp_path / "app").mkdir()
    write("app/old.py", OLD)
    assert call("--write-baseline", "known.json").exit_code == 0
    write("pyproject.toml", SETTINGS)
    return tmp_path


def write(name: str, text: str) -> None:
    Path(name).write_text(text, encoding="utf-8")


def call(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=stdin)


def found(*arguments: str) -> list[tuple[str, int]]:
    result = call(*arguments, "--output-format", "json", "--quiet")
    assert result.exit_code in (0, 1), result.output
    return [(item["filename"], item["location"]["row"]) for item in json.loads(result.stdout)]


def entries() -> list[dict[str, object]]:
    return list(json.loads(Path("known.json").read_text(encoding="utf-8"))["findings"])


def test_the_file() -> None:
    assert entries() == [
        {"path": "app/old.py", "code": "LK101", "function": "count", "acquire": "sqlite3.connect(path)"}
    ]


def test_known_and_new() -> None:
    assert found() == []
    write("app/old.py", OLD + "\n\n" + LEAK.format("also"))
    assert found() == [("app/old.py", 10)]
    result = call("--output-format", "concise")
    assert result.exit_code == 1
    assert result.stderr == "leakcheck: 1 finding listed in known.json not shown\n"


@pytest.mark.parametrize(
    "text",
    [
        "# a comment\n\n" + OLD,
        OLD.replace("connect(path)", "connect(\n        path,\n    )"),
        IMPORT + LEAK.format("renamed"),
        IMPORT + "class Store:\n    " + LEAK.format("count").replace("\n", "\n    ").rstrip() + "\n",
        OLD.replace("\n", "\r\n"),
    ],
)
def test_moved_code_is_known(text: str) -> None:
    Path("app/old.py").write_bytes(text.encode())
    assert found() == []
    assert found("app/old.py") == []


def test_moved_files_are_known() -> None:
    Path("app/old.py").rename("app/new.py")
    assert found() == []
    assert found("app/new.py") == []
    assert call("--prune-baseline").stderr == "Dropped 0 entries, 1 left.\n"
    assert entries()[0]["path"] == "app/new.py"


def test_a_copy_is_new() -> None:
    write("app/copy.py", OLD)
    assert found() == [("app/copy.py", 5)]


def test_from_anywhere(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written before there were settings, and used from another folder."""
    monkeypatch.chdir("app")
    assert found(".") == found() == found("old.py") == []
    monkeypatch.chdir(project.parent)
    assert found(str(project)) == []


def test_mended_here_and_new_there_is_new() -> None:
    """The old function still exists, so this is not the same finding under another name."""
    write("app/old.py", IMPORT + "def count(path):\n    return 0\n\n\n" + LEAK.format("also"))
    assert found() == [("app/old.py", 9)]


def test_two_of_the_same_in_one_function() -> None:
    twice = IMPORT + "def f(path):\n    a = sqlite3.connect(path)\n    b = sqlite3.connect(path)\n    print(a, b)\n"
    Path("known.json").unlink()
    write("app/old.py", twice)
    assert call("--write-baseline", "known.json").exit_code == 0
    assert [entry["count"] for entry in entries()] == [2]
    assert found() == []
    write("app/old.py", twice.replace("    print", "    c = sqlite3.connect(path)\n    print"))
    assert len(found()) == 1
    write("app/old.py", twice.replace("    b = sqlite3.connect(path)\n", "").replace(", b", ""))
    assert call("--prune-baseline").stderr == "Dropped 1 entry, 1 left.\n"
    assert ["count" in entry for entry in entries()] == [False]


def test_stale_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    write("app/old.py", "x = 1\n")
    result = call(".")
    message = "leakcheck: 1 entry of known.json not found any more: leakcheck --prune-baseline .\n"
    assert (result.exit_code, result.stderr) == (0, message)
    monkeypatch.setenv("CI", "true")
    assert call(".").exit_code == 1
    assert call(".", "--select", "LK102").exit_code == 0  # not asked for
    assert call("pyproject.toml", "--force-exclude").exit_code == 0
    assert call("--prune-baseline", ".").stderr == "Dropped 1 entry, 0 left.\n"
    assert entries() == []
    assert call(".").exit_code == 0


def test_entries_of_other_files_stay(project: Path) -> None:
    write("app/other.py", "x = 1\n")
    assert call("app/other.py").stderr == ""
    Path("app/old.py").unlink()
    assert call("app/other.py").stderr == ""  # it may have been moved to where nobody looked
    assert call("--prune-baseline", "app/other.py").stderr == "Dropped 0 entries, 1 left.\n"
    assert call("--prune-baseline").stderr == "Dropped 1 entry, 0 left.\n"


def test_a_file_that_cannot_be_checked_is_not_judged() -> None:
    write("app/old.py", OLD.replace("connect(path)", "connect("))
    result = call("--prune-baseline")
    assert result.exit_code == 2
    assert "Dropped 0 entries, 1 left.\n" in result.stderr


def test_it_only_gets_shorter() -> None:
    write("app/old.py", OLD + "\n\n" + LEAK.format("also"))
    result = call("--write-baseline", "known.json")
    assert (result.exit_code, len(entries())) == (2, 1)
    assert "a baseline only gets shorter" in result.stderr
    assert call("--prune-baseline").stderr == "Dropped 0 entries, 1 left.\n"


def test_other_front_ends(project: Path) -> None:
    assert list(Plugin(None, OLD.splitlines(keepends=True), "app/old.py").run()) == []  # type: ignore[arg-type]
    assert call("-", "--stdin-filename", "app/old.py", stdin=OLD).exit_code == 0
    assert call("-", "--stdin-filename", "app/new.py", stdin=OLD).exit_code == 1


def test_noqa_only_for_what_is_new() -> None:
    write("app/old.py", OLD + "\n\n" + LEAK.format("also"))
    assert call("--add-noqa").exit_code == 0
    assert Path("app/old.py").read_text(encoding="utf-8").count("noqa") == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2, "findings": []}', '{"version": 1, "findings": [1]}'])
def test_what_is_no_baseline(text: str) -> None:
    write("known.json", text)
    result = call(".")
    assert result.exit_code == 2
    assert "known.json: is " in result.stderr


def test_missing() -> None:
    Path("known.json").unlink()
    assert "known.json: is missing: leakcheck --write-baseline known.json\n" in call(".").stderr
    assert call("--prune-baseline", "--config", "pyproject.toml").exit_code == 2
    write("pyproject.toml", "[tool.leakcheck]\n")
    assert call("--prune-baseline").exit_code == 2
    told = call("--write-baseline", "other.json").stderr.splitlines()
    assert told[0] == "Listed 1 finding in other.json."
    assert told[1].endswith(' [tool.leakcheck] in pyproject.toml: baseline = "other.json"')
