"""Holds a rewritten program against its original, run by run, fault by fault."""

from __future__ import annotations

from collections.abc import Iterator

from tests.execution.oracle import Case, Observation, Run
from tests.execution.world import ErrorKind

Hit = tuple[str, int, int]  # a call that was made to fail: its name, the work done before it, which of its kind there
Signature = tuple[Case, ErrorKind, tuple[Hit, ...]]


def differences(before: Observation, after: Observation) -> list[str]:
    """Where the same inputs and the same faults lead to another end, other statements or other commits.

    A rewrite may add releases, which are calls that can be made to fail as well, so faults are told apart by the work
    that was done before them and not by their number.
    """
    theirs = {signature(run): run for run in after.runs}
    found = []
    for run in before.runs:
        twin = theirs.get(signature(run))
        if twin is not None and (run.outcome, run.effects) != (twin.outcome, twin.effects):
            found.append(f"{signature(run)}: {run.outcome} {run.effects} became {twin.outcome} {twin.effects}")
        elif twin is None and not any(fault.tidy for fault in run.faults) and len(after.runs) < 600:
            found.append(f"{signature(run)}: {run.outcome} has no counterpart")
    return found


def signature(run: Run) -> Signature:
    """What was put in, and where it failed."""
    return (run.case, run.error, tuple(_hits(run)))


def _hits(run: Run) -> Iterator[Hit]:
    work, since = 0, {"": 0}
    for call in run.calls:
        since[call.name] = since.get(call.name, 0) + 1
        if call.fault in run.faults:
            yield call.name, work, since[call.name] if call.fault.tidy else 0
        if not call.fault.tidy:
            work += 1
            since = {}
