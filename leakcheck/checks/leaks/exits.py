"""LK101 to LK104: a resource that is still out when its function is left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from leakcheck.checks.telling import Teller, quoted
from leakcheck.diagnostics import Confidence, Diagnostic, Step
from leakcheck.flow.interpreter import Interpreter
from leakcheck.flow.sites import Leak, Site
from leakcheck.flow.state import CERTAIN, Status, Tier, Trace
from leakcheck.project.syntax.module import Module
from leakcheck.project.syntax.walk import same_scope, terminal, walk
from leakcheck.records import dataclass


@dataclass(frozen=True)
class Verdict:
    """The one finding of a site: its rule, the path it is shown by, and all paths it stands for."""

    code: str
    leak: Leak
    confidence: Confidence


def leaks(run: Interpreter, tell: Teller) -> Iterable[Diagnostic]:
    """One diagnostic for each acquire site with a leak, or for two of which one is run, where they say the same."""
    told: dict[str, list[Site]] = {}  # by what was said of them
    for verdict in verdicts(run):
        site, diagnostic = verdict.leak.site, _diagnostic(verdict, tell)
        known = told.setdefault(f"{diagnostic.code} {diagnostic.confidence} {diagnostic.message}", [])
        if not any(_are_either(site, other, tell) for other in known):
            yield diagnostic
        known.append(site)


def _are_either(site: Site, other: Site, tell: Teller) -> bool:
    """Whether they are in the two arms of a conditional expression, and give one name its connection."""
    if not site.name:
        return False
    for node in walk(tell.module.chunk_of(site.node).tree):
        if isinstance(node, cst.IfExp):
            arms = [{id(part) for part in walk(arm)} for arm in (node.body, node.orelse)]
            if any(id(site.node) in one and id(other.node) in two for one, two in (arms, arms[::-1])):
                return True
    return False


def verdicts(run: Interpreter) -> Iterator[Verdict]:
    """One for each acquire site with a leak."""
    by_site: dict[Site, list[Leak]] = {}
    for leak in run.leaks:
        by_site.setdefault(leak.site, []).append(leak)
    for site, found in by_site.items():
        yield judge(site, found, run.module)


def judge(site: Site, found: list[Leak], module: Module) -> Verdict:
    """The worst of the site's paths decides: without an exception before with one, likely before unlikely."""
    tier = min(leak.tier for leak in found)
    worst = [leak for leak in found if leak.tier == tier]
    lost = [leak for leak in worst if leak.resource.status is Status.LOST and not _is_only_asked(leak)]
    wrong = [leak for leak in lost if leak.resource.how == "wrong"]
    held = [leak for leak in worst if leak not in lost]
    if wrong or (lost and not held):
        code, among = "LK104", wrong or lost
    elif tier is Tier.NONE:
        entered = [leak for leak in held if leak.resource.with_used]
        code, among = ("LK103", entered) if entered and len(entered) == len(held) else ("LK101", held)
    else:
        code, among = "LK102", held
    leak = min(among, key=lambda each: _plainness(each, module))
    return Verdict(code, leak, _confidence(site, tier))


def _is_only_asked(leak: Leak) -> bool:
    """Whether a test has found the connection dropped, but nothing gives it back where it is not."""
    return leak.resource.how == "guard" and not leak.site.releases


def _plainness(leak: Leak, module: Module) -> tuple[bool, int]:
    """Of several paths the one is shown on which the database fails, for that surely happens, then the shortest."""
    raising = _raising(leak, module)
    return raising is not None and raising.text == "call", leak.trace.length if leak.trace else 0


def _confidence(site: Site, tier: Tier) -> Confidence:
    if tier is Tier.WEAK:
        return "low"
    return site.certainty


def _diagnostic(verdict: Verdict, tell: Teller) -> Diagnostic:
    site = verdict.leak.site
    message = _MESSAGES[verdict.code](verdict.leak, tell)
    if site.may_be_given:
        message += f" where {quoted(site.callee)} has opened it"
    return tell.diagnostic(verdict.code, verdict.confidence, message, site, _steps(verdict, tell))


# -- messages ----------------------------------------------------------------------------------------------------------


def _never_or_sometimes(leak: Leak, tell: Teller) -> str:
    site = leak.site
    done = tell.done(site)
    if not site.name and site.holder:
        return f"the connection from {quoted(site.callee)} in {quoted(site.holder)} is {_how_often(site)} {done}"
    if not site.name and not site.releases and _is_argument(site, tell):
        return f"{tell.subject(site)} is passed on and never {done}"
    if not site.name:
        return f"the result of {quoted(site.callee)} is discarded and never {done}" if not site.releases else (
            f"the connection from {quoted(site.callee)} is not always {done}"
        )  # fmt: skip
    what = tell.subject(site)
    if leak.exit == "overwritten":
        return f"{what} is overwritten before it is {done}"
    if not site.releases:
        return f"{what} is never {done}"
    return f"{what} is not {done} on every path"


def _is_argument(site: Site, tell: Teller) -> bool:
    """Whether another call is given what the acquire gives."""
    for node in walk(tell.module.chunk_of(site.node).tree):
        value = node.value if isinstance(node, cst.Arg) else None
        if site.node in (value, value.expression if isinstance(value, cst.Await) else None):
            return True
    return False


def _how_often(site: Site) -> str:
    return "not always" if site.releases else "never"


_LACKING = {"unbound": "unbound", "none": "None"}  # what a name is, by the origin of what it raises


def _if_raised(leak: Leak, tell: Teller) -> str:
    raising = _raising(leak, tell.module)
    what = tell.subject(leak.site)
    stays = _stays(leak.site, tell)
    if raising is None:
        return f"{what} {stays} on an error path"
    if raising.text in CERTAIN:
        return f"{what} {stays} if {quoted(tell.text(raising.node))} is {_LACKING[raising.text]}"
    if isinstance(raising.node, cst.Raise):
        return f"{what} {stays} when an exception is raised here"
    if isinstance(raising.node, cst.Yield):
        return f"{what} {stays} if whoever gets it here raises"
    if raising.node is leak.site.node or not isinstance(raising.node, cst.Call):
        return f"{what} {stays} if the `with` block on it fails"
    asking = _asking(raising.node, leak.site, tell)
    rest = f"(…).{terminal(asking.func)}" if asking is not raising.node and isinstance(asking, cst.Call) else ""
    return f"{what} {stays} if {quoted(tell.callee(raising.node) + rest)} raises"


def _asking(node: cst.CSTNode, site: Site, tell: Teller) -> cst.CSTNode:
    """The end of a chain of calls that begins by putting together what it asks: `session.query(User).first()`."""
    if not isinstance(node, cst.Call) or terminal(node.func) not in site.spec.builds:
        return node
    calls = (n for n in walk(tell.module.chunk_of(node).tree) if isinstance(n, cst.Call))
    ends = {id(n.func.value): n for n in calls if isinstance(n.func, cst.Attribute)}
    while id(node) in ends:
        node = ends[id(node)]
    return node


def _stays(site: Site, tell: Teller) -> str:
    """Where nothing in sight gives it back on any path, "not closed" would say that something does on another."""
    if site.releases:
        return f"is not {tell.done(site)}"
    return "is left checked out" if site.is_pooled else "is left open"


def _with(leak: Leak, tell: Teller) -> str:
    site = leak.site
    effect = "ends the transaction, it does not " + tell.do(site)
    if site.spec.with_effect == "nothing":
        effect = "does not " + tell.do(site)
    return f"`with` on {tell.subject(site, article=False)} {effect} it"


def _wrong(leak: Leak, tell: Teller) -> str:
    site = leak.site
    what = tell.subject(site)
    if leak.resource.how == "guard":
        return f"{what} is {tell.done(site)} only while it is connected: a dropped connection keeps its pool slot"
    right = str(site.spec.release[0]) if site.spec.release else "its pool"
    return f"{what} is closed but not returned to its pool (use {quoted(right)})"


_MESSAGES = {"LK101": _never_or_sometimes, "LK102": _if_raised, "LK103": _with, "LK104": _wrong}


# -- the path ----------------------------------------------------------------------------------------------------------


def _history(trace: Trace | None, site: Site) -> list[Trace]:
    """The steps since the resource was acquired, oldest first."""
    steps: list[Trace] = []
    while trace is not None:
        steps.append(trace)
        if trace.kind == "acquire" and trace.node is site.node:
            break
        trace = trace.previous
    return steps[::-1]


def _raising(leak: Leak, module: Module) -> Trace | None:
    """The exception that decides: one that is certain if there is one, else the last one that skips a release. What is
    raised behind every release, long after an exception that a handler has swallowed, changes nothing any more."""
    history = [*_history(leak.trace, leak.site)]
    raised = [trace for trace in history if trace.kind == "raise"] or _raises_before(history)
    for trace in reversed(raised):
        if trace.text in CERTAIN and not isinstance(trace.node, cst.Raise):  # which raises it again
            return trace
    if len(raised) > 1:
        last = max((module.span(node).line for node in leak.site.releases), default=0)
        raised = [trace for trace in raised if module.span(trace.node).line <= last] or raised
    return raised[-1] if raised else None


def _raises_before(history: list[Trace]) -> list[Trace]:
    """What was raised in the round before, where this one has overwritten what that one had acquired."""
    trace, found = history[0].previous if history else None, []
    while trace is not None:
        found += [trace] * (trace.kind == "raise")
        trace = trace.previous
    return found[::-1]


def _steps(verdict: Verdict, tell: Teller) -> tuple[Step, ...]:
    leak, site = verdict.leak, verdict.leak.site
    steps = [*tell.lost(site)]
    history = _history(leak.trace, site)
    turns = [*site.releases, *(trace.node for trace in history if trace.kind in ("raise", "leak"))]
    for trace in history:
        if step := _branch(trace, tell, turns) if trace.kind == "branch" else _step(trace, tell, site):
            steps.append(step)
    if leak.resource.where is not None and leak.resource.status is Status.LOST:
        word = (
            "given back only if this holds" if leak.resource.how == "guard" else "this does not return it to its pool"
        )
        steps.append(tell.step("note", leak.resource.where, word))
    passed = {step.span for step in steps}
    elsewhere = {id(node) for trace in history if trace.kind == "branch" for node in _not_taken(trace)}
    for node in [release for release in site.releases if id(release) not in elsewhere][:3]:
        step = tell.step("skip", node, f"not reached: this would have {tell.done(site)} it")
        if step.span not in passed:
            steps.append(step)
    return tuple(steps)


def _not_taken(trace: Trace) -> Iterator[cst.CSTNode]:
    """What stands on the other side of a test, if that side ends the function for itself."""
    assert isinstance(trace.node, cst.If)
    other = trace.node.body if trace.text == "false" else trace.node.orelse
    nodes = list(walk(other, same_scope)) if other is not None else []
    return iter(nodes if any(isinstance(node, (cst.Return, cst.Raise)) for node in nodes) else ())


def _branch(trace: Trace, tell: Teller, turns: list[cst.CSTNode]) -> Step | None:
    """Which way a test went, if what decides depends on it: a release, a return or what raises is on one side only."""
    assert isinstance(trace.node, cst.If)
    inside = {id(node) for node in walk(trace.node)}
    if not any(id(node) in inside for node in turns):
        return None
    return tell.step("branch", trace.node.test, f"when this is {trace.text}")


def _step(trace: Trace, tell: Teller, site: Site) -> Step | None:
    if trace.kind == "raise":
        words = {
            "yield": "if whoever gets it raises, what follows is skipped",
            "raise": "this exception skips the release",
        }
        if trace.text in CERTAIN:
            lacking = f"{quoted(tell.text(trace.node))} may be {_LACKING[trace.text]} here"
            words[trace.text] = f"{lacking}: this raises and skips what follows"
        word = words.get(trace.text, "if this raises, what follows is skipped")
        is_raise = isinstance(trace.node, cst.Raise)
        return tell.step("raise", _asking(trace.node, site, tell), words["raise"] if is_raise else word)
    if trace.kind == "leak":
        return tell.step("leak", trace.node, f"returns here without having {tell.done(site)} it")
    if trace.kind == "note" and trace.text == f"opens:{site.index}":
        return tell.step("note", trace.node, "this opens its connection")
    if trace.kind == "note" and trace.text == f"in vain:{site.index}":
        lacks = "which it does not have" if site.closed_in_vain == "aclose" else "but nobody waits for that"
        return tell.step("note", trace.node, f"this calls its {quoted(f'{site.closed_in_vain}()')}, {lacks}")
    if trace.kind == "note" and trace.text.startswith("overwritten:"):
        return tell.step("leak", trace.node, f"{quoted(trace.text.partition(':')[2])} is overwritten here")
    return None
