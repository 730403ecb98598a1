"""The command line: options, exit statuses, and what goes to which stream."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import leakcheck
from leakcheck import __version__, console
from leakcheck.cli import main

LEAK = "import sqlite3\n\n\ndef count(path):\n    conn = sqlite3.connect(path)\n    return conn.execute('select 1')\n"
CLEAN = "def one():\n    return 1\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(leakcheck.__file__).parent.parent))  # for the processes
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "leak.py").write_text(LEAK, encoding="utf-8")
    (tmp_path / "clean.py").write_text(CLEAN, encoding="utf-8")
    return tmp_path


def call(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=stdin)


def found(*arguments: str, stdin: str | None = None) -> list[tuple[str, int, str]]:
    result = call(*arguments, "--output-format", "json", stdin=stdin)
    assert result.exit_code in (0, 1), result.output
    return [(item["filename"], item["location"]["row"], item["code"]) for item in json.loads(result.stdout)]


def test_exit_statuses() -> None:
    assert call("clean.py").exit_code == 0
    assert call("leak.py").exit_code == 1
    assert call("leak.py", "--exit-zero").exit_code == 0
    assert call("leak.py", "gone.py").exit_code == 2
    assert call("gone.py", "--exit-zero").exit_code == 2


def test_a_path_that_is_not_there_counts_as_not_checked() -> None:
    assert "(checked 0 files). 1 file could not be checked." in " ".join(call("gone.py").stdout.split())


def test_the_current_folder_is_the_default() -> None:
    assert found() == [("leak.py", 5, "LK101")]
    assert "(checked 2 files, 1 without database code)" in call().stdout


def test_full_is_the_default_format() -> None:
    output = call("leak.py").stdout
    assert " --> leak.py:5:12\n" in output
    assert "5 |     conn = sqlite3.connect(path)\n  |            ---------" in output
    assert output.endswith("Run leakcheck --explain LK101 for more.\n")


def test_selection() -> None:
    assert found("--ignore", "LK101") == []
    assert found("--select", "LK102,LK103") == []
    assert found("--select", "LK102", "--extend-select", "LK101") == [("leak.py", 5, "LK101")]


def test_settings_file(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.leakcheck]\nignore = ['LK101']\n", encoding="utf-8")
    (folder / "other.toml").write_text("[tool.leakcheck]\n", encoding="utf-8")
    assert found() == []
    assert found("--select", "LK101") == found("--config", "other.toml") == [("leak.py", 5, "LK101")]


def test_suppressed(folder: Path) -> None:
    (folder / "leak.py").write_text(LEAK.replace("(path)\n    r", "(path)  # noqa: LK101\n    r"), encoding="utf-8")
    result = call("leak.py")
    assert (result.exit_code, result.stdout) == (0, "No leaks found (checked 1 file, 1 suppressed).\n")


def test_standard_input() -> None:
    assert found("-", stdin=LEAK) == [("-", 5, "LK101")]
    assert found("-", "--stdin-filename", "app/new.py", stdin=LEAK) == [("app/new.py", 5, "LK101")]
    assert found("-", "--stdin-filename", "venv/a.py", "--force-exclude", stdin=LEAK) == []
    shown = call("-", "--stdin-filename", "app/new.py", stdin=LEAK).stdout
    assert "5 |     conn = sqlite3.connect(path)\n" in shown
    assert call("-", "leak.py").exit_code == 2


def test_exclude() -> None:
    assert found("--exclude", "leak.py,other") == []
    assert found("leak.py", "--exclude", "leak.py") == [("leak.py", 5, "LK101")]
    assert found("leak.py", "--exclude", "leak.py", "--force-exclude") == []


def test_output_file(folder: Path) -> None:
    result = call("leak.py", "--output-format", "concise", "--output-file", "report.txt")
    assert (result.exit_code, result.stdout) == (1, "")
    assert (folder / "report.txt").read_text(encoding="utf-8").startswith("leak.py:5:12: LK101 ")
    assert call("leak.py", "--output-file", "no/such/folder.txt").exit_code == 2


def test_statistics() -> None:
    assert call("--statistics", "-q").stdout == "1  LK101  connection-not-closed\n\n"


def test_show_files() -> None:
    assert call("--show-files").stdout == "clean.py\nleak.py\n"


def test_quiet_and_verbose(folder: Path) -> None:
    assert "Found" not in call("-q").stdout
    assert call("-v").stderr.startswith(f"leakcheck: settings of {folder}\nleakcheck: 2 files to look at\n")


def test_no_files(folder: Path) -> None:
    (folder / "empty").mkdir()
    result = call("empty")
    assert (result.exit_code, result.stderr) == (0, "leakcheck: no Python files in empty\n")


def test_rules_and_their_documents() -> None:
    assert [line.split()[0] for line in call("--list-rules").stdout.splitlines()][:3] == ["LK001", "LK002", "LK101"]
    assert "## Why" in call("--explain", "lk101").stdout
    assert call("--explain", "connection-not-closed").stdout == call("--explain", "LK101").stdout


def test_version() -> None:
    assert call("--version").stdout == f"leakcheck {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--selct", "LK1"), "'--select'"),
        (("--select", "LK1O1"), "command line: unknown rule selector 'LK1O1' in '--select', did you mean 'LK101'?"),
        (("--explain", "LK9"), "--explain: unknown rule 'LK9', codes begin with LK0, LK1, LK2, LK3, LK4, LK5"),
        (("--explain", "lk00"), "--explain: unknown rule 'lk00', did you mean one of LK001, LK002?"),
        (("--explain", "LK1O1"), "--explain: unknown rule 'LK1O1', did you mean 'LK101'?"),
        (("--config", "gone.toml"), "Invalid value for '--config': File 'gone.toml' does not exist."),
        (("--output-format", "xml"), "'xml' is not one of 'full', 'concise', 'grouped', 'html',"),
    ],
)
def test_mistakes_are_one_line(arguments: tuple[str, ...], message: str) -> None:
    result = call(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("leakcheck: ")
    assert result.stderr.count("\n") == 1
    assert message in result.stderr


PYTHON_2_SCRIPT = b"""\
from sqlalchemy import create_engine


def run(url):
    engine = create_engine(url)
    return engine.execute("SELECT 1")


if __name__ == "__main__":
    print run("sqlite://")
"""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"import sqlite3\nc = sqlite3.connect('x')\nprint 'x'\n", "(Python 2?)"),
        (PYTHON_2_SCRIPT, "(Python 2?)"),
        (b"import sqlite3\0\n", "NUL bytes"),
        (b"import sqlite3\nx = '\xff'\n", "cannot be decoded"),
        (b"# coding: no-such\nimport sqlite3\n", "cannot be decoded"),
        (b"import sqlite3\nsqlite3.connect(1)\nx = " + b"(" * 3000 + b")" * 3000, "too "),
        (b"import sqlite3\nsqlite3.connect(1)\nx = " + b"+".join([b"a"] * 20_000), "too deeply nested"),
        (b"import sqlite3\nsqlite3.connect(1)\nx = [" + b"1, " * 350_000 + b"]", "too large"),
        (b"import sqlite3\nsqlite3.connect(1)\n" + b"".join(b" " * n + b"if x:\n" for n in range(500)), "too many"),
    ],
    ids=["python2", "python2-script", "nul", "bytes", "coding", "parentheses", "chain", "one-liner", "indents"],
)
def test_a_bad_file_is_one_line_and_the_rest_is_checked(folder: Path, content: bytes, message: str) -> None:
    (folder / "bad.py").write_bytes(content)
    result = call("--output-format", "json")
    assert result.exit_code == 2
    assert [item["filename"] for item in json.loads(result.stdout)] == ["leak.py"]
    (line,) = result.stderr.splitlines()
    assert line.startswith("bad.py: ")
    assert message in line


def test_encodings_and_byte_order_mark(folder: Path) -> None:
    latin = LEAK.replace("select 1", "select é")
    (folder / "latin.py").write_bytes(b"# -*- coding: latin-1 -*-\n" + latin.encode("latin-1"))
    (folder / "bom.py").write_bytes(b"\xef\xbb\xbf" + LEAK.replace("\n", "\r\n").encode())
    items = json.loads(call("latin.py", "bom.py", "--output-format", "json").stdout)
    assert [(item["filename"], item["location"]) for item in items] == [
        ("bom.py", {"row": 5, "column": 12}),
        ("latin.py", {"row": 6, "column": 12}),
    ]
    (folder / "first.py").write_bytes(b"\xef\xbb\xbfconn = __import__('sqlite3') and sqlite3.connect(p)\n")
    assert call("first.py").exit_code in (0, 1)


def test_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "leakcheck", "leak.py"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "")
    assert "\x1b" not in done.stdout


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device without room")
@pytest.mark.parametrize("arguments", [["leak.py"], ["--version"]])
def test_output_that_cannot_be_written_is_told(arguments: list[str], folder: Path) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "leakcheck", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") <= 1


@pytest.mark.skipif(os.name == "nt", reason="needs pipes that end")
def test_a_reader_that_has_gone_is_no_error_to_speak_of(folder: Path) -> None:
    command = [sys.executable, "-m", "leakcheck", "leak.py"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.close()
        assert run.stderr.read() == ""
    assert run.returncode == 1


@pytest.mark.skipif(os.name == "nt", reason="needs a shell that closes streams")
def test_streams_that_are_closed() -> None:
    def closed(what: str) -> subprocess.CompletedProcess[str]:
        command = f"'{sys.executable}' -m leakcheck {what}"
        return subprocess.run(command, shell=True, capture_output=True, text=True)

    errors, given = closed("leak.py 2>&-"), closed("- <&-")
    assert (errors.returncode, errors.stdout.count("LK101")) == (1, 2)  # and the advice to ask for more
    assert (given.returncode, given.stderr) == (2, "leakcheck: -: standard input is closed\n")


def test_help_does_not_load_the_parser() -> None:
    code = "import sys; from leakcheck.cli import main; main(['--help'], standalone_mode=False)"
    code += "; print('libcst' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.endswith("False\n"), done.stderr


def test_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" not in call("leak.py").stdout
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in call("leak.py").stdout
    assert "\x1b[" not in call("leak.py", "--output-format", "json").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in call("leak.py").stdout


def test_progress_bar_only_on_terminals_and_after_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        text = ""

        def isatty(self) -> bool:
            return True

        def flush(self) -> None: ...

        def write(self, text: str) -> None:
            self.text += text

    now = 0.0
    monkeypatch.setattr(console.time, "monotonic", lambda: now)
    progress = console.Progress(stream := Terminal())  # type: ignore[arg-type]
    progress.update(1, 4)
    assert stream.text == ""
    now = 1.5
    progress.update(2, 4)
    assert "###############..............." in stream.text
    progress.clear()
    assert stream.text.endswith("\r\x1b[K")
    assert call("leak.py").stderr == ""
