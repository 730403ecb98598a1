"""LK107: a resource used, or released again, after it was given back."""

from __future__ import annotations

from collections.abc import Iterable

from leakcheck.checks.telling import Teller
from leakcheck.diagnostics import Diagnostic
from leakcheck.flow.interpreter import Interpreter
from leakcheck.flow.sites import Misuse

_ENDS = {"used": "used again here", "returned": "given to the caller here"}


def misuses(run: Interpreter, tell: Teller) -> Iterable[Diagnostic]:
    """One diagnostic for each acquire site: the first misuse in the text stands for the others."""
    seen: set[int] = set()
    for misuse in run.misuses:
        if not misuse.site.parameter and misuse.site.index not in seen:
            seen.add(misuse.site.index)
            yield _diagnostic(misuse, tell)


def _diagnostic(misuse: Misuse, tell: Teller) -> Diagnostic:
    site, spec = misuse.site, misuse.site.spec
    subject, done = tell.subject(site), tell.done(site)
    if misuse.what == "released":
        consequence = "the second time raises" if spec.double_release == "raises" else "the second time does harm"
        message = f"{subject} is {done} twice: {consequence}"
    elif misuse.what == "returned":
        consequence = ": the next use silently checks out another connection" if spec.reusable else ""
        message = f"{subject} is given to the caller after it was {done}{consequence}"
    elif spec.reusable:
        message = f"{subject} is used after it was {done}: it silently checks out another connection"
    else:
        message = f"{subject} is used after it was {done}"
    steps = tell.acquired(site)
    if misuse.released is not None:
        steps.append(tell.step("release", misuse.released, f"{done} here"))
    steps.append(tell.step("leak", misuse.node, _ENDS.get(misuse.what, f"{done} again here")))
    return tell.diagnostic("LK107", site.certainty, message, site, tuple(steps))
