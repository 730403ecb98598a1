"""`[tool.leakcheck]`: what is read, from where, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from leakcheck.schema import CatalogueError
from leakcheck.settings import Settings, SettingsError, load


def written(folder: Path, text: str) -> Path:
    file = folder / "pyproject.toml"
    file.write_text(f"[tool.leakcheck]\n{text}\n", encoding="utf-8")
    return file


def test_nearest_file_with_our_table(tmp_path: Path) -> None:
    written(tmp_path, "min-pool-size = 20")
    inner = tmp_path / "service" / "app"
    inner.mkdir(parents=True)
    (inner.parent / "pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8")
    settings = load(inner / "db.py")
    assert (settings.min_pool_size, settings.root) == (20, tmp_path)


def test_a_file_without_our_table_marks_the_root(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8")
    assert load(tmp_path / "app") == Settings(tmp_path)


def test_all_keys(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('library = "own"\nimports = ["own"]\n', encoding="utf-8")
    text = """
select = ["LK1"]
ignore = ["LK105"]
extend-select = ["LK107"]
exclude = ["migrations"]
may-raise = "strict"
min-confidence = "high"
batch-size = 7
drivers = ["own.toml"]
per-file-ignores = {"tests/*" = ["ALL"]}
[[tool.leakcheck.connection]]
acquire = ["house.db.checkout"]
release = ["conn.give_back()"]
"""
    written(tmp_path, text)
    settings = load(tmp_path)
    assert settings.select == ("LK1",)
    assert settings.drivers == (tmp_path / "own.toml",)
    assert (settings.may_raise, settings.min_confidence, settings.batch_size) == ("strict", "high", 7)
    assert settings.per_file_ignores == (("tests/*", ("ALL",)),)
    assert str(settings.connections[0].release[0]) == "conn.give_back()"
    assert hash(settings) == hash(load(tmp_path))


def test_config_replaces_the_nearest(tmp_path: Path) -> None:
    written(tmp_path, 'select = ["LK101"]')
    other = tmp_path / "strict.toml"
    other.write_text('[tool.leakcheck]\nmay-raise = "strict"\n', encoding="utf-8")
    settings = load(tmp_path, other)
    assert (settings.select, settings.may_raise, settings.root) == ((), "strict", tmp_path)
    other.write_text("", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"strict.toml: has no table \[tool.leakcheck\]"):
        load(tmp_path, other)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("selct = []", "unknown key 'selct' in [tool.leakcheck], did you mean 'select'?"),
        ("select = 'LK1'", "'select' must be a list of strings, not 'LK1'"),
        ("select = ['LK1O1']", "unknown rule selector 'LK1O1' in 'select', did you mean 'LK101'?"),
        ("ignore = ['']", "unknown rule selector '' in 'ignore'"),
        ("per-file-ignores = {'a.py' = ['X']}", "unknown rule selector 'X' in 'per-file-ignores.a.py'"),
        ("per-file-ignores = ['a.py']", "'per-file-ignores' must be a table of pattern = [selectors], not ['a.py']"),
        ("per-file-ignores = {'a\\' = ['LK1']}", "'per-file-ignores' holds 'a\\', which is no pattern of a .gitignore"),
        ("exclude = ['a.py', '[z-a]']", "'exclude' holds '[z-a]', which is no pattern of a .gitignore"),
        ("exclude = ['!']", "'exclude' holds '!', which is no pattern of a .gitignore"),
        ("may-raise = 'strickt'", "'may-raise' must be 'strong' or 'strict', not 'strickt', did you mean 'strict'?"),
        ("min-pool-size = true", "'min-pool-size' must be a whole number from 1, not True"),
        ("batch-size = 0", "'batch-size' must be a whole number from 1, not 0"),
        ("drivers = ['gone.toml']", "gone.toml, which is no file"),
        ("connection = {acquire = ['a.b']}", "'connection' must be a list: write [[tool.leakcheck.connection]]"),
        ("[[tool.leakcheck.connection]]\nacquire = ['a.b']\nrelase = []", "did you mean 'release'?"),
        ("select = [", "not valid TOML: "),
        ("prefer = ['db.get']", "'prefer' must be a table of acquirer = context manager, not ['db.get']"),
        ("prefer = {'db.get' = 1}", "'prefer' must hold qualified names, as 'package.function', not 1"),
        ("prefer = {'db.get' = 'lend()'}", "'prefer' must hold qualified names, as 'package.function', not 'lend()'"),
    ],
)
def test_mistakes_name_file_key_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(CatalogueError) as caught:
        load(tmp_path)
    assert str(caught.value).startswith(f"{file}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("select", "ignore", "extend", "enabled"),
    [
        ((), (), (), True),
        ((), ("LK101",), (), False),
        ((), ("LK1",), (), False),
        (("LK1",), ("LK101",), (), False),
        (("LK101",), ("LK1",), (), True),
        (("ALL",), ("LK1",), (), False),
        (("LK107",), (), (), False),
        (("LK107",), (), ("LK101",), True),
        ((), ("ALL",), ("LK10",), True),
        (("LK101",), ("LK101",), (), False),
    ],
)
def test_the_most_exact_selector_decides(
    select: tuple[str, ...], ignore: tuple[str, ...], extend: tuple[str, ...], enabled: bool
) -> None:
    settings = Settings(Path(), select=select, ignore=ignore, extend_select=extend)
    assert settings.enabled("LK101", "a.py") is enabled


def test_per_file_ignores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(tmp_path, per_file_ignores=(("tests/*", ("LK1",)), ("*_old.py", ("LK101",))))
    monkeypatch.chdir(tmp_path)
    assert not settings.enabled("LK101", "tests/unit/test_a.py")
    assert not settings.enabled("LK101", str(tmp_path / "tests" / "test_a.py"))
    assert not settings.enabled("LK101", "app/db_old.py")
    assert settings.enabled("LK102", "app/db_old.py")
    assert settings.enabled("LK101", "app/tests.py")


def test_command_line_overrides() -> None:
    base = Settings(Path(), select=("LK102",), ignore=("LK101",), exclude=("a",))
    assert base.override(select=["LK101"]).enabled("LK101", "a.py")
    assert base.override(extend_select=["LK103"], exclude=["b"]).exclude == ("a", "b")
    assert not base.override(ignore=["LK102"]).enabled("LK102", "a.py")
    with pytest.raises(SettingsError, match=r"command line: unknown rule selector 'lk101' in '--select', .* 'LK101'"):
        base.override(select=["lk101"])
