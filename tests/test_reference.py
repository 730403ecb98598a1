"""What is generated is up to date, and says what the program does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from reference import KINDS, PAGE, SCHEMA, page, schema, settings

from leakcheck.schema import CatalogueError, parse_toml
from leakcheck.settings import KEYS, load

VALID = """
select = ["LK1", "ALL"]
per-file-ignores = {"tests/**" = ["LK101"]}
exclude = ["old/"]
may-raise = "strict"
min-confidence = "low"
min-pool-size = 5
baseline = "known.json"
[[connection]]
acquire = ["house.db.checkout"]
release = "conn.give_back()"
with = "transaction"
await = true
"""
INVALID = [
    "selects = []",
    "select = 'LK1'",
    "select = ['LK9']",
    "per-file-ignores = ['LK1']",
    "exclude = [1]",
    "may-raise = 'often'",
    "min-confidence = 'none'",
    "batch-size = 0",
    "prefer = ['a.b']",
    "prefer = {'a.b' = 1}",
    "prefer = {'a.b' = 'c'}",
    "pool-size = '20'",
    "baseline = ''",
    "connection = {}",
    "[[connection]]\nacquire = ['a.b']\nkinds = 'pool'",
    "[[connection]]\nrelease = ['conn.close()']",
    "[[connection]]\nacquire = ['a.b']\nwith = 'often'",
    "[[connection]]\nacquire = ['a.b']\nawait = 'yes'",
]


def test_up_to_date() -> None:
    told = "run: python tests/reference.py"
    assert PAGE.read_text(encoding="utf-8") == page(), told
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == schema(), told


def test_every_key_is_described() -> None:
    assert set(settings()) == set(KEYS)
    assert {entry["kind"] for entry in settings().values()} <= set(KINDS)


def test_the_schema_is_one() -> None:
    jsonschema.Draft7Validator.check_schema(schema())


def both(text: str, folder: Path) -> tuple[bool, bool]:
    """What the program and the schema say."""
    table: dict[str, Any] = parse_toml(text, "test")
    (folder / "pyproject.toml").write_text(
        "[tool.leakcheck]\n" + text.replace("[[connection]]", "[[tool.leakcheck.connection]]"), encoding="utf-8"
    )
    try:
        load(folder)
    except CatalogueError:
        accepted = False
    else:
        accepted = True
    return accepted, jsonschema.Draft7Validator(schema()).is_valid(table)


def test_both_accept(tmp_path: Path) -> None:
    assert both(VALID, tmp_path) == (True, True)


@pytest.mark.parametrize("text", INVALID)
def test_both_refuse(text: str, tmp_path: Path) -> None:
    assert both(text, tmp_path) == (False, False)
