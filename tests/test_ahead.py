"""A copy of the process that gets ready ahead: it gives what the process itself would, and never outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import pytest

from leakcheck import forks, processes, runner
from leakcheck.ahead import Ahead
from leakcheck.diagnostics import Report
from leakcheck.settings import Settings

resource = pytest.importorskip("resource")  # not on Windows

LEAK = "import sqlite3\ndef leak():\n    conn = sqlite3.connect('x')\n    conn.execute('')\n"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no copy is made")


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(forks, "processors", lambda: 2)
    names = ["a.py", "b\udcff.py", "c.py"]  # a name that is no text
    for name in names:
        Path(name).write_text(LEAK, "utf-8")
    return names


def seen(files: list[str], jobs: int = 0) -> set[str | None]:
    """Which processes had a part in it."""
    return {report.error for report in runner.run(files, Settings(Path.cwd()), jobs=jobs).reports}


def sign(files: Iterable[str], settings: Settings) -> processes.Batch:
    return processes.Batch([Report(file, error=str(os.getpid())) for file in files])


def die_elsewhere(here: int, files: Iterable[str], settings: Settings) -> processes.Batch:
    if os.getpid() != here:
        os._exit(1)
    return sign(files, settings)


def start_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "are_safe", lambda: True)
    monkeypatch.setattr(processes, "_check", sign)


def test_a_copy_gives_the_same(monkeypatch: pytest.MonkeyPatch, files: list[str]) -> None:
    monkeypatch.setattr(forks, "are_safe", lambda: False)
    alone = runner.run(files, Settings(Path.cwd()))
    assert alone.findings == 3
    monkeypatch.setattr(forks, "are_safe", lambda: True)
    assert runner.run(files, Settings(Path.cwd())) == alone


def test_a_copy_does_the_work(monkeypatch: pytest.MonkeyPatch, files: list[str]) -> None:
    start_copies(monkeypatch)
    assert str(os.getpid()) not in seen(files)


def test_with_one_process_and_of_many_files_there_is_no_copy(monkeypatch: pytest.MonkeyPatch, files: list[str]) -> None:
    start_copies(monkeypatch)
    monkeypatch.setattr(Ahead, "_follow", None)  # what a copy would do
    assert seen(files, jobs=1) == {str(os.getpid())}
    with monkeypatch.context() as less:
        less.setattr(forks, "processors", lambda: 1)
        assert seen(files) == {str(os.getpid())}
    ahead = Ahead(files, Settings(Path.cwd()), jobs=0)
    monkeypatch.setattr(processes, "_WORTH_ALL", len(LEAK))
    ahead.start()
    assert ahead._copy is None


def test_where_nothing_is_worth_checking_there_is_no_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    start_copies(monkeypatch)
    Path("plain.py").write_text("print()\n", "utf-8")
    monkeypatch.setattr(forks, "Fork", None)
    assert not seen(["plain.py"])


def test_what_a_copy_that_dies_had_is_checked_here(monkeypatch: pytest.MonkeyPatch, files: list[str]) -> None:
    start_copies(monkeypatch)
    monkeypatch.setattr(processes, "_check", partial(die_elsewhere, os.getpid()))
    assert seen(files) == {str(os.getpid())}
    monkeypatch.setattr(Ahead, "_follow", lambda self, orders: os._exit(1))  # before it has read its orders
    assert seen(files) == {str(os.getpid())}


_BUSY = """
import os, signal, sys, time
from pathlib import Path
from leakcheck import processes, runner
from leakcheck.settings import Settings

def busy(files, settings):
    for file in files:
        os.write(1, f"{file}\\n".encode())  # at once: another process may write as well
        time.sleep(60)
    print("has not ended", flush=True)

signal.signal(signal.SIGINT, signal.default_int_handler)  # the background jobs of a shell ignore it
processes._check, processes._WORTH_A_FORK = busy, 1
processes.processors = lambda: 2
runner.run(sys.argv[1:], Settings(Path()))
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGKILL"])
def test_copies_of_copies_end_with_the_run(name: str) -> None:
    Path("run.py").write_text(_BUSY, "utf-8")
    command, pipe = [sys.executable, "run.py", "a.py", "c.py"], subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as run:
        assert run.stdout is not None
        assert {run.stdout.readline(), run.stdout.readline()} == {"a.py\n", "c.py\n"}
        run.send_signal(getattr(signal, name))
        assert run.stdout.read() == ""  # which a pipe gives when all who hold it have ended
    assert run.returncode != 0


def _hears_of_no_child() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def _has_few_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))


@pytest.mark.parametrize("start", [_hears_of_no_child, _has_few_files])
def test_where_copies_cannot_be_made_or_heard_of_all_is_found(start: Callable[[], None]) -> None:
    command = [sys.executable, "-m", "leakcheck", "--no-cache", "--output-format", "concise", "-q", "a.py"]
    run = subprocess.run(command, capture_output=True, text=True, preexec_fn=start)
    assert (run.returncode, run.stdout.count("LK101"), run.stderr) == (1, 1, "")
