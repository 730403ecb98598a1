"""The pinned packages: fetched as wheels, so that nothing of theirs is ever built or run, and unpacked once."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
# Any wheel will do, whatever this machine is: only its Python files are read.
_WHEEL = ["--only-binary", ":all:", "--python-version", "3.12", "--platform", "any"]
_WHEEL += ["--platform", "manylinux2014_x86_64", "--platform", "manylinux_2_28_x86_64"]


def pinned() -> list[str]:
    """The lines of packages.txt that name a package, as `name==version`."""
    lines = (HERE / "packages.txt").read_text("utf-8").splitlines()
    return [line for line in map(str.strip, lines) if line and not line.startswith("#")]


def unpacked(requirement: str, cache: Path) -> Path:
    """The folder of a package's Python files, fetched if it is not there yet."""
    folder = cache / requirement
    if not folder.is_dir():
        part = cache / f"{requirement}.part"  # a folder is there as a whole or not at all
        wheel = _fetched(requirement, cache / "wheels")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(part, [name for name in archive.namelist() if name.endswith(".py")])
        (part / "pyproject.toml").write_text("", "utf-8")  # no settings from a folder further up
        part.rename(folder)
    return folder


def _fetched(requirement: str, wheels: Path) -> Path:
    target = wheels / requirement
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, *_WHEEL, "--dest", str(target), requirement], check=True)
    (wheel,) = target.glob("*.whl")
    return wheel
