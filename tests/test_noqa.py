"""Comments about findings: the unused ones, those without a reason, and those written by `--add-noqa`."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fixing import fix

from leakcheck.cli import main
from leakcheck.engine import check
from leakcheck.known.noqa import silenced
from leakcheck.settings import Settings

LEAK = "import sqlite3\n\n\ndef count(path):\n    conn = sqlite3.connect(path){}\n    return conn.execute('select 1')\n"
CLEAN = "def one():\n    return 1{}\n"


def found(text: str, *select: str) -> list[tuple[int, str]]:
    report = check(text, "example.py", Settings(Path("/nowhere"), select=select))
    return [(d.span.line, d.code) for d in report.diagnostics]


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize(
    ("comment", "left"),
    [
        ("  # noqa: LK101", ""),
        ("  # NOQA:LK101, lk102", ""),
        ("  # noqa: LK101, E501", "  # noqa: E501"),
        ("  # noqa: E501 LK101 too long", "  # noqa: E501 too long"),
        ("  # type: ignore # noqa: LK101", "  # type: ignore"),
        ("  # noqa: LK101 gone # type: ignore", "  # type: ignore"),
        ("  # leakcheck: ignore[LK101] # noqa: LK1", ""),
        ("  # leakcheck: ignore[LK]", ""),
        ("  # leakcheck: ignore[E501]", ""),
        ("  # leakcheck: ignore because", ""),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_unused_codes_go(comment: str, left: str, end: str) -> None:
    text, expected = (CLEAN.format(c).replace("\n", end) for c in (comment, left))
    fixed = fix(text)
    assert {d.code for d in fixed.found} == {"LK001"}
    assert (fixed.text, fixed.left) == (expected, ())


@pytest.mark.parametrize(
    "comment", ["# noqa", "# noqa: E501", "# noqa: LK001", "# noqa: LK204", "# leakcheck: ignored"]
)
def test_what_is_not_ours_or_not_on_stays(comment: str) -> None:
    assert found(CLEAN.format(f"  {comment}")) == []


def test_another_selection_needs_it() -> None:
    text = LEAK.format("  # noqa: LK101")
    assert found(text) == found(text, "LK001") == found(text, "LK102", "LK001") == []
    assert found(CLEAN.format("  # noqa: LK101"), "LK102", "LK001") == []


def test_a_comment_does_not_hide_that_it_is_unused() -> None:
    assert found(CLEAN.format("  # leakcheck: ignore")) == [(2, "LK001")]
    assert found(CLEAN.format("  # leakcheck: ignore[LK101, LK001]")) == []
    assert found(CLEAN.format("  # leakcheck: ignore[LK101] # noqa")) == []  # flake8 would drop it


def test_last_line_without_end() -> None:
    assert fix("x = 1\n# noqa: LK101").text == "x = 1\n"
    assert fix("# noqa: LK101").text == ""


LONG = """\
import sqlite3


def f(path):
    with (
        sqlite3.connect(path) as c,
    ):{header}
        c.commit(){body}
    return sqlite3.connect(  # one
        path,
    ).execute({argument}
        "x",
    )
"""


def test_any_line_of_the_statement() -> None:
    both = [(6, "LK103"), (9, "LK101")]
    assert found(LONG.format(header="", body="", argument="")) == both
    assert found(LONG.format(header="  # noqa: LK103", body="", argument="  # noqa: LK101")) == []
    assert found(LONG.format(header="", body="  # noqa: LK103", argument="")) == [both[0], (8, "LK001"), both[1]]


def test_reasons() -> None:
    on = ("LK101", "LK002")
    assert found(LEAK.format("  # noqa: LK101"), *on) == [(5, "LK002")]
    assert found(LEAK.format("  # noqa"), *on) == []  # as in flake8, it hides everything
    assert found(LEAK.format("  # leakcheck: ignore"), *on) == [(5, "LK002")]
    assert found(LEAK.format("  # noqa: LK101 - the process ends"), *on) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "  # noqa: LK101 - DB2 owns it"),
        ("  # why not", "  # why not  # noqa: LK101 - DB2 owns it"),
        ("  # noqa: E501", "  # noqa: E501, LK101"),
        ("  # leakcheck: ignore[LK102] so", "  # leakcheck: ignore[LK102, LK101] so"),
        ("  ", "  # noqa: LK101 - DB2 owns it"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_added(before: str, after: str, end: str) -> None:
    text = LEAK.format(before).replace("\n", end)
    report = check(text, "example.py", Settings(Path("/nowhere"), select=("LK101",)))
    rewrite = silenced(text, report.diagnostics, " DB2\nowns it ")
    assert rewrite is not None
    assert rewrite.after == LEAK.format(after).replace("\n", end)
    assert found(rewrite.after, "LK101") == []


@pytest.mark.parametrize("call_text", ['connect("""\n""")', 'connect( \\\n "x")', "connect(\n    path,\n)"])
def test_added_where_a_comment_can_stand(call_text: str) -> None:
    text = LEAK.format("").replace("connect(path)", call_text)
    rewrite = silenced(text, check(text, "example.py", Settings(Path("/nowhere"))).diagnostics)
    assert rewrite is not None
    assert found(rewrite.after) == []


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "a.py"
    file.write_bytes(b"\xef\xbb\xbf" + LEAK.format("").replace("\n", "\r\n").encode())
    result = call("--add-noqa", "--reason", "a script", ".")
    assert (result.exit_code, result.stderr) == (0, "Silenced 1 finding in 1 file.\n")
    assert file.read_bytes().startswith(b"\xef\xbb\xbfimport sqlite3\r\n")
    assert b"connect(path)  # noqa: LK101 - a script\r\n" in file.read_bytes()
    assert call("--extend-select", "LK002", ".").exit_code == 0
    assert call("--add-noqa", ".").stderr == "Silenced 0 findings in 0 files.\n"


def test_command_with_what_it_cannot_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.py").write_text("import sqlite3\nsqlite3.connect(\n", encoding="utf-8")
    assert call("--add-noqa", ".").exit_code == 2
    assert call("--add-noqa", "-").exit_code == 2
    assert call("--add-noqa", "--fix", ".").exit_code == 2


def test_unused_in_a_file_without_database_code(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1  # noqa: LK101\n", encoding="utf-8")
    result = call(str(tmp_path), "--output-format", "concise")
    assert "a.py:1:8: LK001" in result.stdout
    assert call(str(tmp_path), "--fix").exit_code == 0
    assert (tmp_path / "a.py").read_text(encoding="utf-8") == "x = 1\n"


def test_needed_because_of_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checked alone, as pre-commit and editors do it, a file is judged as it is among the others."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app").mkdir()
    texts = {
        "app/__init__.py": "",
        "app/db.py": "import sqlite3\n\ndef open_db():\n    return sqlite3.connect('a.db')\n",
        "app/use.py": "from .db import open_db\n\ndef count():\n    conn = open_db()  # noqa: LK101\n    conn.x()\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    from_stdin = CliRunner().invoke(main, ["-", "--stdin-filename", "app/use.py"], input=texts["app/use.py"])
    for result in (call("."), call("app/use.py"), call("--no-cache", "app/use.py"), from_stdin):
        assert (result.exit_code, "1 suppressed" in result.stdout) == (0, True), result.output
