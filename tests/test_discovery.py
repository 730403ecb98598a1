"""Which files are found below the paths given."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import Mock

import pytest

from leakcheck.project.discovery import excluded, find
from leakcheck.project.folders import Folders
from leakcheck.settings import Settings


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def plant(*names: str, text: str = "") -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")


def files(*paths: str, exclude: tuple[str, ...] = (), force: bool = False, root: str = ".") -> list[str]:
    found = find(paths or (".",), Settings(Path(root), exclude=exclude), force)
    assert not found.problems
    return [file.replace(os.sep, "/") for file in found.files]


def test_python_files_in_order_without_the_usual_folders(tree: Path) -> None:
    plant("b.py", "a/z.py", "a/b/c.py", "a.py", "notes.txt", "stub.pyi", ".#lock.py")
    plant(".venv/x.py", "node_modules/x.py", "__pycache__/x.py", "build/x.py", "env/pyvenv.cfg", "env/lib/x.py")
    plant("tools/build/__init__.py", "tools/build/main.py")
    assert files() == ["a/b/c.py", "a/z.py", "a.py", "b.py", "tools/build/__init__.py", "tools/build/main.py"]


def test_paths_keep_the_form_they_were_given_in(tree: Path) -> None:
    plant("app/a.py")
    assert files("./app", "app/a.py") == ["app/a.py"]
    assert files(str(tree / "app")) == [(tree / "app" / "a.py").as_posix()]


def test_nested_gitignore(tree: Path) -> None:
    plant(".gitignore", text="*_pb2.py\n/generated/\n")
    plant("app/.gitignore", text="!keep_pb2.py\nlocal.py\n")
    plant("x_pb2.py", "generated/a.py", "app/generated/a.py", "app/keep_pb2.py", "app/local.py", "local.py")
    assert files() == ["app/generated/a.py", "app/keep_pb2.py", "local.py"]


def test_gitignore_above_the_folder_given(tree: Path) -> None:
    (tree / ".git").mkdir()
    plant(".gitignore", text="app/old/\n")
    plant("app/old/a.py", "app/b.py")
    assert files("app") == ["app/b.py"]
    assert files("app/old") == ["app/old/a.py"]  # asked for by name


def test_exclude_and_force_exclude(tree: Path) -> None:
    plant("app/migrations/a.py", "app/b.py", "venv/c.py")
    assert files(exclude=("migrations",)) == ["app/b.py"]
    assert files("app/migrations/a.py", exclude=("migrations",)) == ["app/migrations/a.py"]
    assert files("app/migrations/a.py", "venv/c.py", "app/b.py", exclude=("migrations",), force=True) == ["app/b.py"]


def test_exclude_counts_from_root_and_from_here(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant("app/old/a.py", "app/b.py")
    monkeypatch.chdir("app")
    assert files(exclude=("app/old",), root="..") == ["b.py"]
    assert files(exclude=("/old",), root="..") == ["b.py"]


def test_scripts_are_checked_if_given(tree: Path) -> None:
    plant("bin/job")
    assert files("bin") == []
    assert files("bin/job") == ["bin/job"]


def test_links(tree: Path) -> None:
    plant("a/b.py")
    os.symlink("..", "a/up")
    os.symlink("loop.py", "loop.py")
    os.symlink("b.py", "a/c.py")
    found = find((".",), Settings(tree))
    assert found.files == ("a/b.py", "a/c.py")
    assert [(p.filename, p.error) for p in found.problems] == [("loop.py", "symbolic link that leads nowhere")]


def test_what_cannot_be_looked_at(tree: Path) -> None:
    plant("a.py")
    found = find(("gone.py", "a.py"), Settings(tree))
    assert found.files == ("a.py",)
    assert [(p.filename, p.error) for p in found.problems] == [("gone.py", "no such file or folder")]


def test_a_folder_that_cannot_be_listed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant("a/x.py", "b.py")
    scan = os.scandir

    def refuse(path: str) -> object:
        if os.path.basename(path) == "a":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = find((".",), Settings(tree))
    assert found.files == ("b.py",)
    assert [(p.filename, p.error) for p in found.problems] == [("a", "Permission denied")]


def test_only_files_below_a_folder_are_searched(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant("a/x.py", "a/b/y.py")
    os.mkfifo("a/pipe.py")
    assert Folders().below(str(tree)) == [str(tree / "a/x.py"), str(tree / "a/b/y.py")]
    monkeypatch.setattr(os, "scandir", Mock(side_effect=PermissionError))
    assert Folders().below(str(tree)) == []


def test_patterns_that_make_no_sense_to_git_count_for_nothing(tree: Path) -> None:
    plant("a.py", "b.py")
    plant(".gitignore", text="a\\\n[z-a]\n!\nb.py\n")
    assert files() == ["a.py"]


def test_excluded_asks_every_folder_above(tree: Path) -> None:
    plant(".gitignore", text="out\n")
    settings = Settings(tree)
    assert excluded("out/deep/a.py", settings)
    assert excluded("a/venv/lib/site-packages/b.py", settings)
    assert not excluded("a/b.py", settings)
