"""One run's world: every driver call is counted and may be made to fail, every connection is accounted for."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Literal

PROGRAM = "<program>"  # the file name that programs are compiled under

CallKind = Literal["acquire", "use", "cursor", "external", "unknown", "body", "probe", "cleanup", "release"]
ErrorKind = Literal["operational", "integrity", "other"]

# Faults here are what leakcheck's default tier promises to think of. A cursor that cannot be made, a clean-up call that
# fails and a function nobody knows are real too, but a finding about them is a matter of taste.
STRONG: frozenset[CallKind] = frozenset({"acquire", "use", "external", "body", "probe"})
TIDY: frozenset[CallKind] = frozenset({"cleanup", "release"})


@dataclass(frozen=True, slots=True)
class Fault:
    """Fail the n-th call. Tidying calls count apart: a rewrite may add some, and the other numbers stay."""

    tidy: bool
    number: int


@dataclass(frozen=True, slots=True)
class Call:
    """A driver call that a program made."""

    kind: CallKind
    name: str
    fault: Fault  # the fault that would have hit it


MOST_CALLS = 300


class InjectedError(Exception):
    """An injected failure that is no driver's error."""


class Endless(BaseException):
    """The program does not come to an end."""


@dataclass(eq=False, slots=True)
class Lease:
    """One connection taken. `chain` holds the lines that owned it in turn, each the caller of the one before."""

    owner: FrameType | None
    chain: list[int]
    pooled: bool = False
    open: bool = True
    soft: bool = False  # a session that took nothing since its last commit
    notes: set[str] = field(default_factory=set)


@dataclass(eq=False, slots=True)
class World:
    """Counts calls, injects faults, keeps leases, records effects. Nothing counts before `armed`."""

    faults: frozenset[Fault] = frozenset()
    error: ErrorKind = "operational"
    rows: bool = True  # queries find something
    armed: bool = False
    calls: list[Call] = field(default_factory=list)
    effects: list[tuple[str, ...]] = field(default_factory=list)
    leases: list[Lease] = field(default_factory=list)
    kept: list[object] = field(default_factory=list)  # what unknown callees took for themselves
    raised: set[str] = field(default_factory=set)
    read: bool = False  # the program looked at a query's result
    counts: Counter[bool] = field(default_factory=Counter)

    def call(self, kind: CallKind, name: str, errors: dict[str, type[Exception]] | None = None) -> None:
        """Count one driver call, and fail if it is the one to fail."""
        if not self.armed:
            return
        tidy = kind in TIDY
        self.counts[tidy] += 1
        fault = Fault(tidy, self.counts[tidy])
        self.calls.append(Call(kind, name, fault))
        if len(self.calls) > MOST_CALLS:
            raise Endless
        if fault in self.faults:
            raise (errors or {}).get(self.error, InjectedError)(f"injected at {name}")

    def lease(self, pooled: bool) -> Lease:
        """A connection taken by the innermost frame of the program."""
        frame = next(program_frames(sys._getframe(1)), None) if self.armed else None
        lease = Lease(frame, [frame.f_lineno] if frame else [], pooled)
        if self.armed:
            self.leases.append(lease)
        return lease

    def exception(self, kind: type[BaseException]) -> None:
        """The program saw an exception: what is open now may be lost because of it."""
        if issubclass(kind, (StopIteration, StopAsyncIteration, GeneratorExit)):
            return
        self.raised.add(kind.__name__)
        for lease in self.leases:
            if lease.open:
                lease.notes.add("raised")


def program_frames(frame: FrameType | None) -> Iterator[FrameType]:
    """The program's own frames, innermost first."""
    while frame is not None:
        if frame.f_code.co_filename == PROGRAM:
            yield frame
        frame = frame.f_back
