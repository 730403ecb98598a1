"""Abstract values: what a variable or an expression may stand for.

Values are small, frozen and hashable, because states are compared and merged by them.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from leakcheck.records import dataclass

if TYPE_CHECKING:
    from leakcheck.diagnostics import Confidence
    from leakcheck.models import Connection, WithEffect
    from leakcheck.project.syntax.module import ClassInfo, FunctionInfo, Module

# A resource is named by its acquire site (an index into the analysis' sites) and a generation: a loop that acquires
# at the same place again renames the older one from 0 to 1, so that an overwritten connection stays visible.
ResourceId = tuple[int, int]


class Plain(Enum):
    """Values without parts."""

    __hash__ = object.__hash__  # each is one object; Enum's own goes by the name, and states are hashed all the time

    UNKNOWN = "unknown"
    SOMETHING = "something"  # unknown, but true in a test: an object
    UNBOUND = "unbound"


UNKNOWN = Plain.UNKNOWN
SOMETHING = Plain.SOMETHING
UNBOUND = Plain.UNBOUND


@dataclass(frozen=True, slots=True)
class Const:
    """A literal: None, True, False, a number or a string."""

    value: object

    @property
    def truth(self) -> bool:
        return bool(self.value)


@dataclass(frozen=True, slots=True)
class Ref:
    """A tracked resource."""

    rid: ResourceId


@dataclass(frozen=True, slots=True)
class Derived:
    """Something obtained from a resource (a cursor, a result): using it may raise, keeping it keeps nothing open."""

    rid: ResourceId


@dataclass(frozen=True, slots=True)
class Lent:
    """A connection-like object that somebody else gives back: using it may raise.

    `rid` is the resource itself inside the block of a context manager that lends it.
    """

    spec: Connection | None = None
    rid: ResourceId | None = None


@dataclass(frozen=True, slots=True)
class Tuple:
    """A tuple, list or dict display that holds something tracked; a dict has a key for each item."""

    items: tuple[Value, ...]
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Symbol:
    """Something imported, by qualified name: a module, function or class outside the project."""

    name: str


@dataclass(frozen=True, slots=True)
class Import:
    """A module of the project."""

    module: Module


@dataclass(frozen=True, slots=True)
class Instance:
    """An object of a known class: a library's by qualified name, or the project's own."""

    type: str | ClassInfo
    rid: ResourceId | None = None  # where the object is a resource itself, because it keeps a connection


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the project, with the object it is bound to, if any."""

    info: FunctionInfo
    receiver: Value | None = None


@dataclass(frozen=True, slots=True)
class Class:
    """A class of the project."""

    info: ClassInfo


@dataclass(frozen=True, slots=True)
class Method:
    """An attribute of a value, most often a bound method: `conn.close` without the call."""

    receiver: Value
    name: str


@dataclass(frozen=True, slots=True)
class Pending:
    """An acquire that has been called but neither awaited nor entered: nothing is acquired yet."""

    spec: Connection
    site: int


@dataclass(frozen=True, slots=True)
class PendingRelease:
    """A coroutine that will release the resource once awaited."""

    rid: ResourceId


class Bound(NamedTuple):
    """A parameter that is bound to a resource of the caller."""

    name: str
    spec: Connection
    is_derived: bool = False  # only obtained from it
    is_resting: bool = False  # it takes its connection when it is used
    owner: ClassInfo | None = None  # what is given is an object of this class, which keeps it
    opens_late: bool = False  # the object may have opened nothing so far


@dataclass(frozen=True, slots=True)
class Loan:
    """What a project's context manager has checked out while its block runs, and in which functions."""

    spec: Connection
    certainty: Confidence
    through: tuple[FunctionInfo, ...]
    used: str = ""  # who has worked with it already: a lazy one has taken its connection
    ends_early: bool = False  # the framework takes it back before the response is sent, as its dependency says
    unless: str = ""  # a parameter that is None where nobody has worked with it
    inside: bool = False  # it is not what is given, but in what is given: a repository around a session
    kept_by: tuple[str, ...] = ()  # the parameters that are given such things


@dataclass(frozen=True, slots=True)
class Manager:
    """A context manager around a value: `closing(conn)`, `nullcontext(conn)`, `suppress(...)`, or a project's own.

    `effect` is what leaving the block does to the resource in `inner`; `yields` is what `as` binds.
    """

    inner: Value
    yields: Value
    effect: WithEffect
    suppresses: tuple[str, ...] = ()
    lends: Loan | None = None  # what is checked out inside the block


@dataclass(frozen=True, slots=True)
class Stack:
    """A `contextlib.ExitStack`; what is registered on it is kept in the state under `key`."""

    key: int


Value: TypeAlias = (
    Plain | Const | Ref | Derived | Lent | Tuple | Symbol | Import | Instance | Function | Class | Method
    | Pending | PendingRelease | Manager | Stack
)  # fmt: skip

NONE = Const(None)
TRUE = Const(True)
FALSE = Const(False)
LITERALS = {"None": NONE, "True": TRUE, "False": FALSE}


def own_class(value: Value | None) -> ClassInfo | None:
    """The class of the project that a value is an object of."""
    return value.type if isinstance(value, Instance) and not isinstance(value.type, str) else None


def resources_in(value: Value) -> tuple[ResourceId, ...]:
    """The resources that a holder of `value` can release: itself, or the parts of a tuple or manager."""
    if isinstance(value, (Ref, PendingRelease)):
        return (value.rid,)
    if isinstance(value, Instance):
        return (value.rid,) if value.rid is not None else ()
    if isinstance(value, Tuple):
        return tuple(rid for item in value.items for rid in resources_in(item))
    if isinstance(value, Manager):
        return resources_in(value.inner)
    return ()


def truth(value: Value) -> bool | None:
    """Whether the value is true in a test; None if both are possible."""
    if isinstance(value, Const):
        return value.truth
    if isinstance(value, Tuple):
        return bool(value.items)
    if isinstance(value, Instance) and value.rid is not None:
        return True
    if value is UNKNOWN or value is UNBOUND or isinstance(value, (Instance, Lent, Derived, Method)):
        return None  # an object may have a truth of its own, an attribute may hold anything
    return None if is_setting(value) else True


def is_none(value: Value) -> bool | None:
    """Whether the value is None; None if it may be."""
    if isinstance(value, Const):
        return value.value is None
    # fetchone() may give None, and so may a field that holds a connection only from some time on
    if isinstance(value, Instance) and value.rid is not None:
        return False
    unknown = value is UNKNOWN or value is UNBOUND or isinstance(value, (Method, Derived, Lent, Instance))
    return None if unknown or is_setting(value) else False


def is_setting(value: Value) -> bool:
    """Whether it may be anything, for all that is known: what a module out of sight has by a name that is no class'."""
    if not isinstance(value, Symbol):
        return False
    module, _, name = value.name.rpartition(".")
    return bool(module) and (not name[:1].isupper() or name.isupper())


def rename(value: Value, old: ResourceId, new: ResourceId) -> Value:
    """The value with every mention of `old` replaced by `new`."""
    if isinstance(value, (Ref, Derived, PendingRelease)):
        return type(value)(new) if value.rid == old else value
    if isinstance(value, Instance):
        return Instance(value.type, new) if value.rid == old else value
    if isinstance(value, Tuple):
        return Tuple(tuple(rename(item, old, new) for item in value.items), value.keys)
    if isinstance(value, Manager):
        inner, yields = rename(value.inner, old, new), rename(value.yields, old, new)
        return Manager(inner, yields, value.effect, value.suppresses, value.lends)
    if isinstance(value, Method):
        return Method(rename(value.receiver, old, new), value.name)
    return value
