"""The benchmarks run; what they measure is nobody's concern here."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from leakcheck import runner
from leakcheck.settings import Settings
from tests.benchmarks import whole_program
from tests.benchmarks.__main__ import SCENES, main
from tests.benchmarks.trees import grow, repeated

LEAK = "import sqlite3\n\n\ndef f():\n    c = sqlite3.connect('x')\n    c.execute('y')\n"


def test_help_names_every_scene() -> None:
    shown = CliRunner().invoke(main, ["--help"])
    assert shown.exit_code == 0
    assert all(name in shown.output for name in SCENES)


def test_a_scene_prints_its_table(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, [str(tmp_path), "--only", "single", "--rounds", "1"], catch_exceptions=False)
    rows = [line.split("|")[1].strip() for line in result.output.splitlines() if line.startswith("|")]
    peer = "python -c 'import click'"
    assert rows == ["one file without database code", "---", peer, "leakcheck, cold", "leakcheck, warm"]


def test_a_tree_grows_to_its_size_and_is_checked(tmp_path: Path) -> None:
    wheel = tmp_path / "shop-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for number in range(4):
            archive.writestr(f"shop/m{number}.py", LEAK)
        archive.writestr("shop/data.txt", "no code")
    tree = tmp_path / "tree"
    assert grow([wheel], tree, most=2 * LEAK.count("\n") + 1) == 3 * LEAK.count("\n")
    assert len(list(tree.rglob("*.*"))) == 3
    assert "18 lines; whole program" in (told := whole_program.compare(tree, rounds=1))
    assert told.count("3 findings") == 2


def test_a_file_has_as_many_findings_as_it_is_said_to_have(tmp_path: Path) -> None:
    file = tmp_path / repeated(tmp_path, 3)
    (report,) = runner.run([str(file)], Settings(tmp_path)).reports
    assert len(report.diagnostics) == 2 * 3


def test_a_command_that_fails_is_no_measurement(tmp_path: Path) -> None:
    from tests.benchmarks.timing import Command, once

    with pytest.raises(RuntimeError, match="exited 70"):
        once(Command(("sh", "-c", "exit 70"), tmp_path))
