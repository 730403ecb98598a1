"""Several processes: they give what one gives, in its order, and one that dies takes no other file with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import pytest

from leakcheck import processes, runner
from leakcheck.diagnostics import Report
from leakcheck.forks import Fork, Pile, are_safe, spread
from leakcheck.settings import Settings

LEAK = "import sqlite3\nconn = sqlite3.connect('x')\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def plant(**texts: str) -> list[str]:
    for name, text in texts.items():
        Path(f"{name}.py").write_text(text, "utf-8")
    return sorted(f"{name}.py" for name in texts)


def share_out(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have even the least of text checked by several processes, started or forked, led by this one or beside it."""
    put = partial(monkeypatch.setattr, processes)
    put("_WORTH_A_PROCESS", 1)
    put("_WORTH_A_FORK", 1)
    put("_WORTH_ALL", 0 if way == "led" else 10**9)
    put("are_safe", lambda: way == "forked")


forks_only = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere none is made")
forked = pytest.param("forked", marks=forks_only)
any_way = pytest.mark.parametrize("way", ["led", "beside", forked])


@any_way
def test_processes_give_the_same(monkeypatch: pytest.MonkeyPatch, folder: Path, way: str) -> None:
    files = plant(**{f"m{n}": LEAK for n in range(20)})
    alone = runner.run(files, Settings(folder))
    share_out(way, monkeypatch)
    seen: list[tuple[int, int]] = []
    together = runner.run(files, Settings(folder), jobs=2, progress=lambda done, total: seen.append((done, total)))
    assert together == alone
    assert seen[-1] == (20, 20)


def _die_on_bad(files: Iterable[str], settings: Settings) -> processes.Batch:
    leads = os.environ["LEADER"] == str(os.getpid())  # which would take the run with it
    time.sleep(0.2 * leads)  # so that others draw first
    reports = []
    for file in files:
        if file == "m3.py" and not leads:
            os._exit(1)
        reports.append(Report(file))
    return processes.Batch(reports)


def die_on_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_check", _die_on_bad)
    monkeypatch.setenv("LEADER", str(os.getpid()))


def test_a_process_that_dies_takes_one_file_with_it(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    die_on_bad(monkeypatch)
    reports = processes._isolated([f"m{n}.py" for n in range(4)], Settings(folder)).reports
    assert [report.error for report in reports] == [None, None, None, "internal error: the process checking it died"]


@any_way
def test_the_other_files_of_a_process_that_dies_are_checked(
    monkeypatch: pytest.MonkeyPatch, folder: Path, way: str
) -> None:
    die_on_bad(monkeypatch)
    share_out(way, monkeypatch)
    files = plant(**{f"m{n}": LEAK for n in range(9)})
    if way == "beside":
        assert "m3.py" in processes._shares(files, [len(LEAK)] * 9, 2)[1]  # not the one that is checked here
    reports = [report for batch in processes.check_all(files, Settings(folder), 2) for report in batch.reports]
    assert sorted(report.filename for report in reports) == files
    assert [report.filename for report in reports if report.error] == ["m3.py"]


@forks_only
def test_no_file_is_drawn_twice() -> None:
    with Pile([[str(number)] * 3 for number in range(2000)]) as pile:
        fork = Fork(lambda: list(pile.drawn()))
        drawn = [*pile.drawn(), *(fork.result() or [])]
        fork.close()
    assert sorted(drawn) == sorted(str(number) for number in range(2000) for _ in range(3))


def _outgrow(files: list[str], settings: Settings) -> processes.Batch:
    return processes.Batch([Report(file, error=str(os.getpid())) for file in files], outgrown=True)


def test_a_process_that_has_grown_is_replaced(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(processes, "_check", _outgrow)
    share_out("led", monkeypatch)
    files = plant(**{f"m{n}": LEAK for n in range(6)})
    found = list(processes.check_all(files, Settings(folder), 2))
    assert len({report.error for batch in found for report in batch.reports}) == len(found) == 6


_BUSY = """
import os, signal, sys, time
from pathlib import Path
from leakcheck import processes
from leakcheck.settings import Settings

def busy(files, settings):
    for file in files:
        os.write(1, f"{file}\\n".encode())  # at once: another process may write as well
        time.sleep(60)
    print("has not ended", flush=True)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the background jobs of a shell ignore it
    processes._check, processes._WORTH_A_PROCESS, processes._WORTH_A_FORK = busy, 1, 1
    way = sys.argv.pop(1)
    processes._WORTH_ALL, processes.are_safe = 0 if way == "led" else 10**9, lambda: way == "forked"
    list(processes.check_all(sys.argv[1:], Settings(Path()), 2))
"""


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
@any_way
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGKILL"])
def test_processes_end_with_the_run(name: str, way: str, folder: Path) -> None:
    plant(a=LEAK, b=LEAK, run=_BUSY)
    command, pipe = [sys.executable, "run.py", way, "a.py", "b.py"], subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as run:
        assert run.stdout is not None
        assert {run.stdout.readline(), run.stdout.readline()} == {"a.py\n", "b.py\n"}
        run.send_signal(getattr(signal, name))
        assert run.stdout.read() == ""  # which a pipe gives when all who hold it have ended
    assert run.returncode != 0


def _die() -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    return "lives"


def _raise() -> str:
    raise MemoryError


def _numbers(dies: bool, leader: int, items: Iterable[int]) -> list[int]:
    leads = os.getpid() == leader
    time.sleep(0.2 * leads)  # so that others draw first
    found = list(items)
    if dies and not leads:
        os._exit(1)
    return found


@pytest.mark.parametrize(("jobs", "dies"), [(1, False), (2, False), pytest.param(2, True, marks=forks_only)])
def test_work_is_spread_over_processes(jobs: int, dies: bool) -> None:
    parts = list(spread(jobs, partial(_numbers, dies, os.getpid()), range(1000)))
    assert set().union(*parts) == set(range(1000))
    assert len(parts) == (jobs if are_safe() else 1)
    assert dies or sum(map(len, parts)) == 1000


def test_many_files_are_chosen_alike_by_several_processes(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    helpers = {f"h{n}": f"import sqlite3\ndef open{n}():\n    return sqlite3.connect('x')\n" for n in range(9)}
    users = {f"u{n}": f"from h{n} import open{n} as o\ndef u():\n    c = o()\n    c.execute('')\n" for n in range(9)}
    files = plant(**helpers, **users, broken="\0", other="print()\n")
    alone = runner.run(files, Settings(folder), jobs=1)
    assert alone.findings == 9
    monkeypatch.setattr(runner, "_MANY", 1)
    assert runner.run(files, Settings(folder), jobs=2) == alone
    assert runner.run(files, Settings(folder), jobs=2, cache=folder / "cache") == alone
    assert runner.run(files, Settings(folder), cache=folder / "cache") == alone


@forks_only
@pytest.mark.parametrize("work", [_die, _raise, partial(os._exit, 0)])
def test_of_a_fork_that_dies_nothing_is_heard(work: Callable[[], str]) -> None:
    fork = Fork(work)
    assert fork.result() is None
    fork.close()


@forks_only
def test_forks_answer_at_length_and_their_time_is_counted() -> None:
    before = os.times().children_user
    forks = [Fork(partial(_busy, letter)) for letter in "ab"]
    assert [fork.result() for fork in forks] == ["a" * 10**6, "b" * 10**6]
    for fork in forks:
        fork.close()
    assert os.times().children_user > before


def _busy(letter: str) -> str:
    started = time.process_time()
    while time.process_time() - started < 0.1:
        pass
    return letter * 10**6


@forks_only
def test_a_fork_that_is_not_waited_for_is_ended() -> None:
    fork = Fork(partial(time.sleep, 60))
    fork.close()
    with pytest.raises(ProcessLookupError):
        os.kill(fork._id, 0)
