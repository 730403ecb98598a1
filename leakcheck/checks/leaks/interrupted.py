"""LK106: only a cancellation, or a generator that is never resumed, leaves the connection open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from leakcheck.checks.telling import Teller
from leakcheck.diagnostics import Diagnostic, Step
from leakcheck.flow.interpreter import Interpreter, analyse
from leakcheck.flow.sites import Leak
from leakcheck.flow.state import Trace


def interrupted(runs: Sequence[Interpreter], tell: Teller) -> Iterator[Diagnostic]:
    """One diagnostic for each acquire site that leaks nowhere else."""
    for run in runs:
        if run.function is None or not run.sites or not (run.function.is_async or run.function.is_generator):
            continue
        leaking = {id(leak.site.node) for leak in run.leaks}
        again = analyse(run.function, run.module, run.resolver, run.summaries, interrupts=True)
        yield from _of_one(again, leaking, tell)


def _of_one(run: Interpreter, known: set[int], tell: Teller) -> Iterable[Diagnostic]:
    for leak in run.leaks:
        where = _interruption(leak.trace)
        if where is not None and id(leak.site.node) not in known:
            known.add(id(leak.site.node))
            yield _diagnostic(leak, where, tell)


def _interruption(trace: Trace | None) -> Trace | None:
    """The first point on the way where the function was left alone."""
    found = None
    while trace is not None:
        if trace.kind == "raise" and trace.text == "interrupted":
            found = trace
        trace = trace.previous
    return found


def _diagnostic(leak: Leak, where: Trace, tell: Teller) -> Diagnostic:
    site = leak.site
    word = tell.text(where.node).split(maxsplit=1)[0]
    event = "the generator is not resumed after this" if word.lstrip("(") == "yield" else "the task is cancelled here"
    message = f"{tell.subject(site)} is not {tell.done(site)} if {event}"
    steps: list[Step] = [*tell.lost(site), tell.step("raise", where.node, f"if {event}, what follows is skipped")]
    steps += [tell.step("skip", n, f"not reached: this would have {tell.done(site)} it") for n in site.releases[:3]]
    return tell.diagnostic("LK106", site.certainty, message, site, tuple(steps))
