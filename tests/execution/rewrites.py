"""Holds a rewritten program against its original, run by run, fault by fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.execution.oracle import MOST_RUNS, Case, Observation, Run, describe
from tests.execution.world import ErrorKind, Fault

Hit = tuple[str, int, int]  # a call that was made to fail: its name, the work done before it, which of its kind there
Signature = tuple[Case, ErrorKind, tuple[Hit, ...]]


def differences(before: Observation, after: Observation) -> list[str]:
    """Where the same inputs and the same faults lead to another end, other statements or other commits.

    A rewrite may add releases, which are calls that can be made to fail as well, so faults are told apart by the work
    that was done before them and not by their number. Where releases were added at that very point nobody can tell
    which of them corresponds to which, so such runs are not compared.
    """
    theirs = {signature(run): run for run in after.runs}
    tried = {run.error for run in after.runs}  # which errors are tried depends on the handlers that are left
    found = []
    for run in before.runs:
        twin = theirs.get(signature(run))
        if twin is None:
            if run.error in tried and not any(fault.tidy for fault in run.faults) and len(after.runs) < MOST_RUNS:
                found.append(f"{signature(run)}: {run.outcome} has no counterpart")
        elif (run.outcome, _texts(run)) != (twin.outcome, _texts(twin)) and not _ambiguous(run, twin):
            found.append(f"{signature(run)}: {run.outcome} {run.effects} became {twin.outcome} {twin.effects}")
    return found


def signature(run: Run) -> Signature:
    """What was put in, and where it failed."""
    return (run.case, run.error, tuple(hit for hit, fault in _points(run) if fault in run.faults))


def _texts(run: Run) -> list[str]:
    return [describe(effect) for effect in run.effects]


def _ambiguous(run: Run, twin: Run) -> bool:
    """Whether a tidying call that was made to fail has other company in the twin."""
    mine, other = (Counter((hit[:2]) for hit, fault in _points(each) if fault.tidy) for each in (run, twin))
    failed = [hit[:2] for hit, fault in _points(run) if fault.tidy and fault in run.faults]
    return any(mine[point] != other[point] for point in failed)


def _points(run: Run) -> Iterator[tuple[Hit, Fault]]:
    """Each call of a run: what it was, how much work was done before, and the fault that would hit it."""
    work, since = 0, Counter[str]()
    for call in run.calls:
        since[call.name] += 1
        yield (call.name, work, since[call.name] if call.fault.tidy else 0), call.fault
        if not call.fault.tidy:
            work += 1
            since.clear()
