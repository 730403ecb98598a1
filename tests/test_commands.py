"""Which functions a project's description installs as commands, by whatever file says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from leakcheck.project.commands import Commands
from leakcheck.project.described import Descriptions
from leakcheck.project.locate import Locator

LISTED = "setup(entry_points={'console_scripts': ['tool = app.cli : run', 'b=app.b:run'], 'x': ['p=app.p:run']})\n"
TEXT = 'setup(entry_points="""\n[console_scripts]\ntool = app.cli:run\nb=app.b:run\n\n[plugins]\np=app.p:run\n""")\n'
SECTION = """
[options.entry_points]
console_scripts =
    tool = app.cli:run
    # another one
    b = app.b:run
plugins =
    p = app.p:run

[options]
"""
POETRY = """
[tool.poetry.scripts]
tool = "app.cli:run"
b = "app.b:run"
file = {reference = "app.p:run", type = "file"}
"""
STANDARD = """
[project.scripts]
tool = "app.cli:run"
main = "app.cli:main"
[project.gui-scripts]
b = "app.b:run"
[project.entry-points.plugins]
p = "app.p:run"
"""


def modules(folder: Path) -> list[str]:
    commands = Commands(Descriptions(Locator(str(folder), frozenset)))
    return list(commands.modules("run", str(folder / "app" / "cli.py"), lambda name, file: None))


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("setup.py", LISTED),
        ("setup.py", TEXT),
        ("setup.cfg", SECTION),
        ("pyproject.toml", POETRY),
        ("pyproject.toml", STANDARD),
    ],
)
def test_files(tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / file).write_text(text, encoding="utf-8")
    assert modules(tmp_path) == ["app.cli", "app.b"]


@pytest.mark.parametrize("text", ["[project", "project = ['app:run']", "[project]\nscripts = ['app:run']"])
def test_a_file_that_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    assert modules(tmp_path) == []
