"""LK204: a generator that is suspended with a connection checked out."""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst

from leakcheck.checks.held.waiting import feasible
from leakcheck.checks.telling import Teller
from leakcheck.diagnostics import Diagnostic
from leakcheck.flow.interpreter import Interpreter
from leakcheck.flow.sites import Site
from leakcheck.flow.values import Ref, Tuple, Value


def yields(run: Interpreter, tell: Teller) -> Iterable[Diagnostic]:
    """One finding an acquisition: the first `yield` it is held through. A `@contextmanager` is meant to lend, and so is
    what yields the connection itself, as a framework's dependencies do."""
    if run.function is None or run.is_manager or any("fixture" in name for name in run.function.decorators):
        return
    told: set[Site] = set()
    yielding = (record for record in feasible(run) if isinstance(record.node, cst.Yield))
    records = [record for record in yielding if not _lends(record.callee)]
    for record in sorted(records, key=lambda record: tell.module.span(record.node)):
        if record.site not in told:
            told.add(record.site)
            message = f"{tell.subject(record.site)} stays checked out for as long as the generator's user likes"
            steps = [*tell.acquired(record.site), tell.step("note", record.node, "suspended here")]
            yield tell.at("LK204", record.site.certainty, message, record.node, steps)


def _lends(value: Value) -> bool:
    """Whether it is the connection, or a tuple with it: `yield conn, cursor`."""
    return isinstance(value, Ref) or (isinstance(value, Tuple) and any(map(_lends, value.items)))
