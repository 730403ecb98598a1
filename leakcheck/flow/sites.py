"""Where resources come from, and what became of them: an interpreter's findings about one function."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from leakcheck.records import dataclass

if TYPE_CHECKING:
    import libcst as cst

    from leakcheck.diagnostics import Confidence
    from leakcheck.flow.state import Resource, Tier, Trace
    from leakcheck.flow.values import Value
    from leakcheck.models import Connection
    from leakcheck.project.syntax.module import FunctionInfo


@dataclass(eq=False)
class Site:
    """A place where a resource comes into this function: an acquire call, or a parameter of a summarised helper."""

    index: int
    node: cst.CSTNode
    spec: Connection
    callee: str  # as written, for messages
    certainty: Confidence
    wrappers: tuple[FunctionInfo, ...] = ()  # the project functions it came through, outermost first
    parameter: str = ""  # name, where it is a borrowed parameter
    is_owner: bool = False  # an object that keeps a connection
    is_answered_for: bool = False  # by an object that is given it, and can release it
    in_memory: bool = False  # a database that vanishes with the connection
    name: str = ""  # the variable it was first bound to
    holder: str = ""  # the variable bound to a tuple or dict with it inside
    releases: list[cst.CSTNode] = field(default_factory=list)  # calls that release it on some path
    methods: set[str] = field(default_factory=set)  # that are called on it
    elsewhere: set[str] = field(default_factory=set)  # methods that are called on it by the functions it is passed to
    is_item: bool = False  # yielded, one for each round of a loop
    reopened: bool = False  # closed at once by a generator that nobody keeps, and opened again by its next use
    looked_at: cst.CSTNode | None = None  # a row behind a commit, for which a session takes a connection again
    opens_late: bool = False  # an object that opens nothing before a later call, or before it is waited for
    closed_in_vain: str = ""  # what a `closing` calls that does not close it
    may_be_given: bool = False  # the function that opens it may hand back what it is given instead
    may_be_other: bool = False  # or something that is no connection, nor None
    may_be_anything: bool = False  # or something of which that cannot be told
    is_part: bool = False  # of a tuple or dict that it gives
    keeps_pooled: bool = False  # an object that keeps a connection of a pool

    @property
    def is_pooled(self) -> bool:
        """Whether to release it is to return something to its pool."""
        return self.keeps_pooled or self.spec.kind == "checkout"


@dataclass(frozen=True)
class Leak:
    """A resource that was still out when the function was left."""

    site: Site
    resource: Resource
    tier: Tier
    exit: str  # return, raise, overwritten
    trace: Trace | None


@dataclass(frozen=True)
class Misuse:
    """A use or release of a resource after it was given back."""

    site: Site
    node: cst.CSTNode
    what: str  # used, released, returned
    released: cst.CSTNode | None
    trace: Trace | None


@dataclass(frozen=True)
class Kept:
    """A resource stored in a field of `self`, itself or in an object that keeps it."""

    site: Site
    field: str
    node: cst.CSTNode
    value: Value
