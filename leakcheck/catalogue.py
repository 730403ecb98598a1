"""What leakcheck knows: the drivers, calls and rules of `rules/`, with the indexes the checks ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path

from leakcheck.models import Connection, Cursor, Driver, Options, Pool, Rule, Web
from leakcheck.origins import homes, import_words, prefixes, receivers
from leakcheck.schema import FUNCTION_KINDS, calls_of, driver_of, parse_connection, parse_driver, waits_of, web_of
from leakcheck.shipped import DRIVERS, Documents, tables
from leakcheck.toml import CatalogueError
from leakcheck.waits import Waits

__all__ = ["Catalogue", "CatalogueError", "load", "parse_connection"]

_LONG_LIVED = ("pool", "engine", "client")


class Catalogue:
    """Drivers, and the questions asked about qualified names. Built once by `load`."""

    def __init__(
        self, drivers: tuple[Driver, ...], calls: dict[str, tuple[str, ...]] | None = None, waits: Waits | None = None
    ) -> None:
        self.drivers = drivers
        self.waits = waits or Waits()
        # class, its other names and subclasses -> the class used in `acquire`
        self.types = self.waits.types | _types(drivers)
        self.by_acquire = _by_acquire(drivers, self.types)
        self.by_type = _by_type(drivers, self.types)
        self.producers = self.waits.gives | _producers(drivers, self.types, self.by_acquire)
        self.attributes = self.waits.attributes | _attributes(drivers)
        self.functions = {kind: _functions(kind, drivers, calls or {}) for kind in (*FUNCTION_KINDS, *(calls or ()))}
        self._kinds = _inverted(self.functions)
        self._outcomes = {kind for kind in self.functions if "raises" in kind}  # the nearest listing decides which
        self.not_connections = frozenset(name for d in drivers for name in d.against)
        self.import_words = import_words(drivers)
        self.option_words = frozenset(o.assigned or o.holds for d in drivers for o in d.options)

    @cached_property
    def tracked_words(self) -> frozenset[str]:
        """The last names of the calls that acquire what must be given back."""
        return frozenset((*self.homes, *self.receivers)) - {"__call__"}

    @cached_property
    def release_methods(self) -> frozenset[str]:
        """The last names of the calls that release."""
        models = (connection for driver in self.drivers for connection in driver.connections)
        return frozenset(form.method.rpartition(".")[2] for model in models for form in model.release)

    @property
    def release_words(self) -> frozenset[str]:
        """The same, and the statements that do it."""
        return self.release_methods | {"with", "finally"}

    @cached_property
    def homes(self) -> dict[str, frozenset[str]]:
        """By those, the libraries of which one must be near, a word for each."""
        names = _other_names(self.types)
        tracked = [[n for c in d.connections if c.tracked for a in c.acquire for n in names(a)] for d in self.drivers]
        return homes(self.drivers, tracked)

    @cached_property
    def receivers(self) -> dict[str, frozenset[str]]:
        """By those of calls that need no library, how the name of the receiver must end; "" for any."""
        anywhere = (connection for d in self.drivers if not d.imports for connection in d.connections)
        return receivers(name for connection in anywhere if connection.tracked for name in connection.acquire)

    @cached_property
    def connection_classes(self) -> frozenset[str]:
        """The last names of the classes whose objects are connections that are opened when they are made."""
        models = (connection for driver in self.drivers for connection in driver.connections if connection.tracked)
        own = {model.type for model in models if model.type in model.acquire and model.opens_when_called}
        names = (*own, *(other for other, type_ in self.types.items() if type_ in own))
        return frozenset(name.rpartition(".")[2] for name in names)

    @cached_property
    def library_words(self) -> frozenset[str]:
        """One word for each library with something to track, that is in its import however it is written."""
        return import_words(d for d in self.drivers if any(spec.tracked for spec in d.connections))

    @cached_property
    def registries(self) -> tuple[Driver, ...]:
        """Libraries that keep a session for the request, to be had as an attribute."""
        return tuple(d for d in self.drivers if any(_is_kept_session(spec) for spec in d.connections))

    @cached_property
    def kept_words(self) -> frozenset[str]:
        """The attributes by which such a session is used."""
        names = (n for d in self.registries for c in d.connections if _is_kept_session(c) for n in c.acquire)
        return frozenset(name.rpartition(".")[2] for name in names).union(self.web.queries)

    @cached_property
    def pool_words(self) -> frozenset[str]:
        """The last names of the calls that build pools."""
        aliases = (alias for alias, model in self.types.items() if model in self.pools)
        return frozenset(name.rpartition(".")[2] for name in (*self.pools, *aliases))

    @cached_property
    def factory_classes(self) -> frozenset[str]:
        """Classes whose instances are called to acquire: `sessionmaker`."""
        return frozenset(name.split(".")[-2] for name in self.by_acquire if name.endswith(".__call__"))

    @cached_property
    def rules(self) -> Mapping[str, Rule]:
        """The rule documents by code."""
        return Documents()

    @cached_property
    def _by_name(self) -> tuple[tuple[str, str, tuple[Connection, ...]], ...]:
        """Receiver's ending, method, models: the acquirers written `*.get_connection` and `*pool.acquire`."""
        parts = ((name.rpartition("."), found) for name, found in self.by_acquire.items() if name.startswith("*"))
        # the longest ending first: it says most
        return tuple(sorted(((head[1:], last, found) for (head, _, last), found in parts), key=lambda p: -len(p[0])))

    def by_name(self, receiver: str, method: str) -> tuple[Connection, ...]:
        """Models for a call of which only the names are known; `receiver` is the last one before the method, or ""."""
        name = receiver.lower()
        return next((found for end, last, found in self._by_name if last == method and name.endswith(end)), ())

    def against(self, name: str) -> bool:
        """Whether a qualified name is known to have nothing to do with a database connection to be released."""
        return any(prefix in self.not_connections for prefix in prefixes(name))

    def is_long_lived(self, type_: str) -> bool:
        """Whether objects of a class are what connections are taken from: engines, pools."""
        spec = self.by_type.get(type_)
        return spec is not None and spec.kind in _LONG_LIVED

    def library(self, name: str) -> Driver | None:
        """The first library that a qualified name belongs to."""
        return next((d for d in self.drivers if any(name.startswith(f"{top}.") for top in d.imports)), None)

    @cached_property
    def quiet_methods(self) -> frozenset[str]:
        """Methods of connections and cursors whose failure alone is no reason for a report."""
        return frozenset(name.removeprefix("*.") for name in self.functions["quiet"])

    @cached_property
    def web(self) -> Web:
        """What web frameworks call things, read when first asked for."""
        return web_of(tables()["web.toml"], "web.toml")

    @cached_property
    def pools(self) -> dict[str, Pool]:
        """How pools are built, by the qualified name of the call."""
        return {name: pool for d in reversed(self.drivers) for pool in d.pools for name in pool.call}

    @cached_property
    def cursors(self) -> dict[str, Cursor]:
        """The cursors that have to be closed, by the qualified name of the call."""
        return {name: cursor for d in reversed(self.drivers) for cursor in d.cursors for name in cursor.call}

    @cached_property
    def options(self) -> tuple[Options, ...]:
        """The dictionaries from which frameworks build pools."""
        return tuple(options for driver in self.drivers for options in driver.options)

    def methods(self, kind: str) -> frozenset[str]:
        """The methods listed as a kind, by their names alone."""
        return frozenset(name.removeprefix("*.") for name in self.functions[kind])

    @cached_property
    def senders(self) -> frozenset[str]:
        """The last names of what sends a statement besides `execute`."""
        return frozenset(name.rpartition(".")[2] for name in self.functions["sends"])

    def function(self, name: str) -> frozenset[str]:
        """The kinds a callee is listed under, itself or by `package.*`; `*.method` if its receiver is unknown."""
        found: frozenset[str] = frozenset()
        for probe in _probes(name):
            kinds = self._kinds.get(probe, frozenset())
            found |= kinds - self._outcomes if found & self._outcomes else kinds
        return found


@cache
def load(drivers: tuple[Path, ...] = (), connections: tuple[Connection, ...] = ()) -> Catalogue:
    """The catalogue of `rules/`, with a project's own driver files and connections before it."""
    own = [Driver("settings", (), connections), *(parse_driver(_text(path), str(path)) for path in drivers)]
    return Catalogue(
        (*own, *(driver_of(table, name) for name, table in tables().items() if name.startswith(DRIVERS))),
        calls_of(tables()["calls.toml"], "calls.toml"),
        Waits(*waits_of(tables()["waits.toml"], "waits.toml")),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise CatalogueError(str(path), f"cannot be read: {reason}") from None


def _types(drivers: tuple[Driver, ...]) -> dict[str, str]:
    types = {alias: model for d in reversed(drivers) for alias, model in d.types.items()}
    models = [*types.values(), *(p.type for d in drivers for p in d.producers)]
    models += [c.type for d in drivers for c in d.connections if c.type]
    for model in models:
        types.setdefault(model, model)
    return types


def _attributes(drivers: tuple[Driver, ...]) -> dict[str, str]:
    return {name: given for d in reversed(drivers) for name, given in d.attributes.items()}


def _by_acquire(drivers: Iterable[Driver], types: dict[str, str]) -> dict[str, tuple[Connection, ...]]:
    found: dict[str, tuple[Connection, ...]] = {}
    names = _other_names(types)
    for driver in drivers:
        own: dict[str, tuple[Connection, ...]] = {}
        for connection in driver.connections:
            for name in (name for acquire in connection.acquire for name in names(acquire)):
                own[name] = (*own.get(name, ()), connection)
        found = own | found  # an earlier driver's word on a call replaces a later one's
    return found


def _by_type(drivers: Iterable[Driver], types: dict[str, str]) -> dict[str, Connection]:
    """Class -> the first model that gives it: what an object is taken for when its acquire is out of sight."""
    found: dict[str, Connection] = {}
    for connection in (c for d in drivers for c in d.connections if c.type):
        found.setdefault(types[connection.type], connection)
    return found


def _producers(
    drivers: Iterable[Driver], types: dict[str, str], by_acquire: dict[str, tuple[Connection, ...]]
) -> dict[str, str]:
    """Calls that give an object to acquire from. Constructors count, except where they are an acquire themselves."""
    names = _other_names(types)
    found = {alias: model for alias, model in types.items() if alias not in by_acquire}
    for name, connections in by_acquire.items():
        if connections[0].kind in _LONG_LIVED and connections[0].type:
            found[name] = types[connections[0].type]
    for producer in (p for d in drivers for p in d.producers):
        found.update({name: types[producer.type] for call in producer.call for name in names(call)})
    return found


def _other_names(types: dict[str, str]) -> Callable[[str], Iterator[str]]:
    """Every way to write a call: by the class it names or belongs to, and by that class' aliases and subclasses."""
    aliases: dict[str, list[str]] = {}
    for alias, model in types.items():
        if alias != model:
            aliases.setdefault(model, []).append(alias)

    def names(name: str) -> Iterator[str]:
        yield name
        owner, _, method = name.rpartition(".")
        yield from aliases.get(name, ())
        yield from (f"{alias}.{method}" for alias in aliases.get(owner, ()))

    return names


def _is_kept_session(spec: Connection) -> bool:
    return spec.kind == "managed" and spec.lazy and not any(name.endswith(".__call__") for name in spec.acquire)


def _functions(kind: str, drivers: Iterable[Driver], calls: dict[str, tuple[str, ...]]) -> frozenset[str]:
    return frozenset((*calls.get(kind, ()), *(name for d in drivers for name in d.functions.get(kind, ()))))


def _inverted(functions: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for kind, names in functions.items():
        for name in names:
            found[name] = found.get(name, frozenset()) | {kind}
    return found


def _probes(name: str) -> Iterator[str]:
    """How a callee may be listed: exactly, then by its packages, the nearest first. Builtins have no package."""
    name = name.removeprefix("builtins.")
    yield name
    yield from (f"{prefix}.*" for prefix in prefixes(name.rpartition(".")[0]))
