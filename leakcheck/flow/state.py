"""One abstract state of a running function, and how sets of states are merged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field, replace
from enum import Enum, IntEnum
from typing import TYPE_CHECKING

from leakcheck.flow.values import ResourceId, Value, rename
from leakcheck.records import dataclass

if TYPE_CHECKING:
    import libcst as cst

    from leakcheck.diagnostics import StepKind

MAX_STATES = 12  # per program point; dropping a state can hide a leak, never invent one
MAX_FORKS = 3 * MAX_STATES  # of the expressions or tests in one


class Status(Enum):
    """Where a resource stands."""

    __hash__ = object.__hash__  # each is one object; Enum's own goes by the name, and states are hashed all the time

    OPEN = "open"
    CLOSED = "closed"
    RESTING = "resting"  # given back until its next use: a session after commit()
    ESCAPED = "escaped"  # handed over: somebody else releases it
    FIELD = "field"  # stored on `self` in `__init__`: handed over only if `__init__` ends normally
    LENT = "lent"  # inside the block of a project's context manager, which gives it back
    LOST = "lost"  # ended by the wrong call, or not released because a liveness test said no: the slot stays out


class Tier(IntEnum):
    """What a path needed to get here: nothing unusual, an exception that is likely, or one that is not."""

    NONE = 0
    STRONG = 1
    WEAK = 2


# What raises for certain, whatever raised before it, by its origin: a name without a value, a method of None.
CERTAIN = {"unbound": ("UnboundLocalError", "NameError"), "none": ("AttributeError",)}


@dataclass(frozen=True, slots=True)
class Resource:
    """What a state knows about one resource. `how` and `where` are for messages and not part of equality."""

    status: Status
    with_used: bool = False  # entered a `with` that does not close it
    how: str = field(default="", compare=False)
    where: cst.CSTNode | None = field(default=None, compare=False)
    pending: bool = False  # a session was given work that its commit will send
    apart: bool = False  # it is its pool's no more

    def becomes(self, status: Status, how: str = "", where: cst.CSTNode | None = None) -> Resource:
        return replace(self, status=status, pending=False, how=how, where=where)

    def taken_out(self) -> Resource:
        """The same without its pool."""
        return replace(self, apart=True)

    def with_work(self) -> Resource:
        """The same with something to send."""
        return replace(self, pending=True)


@dataclass(frozen=True, slots=True)
class Trace:
    """The steps that led to a state, newest first."""

    kind: StepKind
    node: cst.CSTNode
    text: str
    previous: Trace | None
    length: int


@dataclass(frozen=True, slots=True)
class Raised:
    """What an exception state carries: who raised (`driver`, `call`, `raise`, `unbound`) and, if known, what: names
    joined by `|`, where handlers may know it by several."""

    origin: str
    type: str = ""


Registered = tuple[str, ResourceId]  # what an ExitStack does on exit: an effect and the resource


class State:
    """Mutable while one expression is evaluated, copied where paths part."""

    __slots__ = ("facts", "handling", "raised", "resources", "result", "stacks", "trace", "variables", "via")

    def __init__(self) -> None:
        self.variables: dict[str, Value] = {}
        self.resources: dict[ResourceId, Resource] = {}
        self.via: dict[ResourceId, Tier] = {}
        self.facts: dict[str, bool] = {}
        self.stacks: dict[int, tuple[Registered, ...]] = {}
        self.trace: Trace | None = None
        self.raised: Raised | None = None
        self.handling: Raised | None = None
        self.result: Value | None = None

    def copy(self) -> State:
        new = State.__new__(State)
        new.variables = self.variables.copy()
        new.resources = self.resources.copy()
        new.via = self.via.copy()
        new.facts = self.facts.copy()
        new.stacks = self.stacks.copy()
        new.trace = self.trace
        new.raised = self.raised
        new.handling = self.handling
        new.result = self.result
        return new

    def key(self) -> tuple[object, ...]:
        """What makes two states the same; how they came about (`via`, `trace`) does not."""
        return (
            frozenset(self.variables.items()),
            frozenset(self.resources.items()),
            frozenset(self.facts.items()),
            frozenset(self.stacks.items()) if self.stacks else None,
            self.raised,
            self.handling,
            self.result,
        )

    def step(self, kind: StepKind, node: cst.CSTNode, text: str) -> None:
        length = self.trace.length + 1 if self.trace else 1
        self.trace = Trace(kind, node, text, self.trace, length)

    def set_status(self, rid: ResourceId, status: Status, how: str = "", where: cst.CSTNode | None = None) -> None:
        self.resources[rid] = self.resources[rid].becomes(status, how, where)

    def open_resources(self) -> list[ResourceId]:
        """Resources that this function still has to release."""
        return [rid for rid, res in self.resources.items() if res.status in (Status.OPEN, Status.FIELD)]

    def is_stacked(self, rid: ResourceId) -> bool:
        """Whether an exit stack will release the resource."""
        return any(rid == other for registered in self.stacks.values() for _, other in registered)

    def rename(self, old: ResourceId, new: ResourceId) -> None:
        """Give a resource another generation."""
        self.resources[new] = self.resources.pop(old)
        self.via[new] = self.via.pop(old, Tier.NONE)
        self.variables = {name: rename(value, old, new) for name, value in self.variables.items()}
        self.stacks = {
            key: tuple((effect, new if rid == old else rid) for effect, rid in registered)
            for key, registered in self.stacks.items()
        }

    def rank(self) -> tuple[int, int]:
        """Of two equal states the one whose path needs less is kept, then the shorter."""
        return (sum(self.via.values()), self.trace.length if self.trace else 0)


def merge(states: Iterable[State], keep: int = MAX_STATES) -> list[State]:
    """Drop states equal to another; past `keep`, drop those that differ only in what no resource depends on."""
    found = list(states)
    if len(found) < 2:
        return found
    best: dict[tuple[object, ...], State] = {}
    for state in found:
        key = state.key()
        known = best.get(key)
        if known is None or state.rank() < known.rank():
            best[key] = state
    merged = list(best.values())
    if len(merged) <= keep:
        return merged
    return _thin(merged, keep)


def _thin(states: list[State], keep: int) -> list[State]:
    """One state for each situation of the resources, one for each set of names bound beside, then the rest in order."""
    seen: set[object] = set()
    first: list[State] = []
    second: list[State] = []
    rest: list[State] = []
    for state in sorted(states, key=State.rank):
        situation = (frozenset(state.resources.items()), state.raised)
        names = (situation, frozenset(state.variables))
        (first if situation not in seen else second if names not in seen else rest).append(state)
        seen.update((situation, names))
    return (first + second + rest)[:keep]


class Exits:
    """The states that leave a block other than by its end, by exit kind."""

    __slots__ = ("breaks", "continues", "raises", "returns")

    def __init__(self) -> None:
        self.returns: list[State] = []
        self.breaks: list[State] = []
        self.continues: list[State] = []
        self.raises: list[State] = []
