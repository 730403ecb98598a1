"""Reading driver files, rule documents and settings tables: what is accepted, and what a mistake is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from leakcheck.catalogue import CatalogueError, load, parse_connection
from leakcheck.models import Connection, Release
from leakcheck.schema import calls_of, parse_driver, parse_release, parse_rule
from leakcheck.shipped import rules_folder
from leakcheck.toml import parse_toml

_FULL = """
library = "lib"
imports = ["lib"]

[[connection]]
acquire = ["lib.Pool.take"]
kind = "checkout"
release = ["pool.give(conn)"]
with = "nothing"
await = true

[[producer]]
call = ["lib.pool"]
type = "lib.Pool"

[types]
"lib.core.Pool" = "lib.Pool"

[functions]
borrows = ["lib.show"]
"""


def test_a_driver_file() -> None:
    driver = parse_driver(_FULL, "lib.toml")
    assert driver.connections == (
        Connection(
            "lib",
            ("lib.Pool.take",),
            kind="checkout",
            release=(Release("pool", "give", False),),
            with_effect="nothing",
            needs_await=True,
        ),
    )
    assert driver.producers[0].type == "lib.Pool"
    assert driver.types == {"lib.core.Pool": "lib.Pool"}
    assert driver.functions == {"borrows": ("lib.show",)}


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("conn.close()", Release("conn", "close", False)),
        ("await conn.close()", Release("conn", "close", True)),
        ("pool.putconn(conn)", Release("pool", "putconn", False)),
        ("await pool.release(conn)", Release("pool", "release", True)),
        ("ibm_db.close(conn)", Release("function", "ibm_db.close", False)),
        ("await app.db.close(conn)", Release("function", "app.db.close", True)),
    ],
)
def test_releases(text: str, release: Release) -> None:
    assert parse_release(text, "x") == release
    assert str(release) == text


@pytest.mark.parametrize(
    "text", ["close", "conn.close", "conn.close(conn)", "pool.putconn()", "close(conn)", "session.close()", "await", ""]
)
def test_malformed_releases(text: str) -> None:
    with pytest.raises(CatalogueError, match=r"^x: '.*' is no release; write conn\.close\(\), pool\.release\(conn\)"):
        parse_release(text, "x")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("library = ", "libary = "), "unknown key 'libary', did you mean 'library'?"),
        (("release = ", "relase = "), "lib.Pool.take: unknown key 'relase', did you mean 'release'?"),
        (('"nothing"', '"nothin"'), "lib.Pool.take: with: unknown value 'nothin', did you mean 'nothing'?"),
        (("borrows", "borows"), "functions: unknown key 'borows', did you mean 'borrows'?"),
        (("await = true", 'await = "yes"'), "await: must be true or false, not 'yes'"),
        (('["pool.give(conn)"]', "1"), "release: must be a list, not 1"),
        (('["pool.give(conn)"]', "[1]"), "release: must be a string, not 1"),
        (("pool.give(conn)", "pool.give()"), "release: 'pool.give()' is no release"),
        (('acquire = ["lib.Pool.take"]', ""), "'acquire' must name at least one call"),
        (('type = "lib.Pool"', ""), "producer: 'type' is missing"),
        (('imports = ["lib"]', ""), "'imports' is missing"),
        (("[[connection]]", "[connection]"), "connection: must be a list"),
        (('"lib.Pool"\n\n[functions]', "2\n\n[functions]"), "types: lib.core.Pool: must be a string, not 2"),
        (("[types]", "[types"), "not valid TOML"),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_mistakes_in_a_driver_file(change: tuple[str, str], message: str) -> None:
    assert change[0] in _FULL
    with pytest.raises(CatalogueError) as error:
        parse_driver(_FULL.replace(*change), "lib.toml")
    assert str(error.value).startswith("lib.toml: ")
    assert message in str(error.value)


def test_a_connection_of_the_settings() -> None:
    table = {"acquire": "app.db.take", "release": "app.db.give(conn)", "with": "closes"}
    connection = parse_connection(table, "pyproject.toml: connection 1")
    assert (connection.library, connection.acquire) == ("app", ("app.db.take",))
    assert connection.release == (Release("function", "app.db.give", False),)


@pytest.mark.parametrize(
    "table", [{}, {"acquire": []}, {"acquire": [""]}, {"acquire": "a.b()"}, {"acquire": ["a.b"], "library": "a"}, "a.b"]
)
def test_mistakes_in_a_connection_of_the_settings(table: Any) -> None:
    with pytest.raises(CatalogueError, match=r"^pyproject\.toml: "):
        parse_connection(table, "pyproject.toml")


def test_a_project_can_add_a_driver_file(tmp_path: Path) -> None:
    (tmp_path / "lib.toml").write_text(_FULL, "utf-8")
    catalogue = load((tmp_path / "lib.toml",))
    assert catalogue.by_acquire["lib.core.Pool.take"][0].library == "lib"
    assert catalogue.producers["lib.pool"] == "lib.Pool"
    assert catalogue.function("lib.show") == {"borrows"}
    assert "psycopg2.connect" in catalogue.by_acquire


def test_a_project_has_the_last_word_on_a_call() -> None:
    own = parse_connection({"acquire": "psycopg2.connect", "with": "closes"}, "pyproject.toml")
    assert load(connections=(own,)).by_acquire["psycopg2.connect"] == (own,)
    assert load(connections=(own,)).by_acquire["psycopg2.extensions.connection"] != (own,)


def test_files_are_searched_for_a_function_of_the_settings() -> None:
    own = parse_connection({"acquire": "app.db.take_one"}, "pyproject.toml")
    assert load(connections=(own,)).receivers["take_one"] == {""}


def test_a_broken_file_of_the_project_is_one_clear_error(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    with pytest.raises(CatalogueError, match=r"broken\.toml: cannot be read: No such file"):
        load((broken,))
    broken.write_bytes(b"\xff")
    with pytest.raises(CatalogueError, match=r"broken\.toml: cannot be read: not UTF-8"):
        load((broken,))
    broken.write_text("\nlibrary = ?", "utf-8")
    with pytest.raises(CatalogueError, match=r"broken\.toml: not valid TOML: .*line 2"):
        load((broken,))


def test_the_catalogue_is_built_once() -> None:
    assert load() is load()


_RULE = """+++
code = "LK999"
name = "some-rule"
summary = "something"
severity = "error"
default = true
fix = "none"
since = "0.1.0"
+++

## What it does

Text with +++ in it.
"""


def test_a_rule_document() -> None:
    rule = parse_rule(_RULE, "LK999-some-rule.md")
    assert (rule.code, rule.default) == ("LK999", True)
    assert rule.text.startswith("## What it does\n")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('"error"', '"eror"'), "severity: unknown value 'eror', did you mean 'error'?"),
        (("default", "defalt"), "unknown key 'defalt', did you mean 'default'?"),
        (('since = "0.1.0"', ""), "'since' is missing"),
        (("+++\ncode", "code"), "must start with TOML between two lines of +++"),
        (("0.1.0", '"'), "not valid TOML"),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_mistakes_in_a_rule_document(change: tuple[str, str], message: str) -> None:
    with pytest.raises(CatalogueError) as error:
        parse_rule(_RULE.replace(*change, 1), "LK999.md")
    assert str(error.value).startswith("LK999.md: ")
    assert message in str(error.value)


def test_mistakes_in_the_list_of_calls() -> None:
    with pytest.raises(CatalogueError, match=r"calls\.toml: unknown table 'raise', did you mean 'raises'\?"):
        calls_of(parse_toml("[raise]\n", ""), "calls.toml")
    with pytest.raises(CatalogueError, match=r"calls\.toml: raises: builtins: must be a list, not 1"):
        calls_of(parse_toml("[raises]\nbuiltins = 1\n", ""), "calls.toml")


def test_every_rule_document_is_read() -> None:
    documents = [file.name for file in rules_folder().iterdir() if file.name.startswith("LK")]
    assert sorted(load().rules) == sorted(name[:5] for name in documents)
    assert [rule.code for rule in load().rules.values()] == list(load().rules)


def test_the_readme_of_drivers_names_every_key() -> None:
    readme = (rules_folder() / "drivers" / "README.md").read_text("utf-8")
    from leakcheck.schema import _SCHEMAS

    assert [key for key in _SCHEMAS[Connection] if f"| `{key}` |" not in readme] == []
