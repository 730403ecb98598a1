"""`--fix` and its relatives on files: exit codes, encodings, modes, links, and what is printed."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from leakcheck.cli import main
from leakcheck.diagnostics import Rewrite
from leakcheck.fixes import files

LEAK = "import sqlite3\n\n\ndef f(p):\n    conn = sqlite3.connect(p)\n    conn.commit()\n    conn.close()\n"
CLEAN = (
    "import sqlite3\nfrom contextlib import closing\n\n\ndef f(p):\n    with closing(sqlite3.connect(p)) as conn:\n"
    "        conn.commit()\n"
)
DOUBTFUL = "import sqlite3\n\n\ndef g(p):\n    conn = sqlite3.connect(p)\n    conn.commit()\n    del conn\n"
HOPELESS = "import sqlite3\n\n\ndef h(p):\n    conn = sqlite3.connect(p)\n    return conn.execute('SELECT 1')\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "leak.py").write_bytes(LEAK.encode())
    return tmp_path


def run(*arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, list(arguments), input=stdin)


def test_fix_writes_and_reports_what_is_left(here: Path) -> None:
    (here / "more.py").write_text(HOPELESS, encoding="utf-8")
    result = run("--fix", ".")
    assert result.exit_code == 1
    assert (here / "leak.py").read_text(encoding="utf-8") == CLEAN
    assert "more.py:5:12" in result.stdout
    assert "not fixed: a cursor or result that needs the connection outlives the block" in result.stdout
    assert "Fixed 1 finding in 1 file." in result.stdout


def test_nothing_left() -> None:
    assert run("--fix", ".").exit_code == 0
    again = run("--fix", ".")
    assert again.exit_code == 0
    assert "Fixed" not in again.stdout


def test_diff_writes_nothing(here: Path) -> None:
    result = run("--diff", "leak.py")
    assert result.exit_code == 1
    assert result.stdout.startswith("--- leak.py\n+++ leak.py\n@@ ")
    assert "+    with closing(sqlite3.connect(p)) as conn:\n" in result.stdout
    assert result.stderr == "Would fix 1 finding.\n"
    assert (here / "leak.py").read_bytes() == LEAK.encode()
    run("--fix", "leak.py")
    clean = run("--diff", "leak.py")
    assert (clean.exit_code, clean.stdout) == (0, "")


def test_unsafe_fixes_only_on_request(here: Path) -> None:
    (here / "leak.py").write_text(DOUBTFUL, encoding="utf-8")
    careful = run("--fix", "leak.py")
    assert careful.exit_code == 1
    assert "1 can be fixed with --fix --unsafe-fixes." in careful.stdout
    assert (here / "leak.py").read_text(encoding="utf-8") == DOUBTFUL
    assert run("--fix", "--unsafe-fixes", "leak.py").exit_code == 0
    assert "closing" in (here / "leak.py").read_text(encoding="utf-8")


def test_fix_only_reports_nothing(here: Path) -> None:
    (here / "more.py").write_text(HOPELESS, encoding="utf-8")
    result = run("--fix-only", ".")
    assert (result.exit_code, result.stdout) == (0, "")
    assert (here / "leak.py").read_text(encoding="utf-8") == CLEAN


def test_settings(here: Path) -> None:
    (here / "pyproject.toml").write_text('[tool.leakcheck]\nunfixable = ["LK102"]\n', encoding="utf-8")
    assert run("--fix", "leak.py").exit_code == 1
    assert (here / "leak.py").read_text(encoding="utf-8") == LEAK
    (here / "pyproject.toml").write_text('[tool.leakcheck]\nunfixable = ["nonsense"]\n', encoding="utf-8")
    assert run("--fix", "leak.py").exit_code == 2


def test_standard_input() -> None:
    result = run("--fix", "--stdin-filename", "app.py", "-", stdin=LEAK.encode())
    assert (result.exit_code, result.stdout) == (0, CLEAN)
    left = run("--fix", "-", stdin=HOPELESS.encode())
    assert (left.exit_code, left.stdout) == (1, HOPELESS)
    assert "LK101" in left.stderr
    assert run("--diff", "-", stdin=LEAK.encode()).stdout.startswith("--- -\n")


def test_json_has_edits_and_reasons(here: Path) -> None:
    (here / "more.py").write_text(HOPELESS, encoding="utf-8")
    fixed, hopeless = json.loads(run("--output-format", "json", ".").stdout)
    assert fixed["fix"]["applicability"] == "safe"
    assert {"content", "location", "end_location"} == set(fixed["fix"]["edits"][0])
    assert fixed["not_fixed"] is None
    assert hopeless["fix"] is None
    assert hopeless["not_fixed"] == "a cursor or result that needs the connection outlives the block"


def test_full_output_shows_the_change() -> None:
    shown = run("leak.py").stdout
    assert "  = help: put the use of `conn` into `with closing(…)`\n" in shown
    assert "2 + from contextlib import closing\n...\n5 -     conn = sqlite3.connect(p)\n" in shown


@pytest.mark.parametrize(
    ("encoding", "head"),
    [("utf-8-sig", ""), ("latin-1", "# -*- coding: latin-1 -*-\n"), ("utf-8", "")],
)
def test_encodings_stay(here: Path, encoding: str, head: str) -> None:
    (here / "leak.py").write_bytes(f"{head}NAME = 'é'\r\n{LEAK}".encode(encoding))
    assert run("--fix", "leak.py").exit_code == 0
    data = (here / "leak.py").read_bytes()
    assert f"{head}NAME = 'é'\r\n".encode(encoding) == data[: len(f"{head}NAME = 'é'\r\n".encode(encoding))]
    assert "closing" in data.decode(encoding)


@pytest.mark.skipif(os.name == "nt", reason="modes and links of POSIX")
def test_mode_and_link_stay(here: Path) -> None:
    target = here / "real" / "code.py"
    target.parent.mkdir()
    target.write_text(LEAK, encoding="utf-8")
    target.chmod(0o750)
    (here / "leak.py").unlink()
    (here / "leak.py").symlink_to(target)
    assert run("--fix", "leak.py").exit_code == 0
    assert (here / "leak.py").is_symlink()
    assert target.read_text(encoding="utf-8") == CLEAN
    assert stat.S_IMODE(target.stat().st_mode) == 0o750
    assert sorted(path.name for path in target.parent.iterdir()) == ["code.py"]


def test_a_file_that_changed_meanwhile_is_left_alone(here: Path) -> None:
    with pytest.raises(files.NotWritten, match="changed meanwhile"):
        files.write("leak.py", Rewrite("something else\n", "new\n", 1))
    assert (here / "leak.py").read_bytes() == LEAK.encode()


def test_a_failure_leaves_the_old_file(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(files.os, "replace", fail)
    result = run("--fix", "--no-cache", "leak.py")
    assert result.exit_code == 2
    assert "leak.py: not fixed: " in result.stderr
    assert [path.name for path in here.iterdir()] == ["leak.py"]
    assert (here / "leak.py").read_bytes() == LEAK.encode()


def test_an_interrupted_run_leaves_each_file_old_or_new(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "last.py").write_text(LEAK, encoding="utf-8")
    replace, replaced = os.replace, []

    def interrupted(source: str, target: str) -> None:
        if replaced:
            raise KeyboardInterrupt
        replaced.append(target)
        replace(source, target)

    monkeypatch.setattr(files.os, "replace", interrupted)
    assert run("--fix", "--no-cache", ".").exit_code == 130
    assert sorted(path.name for path in here.iterdir()) == ["last.py", "leak.py"]
    assert {(here / name).read_text(encoding="utf-8") for name in ("last.py", "leak.py")} == {LEAK, CLEAN}


READ = """\
import sqlite3

from {module} import ask


def show(p):
    with sqlite3.connect(p) as conn:
        rows = ask(conn)
    for row in rows:
        print(row)
"""
ASKED = """\
def _read(conn):
    return [parted(row) for row in conn.execute("SELECT * FROM t")]


def ask(conn):
    {}
"""


@pytest.mark.parametrize(
    ("asked", "closes"),
    [
        ("return _read(conn)", True),
        ("yield from _read(conn)", False),
        ("return other(conn.execute('x'))", False),
        ("found = []\n    found.append(conn.execute('x'))\n    return found", False),
    ],
)
def test_a_block_ends_before_what_needs_no_connection(here: Path, asked: str, closes: bool) -> None:
    (here / "store.py").write_text(ASKED.format(asked), encoding="utf-8")
    (here / "leak.py").write_text(READ.format(module="store"), encoding="utf-8")
    run("--fix", ".")
    fixed = (here / "leak.py").read_text(encoding="utf-8")
    assert ("    with closing(sqlite3.connect(p)) as conn, conn:\n        rows = ask(conn)\n    for" in fixed) == closes
