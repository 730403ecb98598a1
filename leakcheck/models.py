"""What a driver file says about its library, as plain data. `catalogue` reads it from `rules/drivers/*.toml`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field
from typing import Literal

from leakcheck.records import dataclass

# connection: its own server connection or file; checkout: a slot of a pool, to be returned; session: a unit of
# work that takes a connection when used; client, pool, engine: long-lived objects that own connections;
# managed: something else (a framework, the thread) gives it back.
Kind = Literal["connection", "checkout", "session", "client", "pool", "engine", "managed"]

# What leaving a `with` block on the object does: closes it, returns it to its pool, only ends the transaction,
# closes a cursor, nothing at all, or the object is no context manager (unsupported). Where it depends on what is not
# in sight (unknown) nothing is said against the block, and no rewrite relies on it.
WithEffect = Literal["closes", "returns", "transaction", "nothing", "unsupported", "unknown"]

# What garbage collection does: gives it back at once (refcount), at some later cyclic run (cycle), never.
GcEffect = Literal["refcount", "cycle", "never", "unknown"]


@dataclass(frozen=True, slots=True)
class Release:
    """One way to give a connection back, as written in TOML: `conn.close()`, `await conn.close()`,
    `pool.putconn(conn)`, `await pool.release(conn)`, or a function by qualified name, `ibm_db.close(conn)`.
    """

    on: Literal["conn", "pool", "function"]  # who is called: the object, the pool it came from, or a plain function
    method: str  # method name, or the function's qualified name
    awaited: bool  # without `await` it does nothing

    def __str__(self) -> str:
        call = f"{self.method}(conn)" if self.on == "function" else f"{self.on}.{self.method}"
        if self.on != "function":
            call += "()" if self.on == "conn" else "(conn)"
        return f"await {call}" if self.awaited else call


@dataclass(frozen=True, slots=True)
class Connection:
    """One family of acquire calls and what their result needs."""

    library: str
    acquire: tuple[str, ...]  # qualified names: `psycopg2.connect`, `psycopg2.pool.ThreadedConnectionPool.getconn`
    kind: Kind = "connection"
    type: str = ""  # qualified class of the object, for annotations: `sqlite3.Connection`
    needs_await: bool = False  # the call gives a coroutine; nothing is acquired before `await`
    enter: WithEffect = "unsupported"  # `async with acquire():` without await, or `with` if it acquires on entry
    acquires_on_enter: bool = False  # the call itself acquires nothing (`engine.begin()`, `pool.connection()`)
    release: tuple[Release, ...] = ()
    wrong_release: tuple[Release, ...] = ()  # ends the object but loses the slot (psycopg2 pool: `conn.close()`)
    soft_release: tuple[Release, ...] = ()  # gives the connection back until the next use (session.commit())
    with_effect: WithEffect = "unsupported"  # `with <the object>:`
    with_since: str = ""  # library version, where it changed
    with_commits: bool = False
    alive: tuple[str, ...] = ()  # predicates true while usable: `is_connected()`, `open`
    closed: tuple[str, ...] = ()  # predicates true once closed: `closed`, `is_closed()`
    when_keywords: tuple[str, ...] = ()  # this model applies only if one of these keywords is passed
    not_keywords: tuple[str, ...] = ()  # ... only if none of these is passed
    keyword_position: int = -1  # where such an argument stands among the positional ones
    when_values: tuple[str, ...] = ()  # ... only if one of these strings is passed
    memory_arguments: tuple[str, ...] = ()  # literal first arguments that make it in-memory; "" is none at all
    gc: GcEffect = "unknown"
    double_release: Literal["safe", "raises", "harmful", "unknown"] = "unknown"
    cursor_closes: bool = False  # the cursor keeps or returns the connection in an unusual way
    cursor_dies: bool = False  # `connect().cursor()` hands back a dead or shared cursor
    returns_self: tuple[str, ...] = ()  # methods that hand back the object itself: `execution_options`
    runs_many: bool = False  # it has an `executemany` itself, not only its cursors
    idle: tuple[str, ...] = ()  # methods that ask the server for nothing yet: `session.add`, `connection.begin`
    pending: tuple[str, ...] = ()  # of those the ones that leave work for the commit: `session.add`
    builds: tuple[str, ...] = ()  # methods that only put together what the rest of their chain asks: `session.query`
    bound_by: tuple[str, ...] = ()  # arguments and attributes that name a session's database: else it has none
    begins: tuple[str, ...] = ()  # methods that build what asks the server once it is entered: `conn.transaction`
    rests_after: tuple[str, ...] = ()  # methods whose `with` block ends by giving the connection back: `session.begin`
    shares: tuple[str, ...] = ()  # methods that give the connection it works on: `session.connection`
    expires: str = ""  # argument of a session without which a row is asked for again behind a commit
    rows: tuple[str, ...] = ()  # methods that end a chain of calls which gives one row: `get`, `first`
    detaches: tuple[str, ...] = ()  # methods that take it out of its pool for good
    detached: tuple[str, ...] = ()  # attributes that are the connection itself from then on
    embedded: bool = False  # a database in the process: no server, no slot that others wait for
    lazy: bool = False  # constructing takes nothing until first use
    reusable: bool = False  # usable after release: silently acquires again
    exhaustion: str = ""  # what the next acquire does when none is left
    enabled: bool = True  # off: modelled, reported only on request
    note: str = ""  # one sentence for messages: "`with` commits, it does not close"

    @property
    def tracked(self) -> bool:
        """Whether an acquire by this model obliges the function it stands in to release."""
        return self.enabled and self.kind in ("connection", "checkout", "session")

    @property
    def opens_when_called(self) -> bool:
        """Whether the acquire itself has the connection opened: it need not be used, awaited or entered first."""
        return not (self.lazy or self.needs_await or self.acquires_on_enter)

    @property
    def predicates(self) -> frozenset[str]:
        """The names by which one is asked whether it is still usable."""
        return frozenset(form.removesuffix("()") for form in (*self.alive, *self.closed))

    @property
    def restful(self) -> frozenset[str]:
        """Methods after which a lazy object has no connection that it had not before."""
        return frozenset(self.idle).union(form.method for form in (*self.release, *self.soft_release))


@dataclass(frozen=True, slots=True)
class Producer:
    """A call that gives an object of a known type from which connections are acquired (`create_engine`)."""

    call: tuple[str, ...]
    type: str


@dataclass(frozen=True, slots=True)
class Pool:
    """How a pool or engine is built: which arguments bound it, and which make it survive a lost connection."""

    call: tuple[str, ...]
    size: str = ""  # keyword of the most connections it may have
    position: int = -1  # where that stands among the positional arguments
    overflow: str = ""  # keyword of what is added to it under load
    default: int = 0  # without the keyword; 0: no bound, or it must be given
    default_overflow: int = 0
    most: int = 0  # the driver's own maximum; 0: none
    guards: tuple[str, ...] = ()  # keywords of which one is needed against connections that died while idle
    resilient: dict[str, str] = field(default_factory=dict)  # keyword -> value to recommend
    anywhere: tuple[str, ...] = ()  # those of them that fit whatever the URL names; empty: all
    since: dict[str, str] = field(default_factory=dict)  # keyword -> the first version that has it,
    package: str = ""  # of the package of this name
    pool_class: str = ""  # keyword that chooses another kind of pool
    pool_object: str = ""  # keyword that gives a pool made elsewhere, with settings of its own
    usual: tuple[str, ...] = ()  # kinds of pool, by their last names, that keep connections for whoever asks
    embedded: tuple[str, ...] = ()  # beginnings of URLs that name a database in the process, or one without sockets
    mock: tuple[str, ...] = ()  # keywords with which it never connects
    default_from: str = ""  # keyword whose value counts where the size is missing
    raises: str = ""  # the exception that who finds it empty gets at once; else he waits
    waits_with: tuple[str, ...] = ()  # keywords that make him wait in its stead
    harmful: dict[str, str] = field(default_factory=dict)  # `keyword=value` -> what it does, to end a sentence
    idle: tuple[str, ...] = ()  # attributes that can be read without a connection


@dataclass(frozen=True, slots=True)
class Cursor:
    """A kind of cursor that keeps something on the server, or the database's file, until it is closed."""

    call: tuple[str, ...]  # methods of connections: `psycopg2.extensions.connection.cursor`
    because: str  # what it keeps while it is open, for messages
    with_effect: WithEffect = "unsupported"  # `with <the cursor>:`
    keyword: str = ""  # it is of that kind only with this argument,
    position: int = -1  # where that stands among the positional ones,
    classes: tuple[str, ...] = ()  # and, if there are any, with one of these classes, by their last names


@dataclass(frozen=True, slots=True)
class Options:
    """A dictionary in a settings module from which a framework builds a pool."""

    because: str  # what happens without the guards
    assigned: str = ""  # the name it is assigned to; or
    holds: str = ""  # a key that tells it from other dictionaries
    guards: tuple[str, ...] = ()  # keys of which one is needed against connections that died while idle
    resilient: dict[str, str] = field(default_factory=dict)  # key -> value to recommend
    anywhere: tuple[str, ...] = ()  # those of them that fit whatever the URL names; empty: all
    since: dict[str, str] = field(default_factory=dict)  # key -> the first version that reads it,
    package: str = ""  # of the package of this name
    nothing: tuple[str, ...] = ()  # values of `holds`, or of `poolclass`, with which no connection is kept
    size: str = ""
    overflow: str = ""
    default_overflow: int = 0
    engine: str = ""  # key that names the database; or
    url: str = ""  # name that is assigned its URL
    embedded: tuple[str, ...] = ()  # what those say of a database in the process
    readers: tuple[str, ...] = ()  # in the names of packages: nothing else reads it


@dataclass(frozen=True, slots=True)
class Wait:
    """Calls that keep the caller waiting for something other than the database."""

    kind: Literal["sleep", "slow", "retry"]
    what: str  # to end a sentence: "waits for an HTTP response"
    calls: tuple[str, ...] = ()
    coroutines: tuple[str, ...] = ()  # wait only where they are awaited
    blocks: tuple[str, ...] = ()  # wait at the beginning or end of a `with` block of them
    brief: bool = False  # mostly over at once
    asks: bool = False  # a person, who takes as long as people do
    limit: str = ""  # keyword with the seconds after which it is over


@dataclass(frozen=True, slots=True)
class Service:
    """A service that is asked by the objects of a library, of one kind as far as that goes."""

    what: str  # as of `Wait`
    packages: tuple[str, ...]  # the library and its forks
    objects: tuple[str, ...]  # classes in each of them
    has: tuple[str, ...] = ()  # attributes that are such objects
    gives: tuple[str, ...] = ()  # methods that return one
    calls: tuple[str, ...] = ()  # methods that ask; those of a name with a `*` begin so
    coroutines: tuple[str, ...] = ()
    handlers: tuple[str, ...] = ()  # what decorates functions that are given one first

    @property
    def type(self) -> str:
        """The class that stands for all of them."""
        return f"{self.packages[0]}.{self.objects[0]}"

    def asks(self, method: str) -> bool | None:
        """Whether a method of such an object is a coroutine that asks the service; None if it does not ask it."""
        for names, awaited in ((self.calls, False), (self.coroutines, True)):
            if any(method == name or (name[-1] == "*" and method.startswith(name[:-1])) for name in names):
                return awaited
        return None

    def in_packages(self, names: Iterable[str]) -> Iterator[str]:
        """The qualified names of what each of the packages has."""
        return (f"{package}.{name}" for name in names for package in self.packages)


@dataclass(frozen=True, slots=True)
class Web:
    """What web frameworks call endpoints, dependencies and responses that are sent late."""

    endpoints: tuple[str, ...] = ()  # decorators, by their last name
    handlers: tuple[str, ...] = ()  # decorators, by qualified name
    queries: tuple[str, ...] = ()  # attributes of models
    contexts: tuple[str, ...] = ()  # methods whose block ends the session of the request
    dependencies: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()  # calls whose first argument runs behind the response
    buffers: tuple[str, ...] = ()  # bodies that are in memory as a whole
    ended_before: dict[str, str] = field(default_factory=dict)  # package -> versions that do so; "" is all of them
    ends_before: dict[str, str] = field(default_factory=dict)  # arguments of a dependency that make it so
    servers: tuple[str, ...] = ()  # packages that run code for many callers at a time
    threads: dict[str, int] = field(default_factory=dict)  # package -> how many plain endpoints it runs at once
    at_once: dict[str, str] = field(default_factory=dict)  # call -> the argument that says how many it runs at once


@dataclass(frozen=True, slots=True)
class Question:
    """One line of the checklist of `--health`."""

    name: str
    title: str
    priority: Literal["high", "medium", "low"]
    noun: str  # plural, of what is counted
    advice: str
    rules: tuple[str, ...] = ()  # whose findings answer it with no
    of: str = ""  # the count of a census that says how many there are in all
    right: str = ""  # the count of a census that says how many are right
    outside: bool = False  # connections that live outside of `with` answer it with no


@dataclass(frozen=True, slots=True)
class Driver:
    """One library's file."""

    library: str
    imports: tuple[str, ...]  # top-level or dotted modules that make a file worth reading
    connections: tuple[Connection, ...] = ()
    producers: tuple[Producer, ...] = ()
    pools: tuple[Pool, ...] = ()
    cursors: tuple[Cursor, ...] = ()
    options: tuple[Options, ...] = ()
    types: dict[str, str] = field(default_factory=dict)  # other name of a class, or subclass -> its model class
    attributes: dict[str, str] = field(default_factory=dict)  # `package.Class.attribute` -> class of what it holds
    functions: dict[str, tuple[str, ...]] = field(default_factory=dict)  # the tables of `calls.toml`
    bulk: str = ""  # the library's fastest way to write many rows, for messages
    bulk_of: dict[str, str] = field(
        default_factory=dict
    )  # for some verbs; UPSERT: rows may be there; BEHIND: and have values for that; RETURNING: are read; SELECT: ask
    batch_call: str = ""  # a function that sends many: of a cursor, a statement and its rows, `page_size` at a time
    batches: bool = False  # what `bulk` says sends many an UPDATE or DELETE at a time too
    single_rows: bool = False  # its language has no statement for many rows
    against: tuple[str, ...] = ()  # qualified names, or what they begin with, that are no database connections

    @property
    def is_embedded(self) -> bool:
        """Whether all its databases are in the process."""
        return bool(self.connections) and all(connection.embedded for connection in self.connections)

    @property
    def given(self) -> frozenset[str]:
        """The classes of what is had through the library."""
        made = (producer.type for producer in self.producers)
        own = (connection.type for connection in self.connections)
        return frozenset((*self.types.values(), *self.attributes.values(), *made, *own))


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule document's front matter and prose."""

    code: str
    name: str
    summary: str
    severity: Literal["error", "warning"]
    default: bool  # on unless selected otherwise
    fix: Literal["none", "sometimes", "always"]
    since: str
    text: str  # the Markdown after the front matter
    precision: Literal["high", "medium", "low"] = "medium"  # how many of its findings are right
    tags: tuple[str, ...] = ()  # what it endangers, and the weaknesses it is known as: `CWE-772`
