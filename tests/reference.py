"""Writes what is generated: `python tests/reference.py` after a change of `rules/settings.toml`, a rule or a model."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from leakcheck.diagnostics import CONFIDENCES
from leakcheck.models import Release
from leakcheck.schema import connection_keys, parse_toml
from leakcheck.settings import MayRaise, Settings, rules

CHECKOUT = Path(__file__).resolve().parent.parent
SOURCE = CHECKOUT / "rules" / "settings.toml"
PAGE, SCHEMA = CHECKOUT / "docs" / "settings.md", CHECKOUT / "docs" / "leakcheck.schema.json"

TEXT = """\
# Settings

In the table `[tool.leakcheck]` of the nearest `pyproject.toml` that has one. A key that leakcheck does not know is an
error. Options on the command line come on top: `--select` starts afresh, the others add.

| key | value | default | meaning |
|---|---|---|---|
{keys}

## `[[tool.leakcheck.connection]]`

A private wrapper, in the words of [rules/drivers](../rules/drivers/README.md), where each is explained.

| key | value | required |
|---|---|---|
{connection}

## In editors

[leakcheck.schema.json](leakcheck.schema.json) describes this table to editors that complete and check TOML.
"""

Json = dict[str, Any]

NAME = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$"
STRINGS: Json = {"type": "array", "items": {"type": "string"}}
KINDS = {
    "selectors": "list of rules",
    "selectors by pattern": "table of lists of rules",
    "strings": "list of patterns",
    "may-raise": " or ".join(f'`"{word}"`' for word in get_args(MayRaise)),
    "confidence": ", ".join(f'`"{word}"`' for word in CONFIDENCES),
    "count": "number from 1",
    "files": "list of files",
    "file": "file",
    "connections": "list of tables",
    "names by name": "table of names",
}


def settings() -> dict[str, Json]:
    """The keys with what is written about them."""
    return parse_toml(SOURCE.read_text(encoding="utf-8"), SOURCE.name)


def default(key: str) -> Any:
    """What holds without the key, as TOML would have it."""
    value = Settings._field_defaults[key.replace("-", "_") + "s" * (key == "connection")]
    if settings()[key]["kind"].endswith(("by pattern", "by name")):
        return {}
    return list(value) if isinstance(value, tuple) else value


def page() -> str:
    """docs/settings.md"""
    keys = (
        (f"`{key}`", KINDS[entry["kind"]], entry.get("default") or f"`{json.dumps(default(key))}`", entry["meaning"])
        for key, entry in settings().items()
    )
    connection = (
        (f"`{key}`", _words(hint), "yes" if required else "") for key, (_, hint, required) in connection_keys().items()
    )
    return TEXT.format(keys=_rows(keys), connection=_rows(connection))


def _rows(cells: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def _words(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return ", ".join(f'`"{word}"`' for word in get_args(hint))
    if get_origin(hint) is tuple:
        return "releases" if get_args(hint)[0] is Release else "strings"
    return {bool: "`true` or `false`", str: "string", int: "number"}[hint]


def schema() -> Json:
    """docs/leakcheck.schema.json"""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "https://json.schemastore.org/leakcheck.json",
        "title": "leakcheck",
        "description": "The table [tool.leakcheck] of a pyproject.toml",
        "type": "object",
        "additionalProperties": False,
        "definitions": {"selectors": {"type": "array", "items": {"enum": _selectors()}}, "connection": _connection()},
        "properties": {key: _property(key, entry) for key, entry in settings().items()},
    }


def _property(key: str, entry: Json) -> Json:
    value: Json = {
        "selectors": {"allOf": [{"$ref": "#/definitions/selectors"}]},
        "selectors by pattern": {"type": "object", "additionalProperties": {"$ref": "#/definitions/selectors"}},
        "names by name": {"type": "object", "additionalProperties": {"type": "string", "pattern": NAME}},
        "strings": STRINGS,
        "files": STRINGS,
        "may-raise": {"enum": list(get_args(MayRaise))},
        "confidence": {"enum": list(CONFIDENCES)},
        "count": {"type": "integer", "minimum": 1},
        "file": {"type": "string", "minLength": 1},
        "connections": {"type": "array", "items": {"$ref": "#/definitions/connection"}},
    }[entry["kind"]]
    known = {} if "default" in entry else {"default": default(key)}
    return {"description": entry["meaning"], **value, **known}


def _selectors() -> list[str]:
    """Every prefix that selects a rule."""
    prefixes = {code[:length] for code in rules() for length in range(1, len(code) + 1)}
    return ["ALL", *sorted(prefixes)]


def _connection() -> Json:
    keys = connection_keys()
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [key for key, (_, _, required) in keys.items() if required],
        "properties": {key: _typed(hint) for key, (_, hint, _) in keys.items()},
    }


def _typed(hint: Any) -> Json:
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    if get_origin(hint) is tuple:
        return {"anyOf": [{"type": "string"}, STRINGS]}
    return {"type": {bool: "boolean", str: "string", int: "integer"}[hint]}


def main() -> None:
    """Write both."""
    PAGE.write_text(page(), encoding="utf-8")
    SCHEMA.write_text(json.dumps(schema(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
