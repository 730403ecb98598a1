"""Which versions a project's requirements allow, by whatever file says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from leakcheck.engine import check
from leakcheck.project.described import Descriptions
from leakcheck.project.locate import Locator
from leakcheck.project.requirements import Requirements
from leakcheck.settings import Settings

LOCK = '[[package]]\nname = "starlette"\nversion = "0.41"\n\n[[package]]\nname = "fastapi"\nversion = "{}"\n'
PROJECT = '[project]\nname = "fastapi"\ndependencies = ["uvicorn<0.30", "{}"]\n'
POETRY = "[tool.poetry.dependencies]\nfastapi = {}\n\n[tool.poetry.group.dev.dependencies]\npytest = '*'\n"


def ends_early(folder: Path, module: str = "app/main.py") -> bool:
    requirements = Requirements(Descriptions(Locator(str(folder), frozenset)))
    return requirements.allows_only("fastapi", ">=0.106,<0.118", str(folder / module), lambda name, file: None)


def plant(folder: Path, files: dict[str, str]) -> None:
    for name, text in {"app/main.py": "", **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("specifier", "early"),
    [
        ("==0.109.2", True),
        ("==0.105.0", False),
        ("==0.118.0", False),
        ("== 0.117.*", True),
        ("~=0.115.0", True),
        ("~=0.115", False),
        (">=0.100,<0.118", True),
        (">=0.100,<0.118.1", False),
        ("<=0.117.1", True),
        ("<0.106", False),
        (">=0.110", False),
        (">=0.110,!=0.111", False),
        ("", False),
        ("==0.110.0 ; python_version > '3.8'  # why", True),
    ],
)
def test_newest_version_of_a_range(tmp_path: Path, specifier: str, early: bool) -> None:
    plant(tmp_path, {"requirements.txt": f"uvicorn==0.30\nFastAPI[standard]{specifier}\nfastapi-users==9\n"})
    assert ends_early(tmp_path) == early


@pytest.mark.parametrize(
    ("file", "text", "early"),
    [
        ("uv.lock", LOCK.format("0.115.6"), True),
        ("poetry.lock", LOCK.format("0.120.0"), False),
        ("Pipfile.lock", '{"default": {"fastapi": {"version": "==0.109.0"}}}', True),
        ("Pipfile.lock", "{", False),
        ("Pipfile", '[packages]\nfastapi = "==0.109"\n', True),
        ("pyproject.toml", PROJECT.format("fastapi>=0.109,<0.110"), True),
        ("pyproject.toml", PROJECT.format("fastapi>=0.109"), False),
        ("pyproject.toml", POETRY.format('"^0.115.2"'), True),
        ("pyproject.toml", POETRY.format('"~0.118"'), False),
        ("pyproject.toml", POETRY.format('"0.115.2"'), True),
        ("pyproject.toml", POETRY.format('{ version = "^0.110", extras = ["all"] }'), True),
        ("pyproject.toml", POETRY.format("{ git = 'https://git/fastapi' }"), False),
        ("pyproject.toml", "[project", False),
        ("setup.cfg", "[options]\ninstall_requires =\n    fastapi<0.110\n", True),
        ("setup.py", 'setup(install_requires=["httpx", "fastapi==0.109.0"])\n', True),
    ],
)
def test_files(tmp_path: Path, file: str, text: str, early: bool) -> None:
    plant(tmp_path, {file: text})
    assert ends_early(tmp_path) == early


def test_the_nearest_file_counts_and_in_a_folder_the_lock(tmp_path: Path) -> None:
    plant(tmp_path, {"requirements.txt": "fastapi==0.109\n", "backend/requirements.txt": "fastapi==0.120\n"})
    assert ends_early(tmp_path)
    assert not ends_early(tmp_path, "backend/api/main.py")
    plant(tmp_path, {"backend/uv.lock": LOCK.format("0.115")})
    assert ends_early(tmp_path, "backend/api/main.py")
    plant(tmp_path, {"backend/uv.lock": LOCK.format("0.115") + LOCK.format("0.130")})
    assert not ends_early(tmp_path, "backend/api/main.py")


def test_no_file_above_the_project_counts(tmp_path: Path) -> None:
    plant(tmp_path, {"requirements.txt": "fastapi==0.109\n", "inner/.git": "", "inner/app/main.py": ""})
    assert not ends_early(tmp_path, "inner/app/main.py")
    assert not ends_early(tmp_path / "inner")


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, 1),
        ({"requirements.txt": "fastapi==0.109\nsqlalchemy\n"}, 0),
        ({"requirements.txt": "Flask-SQLAlchemy==3.1\n"}, 1),
        ({"requirements.txt": "fastapi\n", "pyproject.toml": '[project]\ndependencies = ["apache-superset"]\n'}, 1),
        ({"requirements.txt": "fastapi\n-r base.txt\n"}, 1),
    ],
)
def test_settings_that_nothing_reads_have_no_pool(tmp_path: Path, files: dict[str, str], found: int) -> None:
    plant(tmp_path, files | {"config.py": 'SQLALCHEMY_ENGINE_OPTIONS = {"pool_size": 20}\n'})
    config = tmp_path / "config.py"
    report = check(config.read_text(), str(config), Settings(tmp_path, select=("LK402",)))
    assert len(report.diagnostics) == found


ENGINE = 'from sqlalchemy import create_engine\n\nengine = create_engine("postgresql://db/shop")\n'
CACHES = 'DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "CONN_MAX_AGE": 600}}\n'


@pytest.mark.parametrize(
    ("source", "pinned", "advice"),
    [
        (ENGINE, "", "`pool_pre_ping=True, pool_recycle=1800, pool_timeout=10, pool_use_lifo=True`"),
        (ENGINE, "SQLAlchemy==1.0.14", "`pool_recycle=1800, pool_timeout=10`"),
        (ENGINE, "SQLAlchemy>=1.0,<1.3", "`pool_pre_ping=True, pool_recycle=1800, pool_timeout=10`"),
        (ENGINE, "SQLAlchemy==1.3.24", "`pool_pre_ping=True, pool_recycle=1800, pool_timeout=10, pool_use_lifo=True`"),
        (ENGINE, "SQLAlchemy-Utils==0.1", "pool_pre_ping"),
        (CACHES, "Django==4.1", '`"CONN_HEALTH_CHECKS": True`'),
        (CACHES, "Django<4.1", ""),
    ],
)
def test_advice_is_what_the_pinned_version_knows(tmp_path: Path, source: str, pinned: str, advice: str) -> None:
    plant(tmp_path, {"requirements.txt": f"{pinned}\n", "config.py": source})
    settings = Settings(tmp_path, select=("LK402",), fix="unsafe")
    report = check(source, str(tmp_path / "config.py"), settings)
    assert len(report.diagnostics) == bool(advice)
    for found in report.diagnostics:
        assert advice in found.message
        written = found.fix.edits[0].content if found.fix else ""
        assert all(key in written for key in advice.strip("`").split(", ") if "=" in key), written
        assert "pool_pre_ping" in advice or "pool_pre_ping" not in written


@pytest.mark.parametrize(
    ("required", "asked", "named"),
    [
        ("PyYAML==6.0", "yaml", True),
        ("python-magic", "magic", True),
        ("store-client>=2", "store", True),
        ("restored", "store", False),
        ("duckdb", "db", False),
        ("", "store", False),
    ],
)
def test_a_package_is_required_by_a_name_like_that_of_its_import(
    required: str, asked: str, named: bool, tmp_path: Path
) -> None:
    plant(tmp_path, {"requirements.txt": required})
    requirements = Requirements(Descriptions(Locator(str(tmp_path), frozenset)))
    assert requirements.name(asked, str(tmp_path / "app/main.py"), lambda name, file: None) is named
