"""The GitHub action: its scripts, run as a runner would."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ACTION = Path(__file__).resolve().parent.parent / "action.yml"
LEAK = "import sqlite3\n\n\ndef f():\n    conn = sqlite3.connect('a')\n    conn.execute('SELECT 1')\n"

BROKEN = LEAK.replace("f()", "f(:")

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


def action() -> Any:
    return yaml.safe_load(ACTION.read_text("utf-8"))


def run(name: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A step's script, with the options a runner gives bash."""
    (script,) = (step["run"] for step in action()["runs"]["steps"] if step.get("name") == name)
    command = Path(sys.executable).with_name("leakcheck")
    given = {"RUNNER_TEMP": str(folder), "GITHUB_OUTPUT": str(folder / "output"), "LEAKCHECK": str(command)}
    bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(bash, cwd=folder, env={**os.environ, **given, **variables}, capture_output=True, text=True)


@pytest.mark.parametrize(("text", "status"), [(LEAK, "1"), ("x = 1\n", "0"), (BROKEN, "2")], ids="102")
def test_check(text: str, status: str, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a b.py").write_text(text)
    done = run("Check", tmp_path, PATHS="src", ARGUMENTS="--select LK1")
    assert done.returncode == 0, done.stderr
    output = dict(line.split("=", 1) for line in (tmp_path / "output").read_text().splitlines())
    assert output == {"sarif-file": str(tmp_path / "leakcheck.sarif"), "status": status}
    (log,) = json.loads((tmp_path / "leakcheck.sarif").read_text("utf-8"))["runs"]
    assert [result["ruleId"] for result in log["results"]] == ["LK101"] * (status == "1")


def test_a_mistake_in_the_arguments_fails_at_once(tmp_path: Path) -> None:
    assert run("Check", tmp_path, PATHS=".", ARGUMENTS="--selct LK1").returncode == 2


@pytest.mark.parametrize(
    ("status", "fail", "code"), [("0", "true", 0), ("1", "true", 1), ("1", "false", 0), ("2", "false", 2)]
)
def test_verdict(status: str, fail: str, code: int, tmp_path: Path) -> None:
    assert run("Give the verdict", tmp_path, STATUS=status, FAIL=fail).returncode == code


def test_inputs_and_outputs_are_there_and_reach_scripts_as_variables_only() -> None:
    text = ACTION.read_text("utf-8")
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(action()["inputs"])
    for step in action()["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
