"""The built wheel works on its own: installed outside the checkout, with its rules and its demo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
SCRIPTS = "Scripts" if os.name == "nt" else "bin"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a program of a fresh environment that holds the wheel; the dependencies are lent by this one."""
    folder = tmp_path_factory.mktemp("wheel")
    environment = folder / "venv"
    venv.create(environment, with_pip=False, symlinks=os.name != "nt")
    python = environment / SCRIPTS / "python"
    _pip("wheel", str(CHECKOUT), "--no-deps", "--wheel-dir", str(folder), *_offline())
    (wheel,) = folder.glob("*.whl")
    _pip("--python", str(python), "install", "--no-deps", str(wheel))
    (packages,) = environment.rglob("site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_paths()["purelib"], encoding="utf-8")

    def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(environment / SCRIPTS / program), *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False)

    return run


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, cwd=CHECKOUT)


def _offline() -> list[str]:
    """Builds without the network where the build backend is installed already."""
    return ["--no-build-isolation"] if find_spec("hatchling") else []


def test_wheel_is_the_one_that_runs(installed: Run) -> None:
    where = installed("python", "-c", "import leakcheck; print(leakcheck.__path__[0])").stdout
    assert CHECKOUT not in Path(where.strip()).parents
    assert "venv" in Path(where).parts


def test_wheel_finds_its_rules(installed: Run) -> None:
    result = installed("leakcheck", "--list-rules")
    assert result.returncode == 0, result.stderr
    for document in (CHECKOUT / "rules").glob("LK*.md"):
        assert document.name[:5] in result.stdout
    assert "## Why" in installed("leakcheck", "--explain", "LK102").stdout


def test_wheel_shows_the_demo(installed: Run) -> None:
    result = installed("leakcheck", "--demo")
    assert "Traceback" not in result.stderr
    assert "LK101" in result.stdout


def test_wheel_checks_a_file(installed: Run, tmp_path: Path) -> None:
    module = tmp_path / "service.py"
    module.write_text("import psycopg2\n\n\ndef ping(dsn):\n    psycopg2.connect(dsn)\n", encoding="utf-8")
    for program in (("leakcheck",), ("python", "-m", "leakcheck")):
        result = installed(*program, str(module), "--output-format", "json")
        assert result.returncode == 1, result.stderr
        assert [item["code"] for item in json.loads(result.stdout)] == ["LK101"]


def test_wheel_offers_the_flake8_plugin(installed: Run) -> None:
    code = (
        "from importlib.metadata import distribution as d;"
        "print([e.load().__name__ for e in d('leakcheck-db').entry_points if e.group == 'flake8.extension'])"
    )
    result = installed("python", "-c", code)
    assert result.stdout.strip() == "['Plugin']", result.stderr
