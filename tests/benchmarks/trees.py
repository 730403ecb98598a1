"""Trees of real code, from wheels of pinned versions: only their Python files."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

PINNED = Path(__file__).parent / "wheels.txt"
SERVICE = ("datasette", "luigi", "peewee", "sqlite_utils")  # a hundred thousand lines that use databases throughout

LEAKING = """

def load_{}(path, rows):
    conn = sqlite3.connect(path)
    for row in rows:
        conn.execute("INSERT INTO t VALUES (?)", row)
    conn.commit()
"""


def download(into: Path) -> list[Path]:
    """The wheels, for one platform whatever this one is: nothing of them is run."""
    into.mkdir(parents=True, exist_ok=True)
    if len(list(into.glob("*.whl"))) < len(PINNED.read_text("utf-8").split()):
        platforms = [f"--platform={name}" for name in ("manylinux2014_x86_64", "manylinux_2_28_x86_64", "any")]
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += ["--python-version=3.11", *platforms, "--dest", str(into), "--requirement", str(PINNED)]
        subprocess.run(command, check=True)
    return sorted(into.glob("*.whl"))


def package(wheel: Path) -> str:
    """The name of what a wheel holds."""
    return wheel.name.split("-")[0]


def grow(wheels: Iterable[Path], into: Path, most: float = float("inf")) -> int:
    """Unpack wheels into a folder until it has that many lines; how many it has."""
    lines = 0
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.endswith(".py") and lines < most:
                    lines += _unpack(archive.read(name), into / package(wheel) / name)
    return lines


def _unpack(data: bytes, file: Path) -> int:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return data.count(b"\n")


def repeated(folder: Path, number: int) -> str:
    """The name of a file with that many functions that leak."""
    file = folder / f"leaks_{number}.py"
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text("import sqlite3\n" + "".join(map(LEAKING.format, range(number))), encoding="utf-8")
    return file.name
