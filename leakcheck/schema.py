"""Strict reading of TOML tables into the dataclasses of `models`: every mistake names the nearest valid word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from leakcheck.models import (
    Connection,
    Cursor,
    Driver,
    Options,
    Pool,
    Producer,
    Question,
    Release,
    Rule,
    Service,
    Wait,
    Web,
)
from leakcheck.patterns import pattern
from leakcheck.toml import CatalogueError, parse_toml

Model = TypeVar("Model", Connection, Cursor, Driver, Options, Pool, Producer, Question, Rule, Service, Wait, Web)

FUNCTION_KINDS = (
    "borrows", "raises", "never-raises", "quiet", "caches", "takes", "bulk", "answers", "keeps", "numbers",
    "sends",
)  # fmt: skip
RAISES = "raises "  # begins the kind of what raises but one exception

# Python keywords and plurals that read better under another name in TOML.
_KEYS = {"with_effect": "with", "needs_await": "await", "connections": "connection", "producers": "producer",
         "pools": "pool", "cursors": "cursor"}  # fmt: skip
_NOT_IN_FILES = {Connection: {"library"}, Rule: {"text"}}

_NAME = r"[A-Za-z_]\w*"
_RELEASE = pattern(
    rf"(?P<await>await\s+)?(?:conn\.(?P<conn>{_NAME})\(\)|pool\.(?P<pool>{_NAME})\(conn\)"
    rf"|(?P<function>(?!conn\.|pool\.){_NAME}(?:\.{_NAME})+)\(conn\))"
)
_QUALIFIED = pattern(rf"(?:\*\w*|{_NAME})(?:\.{_NAME})+")
_WORDS = {str: "a string", bool: "true or false", dict: "a table", list: "a list"}


def parse_connection(table: object, where: str, library: str = "") -> Connection:
    """A `[[connection]]` of a driver file, or a `[[tool.leakcheck.connection]]` of the settings."""
    checked = _expect(dict, table, where)
    acquire = _strings(checked.get("acquire", []), f"{where}: acquire")
    if not acquire and "acquire" not in checked:
        for key in checked:
            _known(key, _SCHEMAS[Connection], where, "key")
    if not acquire:
        raise CatalogueError(where, "'acquire' must name at least one call")
    for name in acquire:
        if not _QUALIFIED.fullmatch(name):
            raise CatalogueError(
                where, f"'{name}' is no qualified name; write package.function or package.Class.method"
            )
    return _read(Connection, checked, f"{where}: {acquire[0]}", library=library or acquire[0].split(".")[0])


def parse_driver(text: str, where: str) -> Driver:
    """A whole driver file."""
    return driver_of(parse_toml(text, where), where)


def driver_of(table: Mapping[str, Any], where: str) -> Driver:
    """What the tables of a driver file say."""
    table = dict(table)
    library = _expect(str, table.get("library", ""), f"{where}: library")
    connections = _expect(list, table.pop("connection", []), f"{where}: connection")
    producers = _expect(list, table.pop("producer", []), f"{where}: producer")
    pools = _expect(list, table.pop("pool", []), f"{where}: pool")
    cursors = _expect(list, table.pop("cursor", []), f"{where}: cursor")
    options = _expect(list, table.pop("options", []), f"{where}: options")
    return _read(
        Driver,
        table,
        where,
        connections=tuple(parse_connection(entry, f"{where}: connection", library) for entry in connections),
        pools=tuple(_read(Pool, _expect(dict, p, where), f"{where}: pool") for p in pools),
        cursors=tuple(_read(Cursor, _expect(dict, c, where), f"{where}: cursor") for c in cursors),
        options=tuple(_read(Options, _expect(dict, o, where), f"{where}: options") for o in options),
        producers=tuple(_read(Producer, _expect(dict, p, where), f"{where}: producer") for p in producers),
    )


def parse_rule(text: str, where: str) -> Rule:
    """A rule document: `+++`, TOML, `+++`, Markdown."""
    opening, _, rest = text.partition("+++\n")
    front, fence, prose = rest.partition("\n+++\n")
    if opening or not fence:
        raise CatalogueError(where, "must start with TOML between two lines of +++")
    return _read(Rule, parse_toml(front, where), where, text=prose.lstrip("\n"))


def calls_of(table: dict[str, Any], where: str) -> dict[str, tuple[str, ...]]:
    """`calls.toml`: one table a kind, in it lists of qualified names under any heading. A heading of `exceptions`
    makes a kind of its own, `raises OSError`, of what raises."""
    calls: dict[str, tuple[str, ...]] = {}
    for kind, groups in table.items():
        _known(kind, (*FUNCTION_KINDS, "exceptions"), where, "table")
        for key, names in _expect(dict, groups, f"{where}: {kind}").items():
            listed = _strings(names, f"{where}: {kind}: {key}")
            for each in ("raises", f"{RAISES}{key}") if kind == "exceptions" else (kind,):
                calls[each] = (*calls.get(each, ()), *listed)
    return calls


def waits_of(table: dict[str, Any], where: str) -> tuple[Any, ...]:
    """`waits.toml`: calls that wait, what gives objects of their classes, methods and arguments that do not wait."""
    lists = ("at-once", "needs-wait", "constant", "transactions", "holding", "limits")
    for key in table:
        _known(key, ("wait", "service", "gives", "quick", *lists, "grows", "stops", "runs", "made"), where, "key")
    waits = _expect(list, table.get("wait", []), f"{where}: wait")
    services = _expect(list, table.get("service", []), f"{where}: service")
    return (
        tuple(_read(Wait, _expect(dict, entry, where), f"{where}: wait") for entry in waits),
        _convert(table.get("gives", {}), dict[str, str], f"{where}: gives"),
        _strings(table.get("quick", []), f"{where}: quick"),
        *(_strings(table.get(key, []), f"{where}: {key}") for key in lists),
        _convert(table.get("grows", {}), dict[str, str], f"{where}: grows"),
        _convert(table.get("stops", {}), dict[str, tuple[str, ...]], f"{where}: stops"),
        _convert(table.get("runs", {}), dict[str, int], f"{where}: runs"),
        _convert(table.get("made", {}), dict[str, str], f"{where}: made"),
        tuple(_read(Service, _expect(dict, entry, where), f"{where}: service") for entry in services),
    )


def web_of(table: dict[str, Any], where: str) -> Web:
    """`web.toml`."""
    return _read(Web, table, where)


def questions_of(table: dict[str, Any], where: str) -> tuple[Question, ...]:
    """`health.toml`."""
    entries = _expect(list, table.get("question", []), f"{where}: question")
    return tuple(_read(Question, _expect(dict, entry, where), f"{where}: question") for entry in entries)


_WORD_LISTS = (
    "batch",
    "few",
    "fills",
    "tells",
    "shrinks",
    "gives_one",
    "takes_one",
    "out_variables",
    "out_values",
    "sizes",
    "row_streams",
    "moves_on",
    "arrivals",
    "once",
    "commands",
    "async_commands",
    "command_setters",
    "tasks",
    "task_arguments",
    "makes_constructors",
    "states",
    "processes",
    "process_pools",
    "maps",
    "connections",
    "readies",
    "sessions",
    "saves",
    "marks",
    "managers",
    "creates",
    "savers",
    "not_objects",
    "listeners",
    "managing",
    "migrations",
    "migrating",
    "migrates",
    "migrating_files",
    "prompts",
    "tests",
    "retries",
    "pauses",
    "clocks",
    "calendars",
    "stops",
    "turns",
    "counts",
    "inserts",
    "refusals",
    "failures",
    "unreachable",
    "dispatches",
    "texts",
    "urls",
    "identifiers",
    "writes",
    "adds",
    "queries",
    "same_length",
    "views",
    "at_most",
    "vendored",
    "listening",
    "locks",
    "structure",
    "command_folders",
    "once_files",
    "once_folders",
    "lost",
    "pool_sizes",
    "members",
    "non_members",
    "frames",
    "pieces",
    "file_lists",
    "file_reads",
    "closing",
    "closed",
    "giving_back",
    "pragmas",
)


def words_of(table: dict[str, Any], where: str) -> dict[str, Any]:
    """`words.toml`: lists of words by subject, and what builds which statement."""
    for key in table:
        _known(key, (*_WORD_LISTS, "builders"), where, "key")
    lists = {key: _strings(table.get(key, []), f"{where}: {key}") for key in _WORD_LISTS}
    return {**lists, "builders": _convert(table.get("builders", {}), dict[str, str], f"{where}: builders")}


def parse_release(text: str, where: str) -> Release:
    """`conn.close()`, `await pool.release(conn)`, `ibm_db.close(conn)`."""
    match = _RELEASE.fullmatch(text.strip())
    if match is None:
        forms = "conn.close(), pool.release(conn) or package.function(conn), after `await` if it is a coroutine"
        raise CatalogueError(where, f"'{text}' is no release; write {forms}")
    awaited = match["await"] is not None
    if match["conn"]:
        return Release("conn", match["conn"], awaited)
    if match["pool"]:
        return Release("pool", match["pool"], awaited)
    return Release("function", match["function"], awaited)


def _read(model: type[Model], table: Mapping[str, Any], where: str, **given: object) -> Model:
    schema = _SCHEMAS[model]
    values = dict(given)
    for key, value in table.items():
        _known(key, schema, where, "key")
        name, hint, _ = schema[key]
        values[name] = _convert(value, hint, f"{where}: {key}")
    for key, (name, _, required) in schema.items():
        if required and name not in values:
            raise CatalogueError(where, f"'{key}' is missing")
    if "functions" in values:
        for kind in table["functions"]:
            _known(kind, FUNCTION_KINDS, f"{where}: functions", "key")
    return model(**values)  # type: ignore[arg-type]


def _convert(value: object, hint: Any, where: str) -> object:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        word = _expect(str, value, where)
        _known(word, args, where, "value")
        return word
    if origin is tuple:
        words = _strings(value, where)
        return words if args[0] is str else tuple(parse_release(word, where) for word in words)
    if origin is dict:
        table = _expect(dict, value, where)
        return {key: _convert(entry, args[1], f"{where}: {key}") for key, entry in table.items()}
    return _expect(hint, value, where)


def _strings(value: object, where: str) -> tuple[str, ...]:
    """A list of strings; a lone string is a list of one."""
    entries = [value] if isinstance(value, str) else _expect(list, value, where)
    return tuple(_expect(str, entry, where) for entry in entries)


def _known(word: str, valid: Iterable[str], where: str, what: str) -> None:
    if word not in valid:
        raise CatalogueError(where, f"unknown {what} '{word}'", word, valid)


def _expect(wanted: type[Any], value: object, where: str) -> Any:
    if not isinstance(value, wanted):
        raise CatalogueError(where, f"must be {_WORDS[wanted]}, not {value!r}")
    return value


def _schema(model: type[Any]) -> dict[str, tuple[str, Any, bool]]:
    """TOML key -> field of a dataclass, its type, whether it must be there."""
    hints = get_type_hints(model)
    return {
        _KEYS.get(f.name, f.name.replace("_", "-")): (
            f.name,
            hints[f.name],
            f.default is MISSING and f.default_factory is MISSING,
        )
        for f in fields(model)
        if f.name not in _NOT_IN_FILES.get(model, ())
    }


_MODELS = (Connection, Cursor, Driver, Options, Pool, Producer, Question, Rule, Service, Wait, Web)
_SCHEMAS = {model: _schema(model) for model in _MODELS}


def connection_keys() -> Mapping[str, tuple[str, Any, bool]]:
    """What a `[[tool.leakcheck.connection]]` may say: key -> field, type, whether it must be there."""
    return _SCHEMAS[Connection]
