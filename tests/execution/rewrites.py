"""Holds a rewritten program against its original, run by run, fault by fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.execution.oracle import MOST_RUNS, Case, Observation, Run, describe
from tests.execution.world import ErrorKind, Fault

Hit = tuple[str, int, int]  # a call that was made to fail: its name, the work done before it, which of its kind there
Point = tuple[str, int]
ENDLESS = "raised Endless"
Signature = tuple[Case, ErrorKind, tuple[Hit, ...]]


def differences(before: Observation, after: Observation) -> list[str]:
    """Where the same inputs and the same faults lead to another end, other statements or other commits.

    A rewrite may add releases, which are calls that can be made to fail as well, so faults are told apart by the work
    that was done before them and not by their number. Where releases were added at that very point nobody can tell
    which of them corresponds to which, so such runs are not compared. Nor are those of programs that do not end: the
    world stops them after a number of calls, those that were added included.
    """
    if any(run.outcome == ENDLESS for run in (*before.runs, *after.runs)):
        return []
    theirs = {signature(run): run for run in after.runs}
    tried = {run.error for run in after.runs}  # which errors are tried depends on the handlers that are left
    mine, other = _tidying(before), _tidying(after)
    found = []
    for run in before.runs:
        twin, points = theirs.get(signature(run)), _failed_tidying(run)
        if any(mine[_work(run), point] != other[_work(run), point] for point in points):
            continue
        if twin is None:
            if run.error in tried and not points and len(after.runs) < MOST_RUNS:
                found.append(f"{signature(run)}: {run.outcome} has no counterpart")
        elif (run.outcome, _texts(run)) != (twin.outcome, _texts(twin)):
            found.append(f"{signature(run)}: {run.outcome} {run.effects} became {twin.outcome} {twin.effects}")
    return found


def signature(run: Run) -> Signature:
    """What was put in, and where it failed."""
    return (run.case, run.error, tuple(hit for hit, fault in _points(run) if fault in run.faults))


def _texts(run: Run) -> list[str]:
    return [describe(effect) for effect in run.effects]


def _work(run: Run) -> Signature:
    """The signature without the tidying calls that failed."""
    hits = tuple(hit for hit, fault in _points(run) if fault in run.faults and not fault.tidy)
    return (run.case, run.error if hits else "operational", hits)


def _failed_tidying(run: Run) -> list[Point]:
    return [hit[:2] for hit, fault in _points(run) if fault.tidy and fault in run.faults]


def _tidying(observation: Observation) -> Counter[tuple[Signature, Point]]:
    """How many tidying calls of a name there are at each point, as far as none of them fails."""
    found: Counter[tuple[Signature, Point]] = Counter()
    for run in observation.runs:
        if not any(fault.tidy for fault in run.faults):
            found.update((_work(run), hit[:2]) for hit, fault in _points(run) if fault.tidy)
    return found


def _points(run: Run) -> Iterator[tuple[Hit, Fault]]:
    """Each call of a run: what it was, how much work was done before, and the fault that would hit it."""
    work, since = 0, Counter[str]()
    for call in run.calls:
        since[call.name] += 1
        yield (call.name, work, since[call.name] if call.fault.tidy else 0), call.fault
        if not call.fault.tidy:
            work += 1
            since.clear()
