"""LK201, LK202: a wait while a connection is checked out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from leakcheck.checks.held.blocking import Pause
from leakcheck.checks.held.lending import Lending
from leakcheck.checks.held.workers import is_workers
from leakcheck.checks.pools.engines import Engines
from leakcheck.checks.scripts import ends_with_the_process, is_brief_script, is_soon_over
from leakcheck.checks.telling import Teller, quoted
from leakcheck.diagnostics import Confidence, Diagnostic, Step, lowest
from leakcheck.flow.holding import Held
from leakcheck.flow.interpreter import Interpreter
from leakcheck.flow.sites import Site
from leakcheck.flow.values import Function
from leakcheck.project.syntax.walk import code, same_scope, walk
from leakcheck.words import words

_MOST_PLACES = 6  # shown of one acquisition

Wait = tuple[Held, Pause]


def held(run: Interpreter, tell: Teller, lending: Lending, engines: Engines) -> Iterable[Diagnostic]:
    """One finding an acquisition and rule; the first wait in the text is its place, the others are steps."""
    found: dict[tuple[str, Site], list[Wait]] = {}
    for record, pause in lending.waits(run):
        found.setdefault(("LK201" if pause.sleeps else "LK202", record.site), []).append((record, pause))
    told: set[tuple[str, int]] = set()
    for (rule, site), every in found.items():
        waits = places(every, tell)
        place = _place(waits[0][1], run)
        if (rule, id(place)) not in told:  # with two connections open, the first one stands for both
            told.add((rule, id(place)))
            is_file = engines.is_file(site, run.function, run.module)
            yield _diagnostic(rule, site, waits, place, run, tell, is_file)


def places(waits: Iterable[Wait], tell: Teller) -> list[Wait]:
    """One a call, by their order in the text: a call may wait in more than one way, and on more than one path. Brief
    ones are told of only where there is no other."""
    firsts: dict[int, Wait] = {}
    every = list(waits)
    for wait in [each for each in every if not each[1].wait.brief] or every:
        firsts.setdefault(id(wait[0].node), wait)
    return sorted(firsts.values(), key=lambda wait: tell.module.span(wait[0].node))


def _place(pause: Pause, run: Interpreter) -> cst.CSTNode:
    """The call nearest to the wait that stands in this function's own text, nested functions included."""
    inside = {id(node) for node in walk(run.function.node)} if run.function else set()
    return next((node for _, node in reversed(pause.chain) if id(node) in inside), pause.chain[0][1])


def _diagnostic(
    rule: str, site: Site, waits: list[Wait], place: cst.CSTNode, run: Interpreter, tell: Teller, is_file: bool
) -> Diagnostic:
    record, pause = waits[0]
    subject = tell.subject(site)
    word = "held while" if len(waits) == 1 else f"held in {len(waits)} places, first while"
    message = f"{subject} is {word} {quoted(short(record.node))} {purpose(pause)}"
    again = "the commit has let the row expire: it is asked for again here, on a connection"
    steps = [*tell.acquired(site), *([tell.step("note", site.looked_at, again)] if site.looked_at else ())]
    steps += [step for wait in waits[:_MOST_PLACES] for step in steps_of(*wait, tell)]
    steps += [tell.step("release", node, f"{tell.done(site)} here") for node in site.releases[:1]]
    # it may wait once before its loop as well
    own = any(_is_own(site, other.node, each, run) for other, each in waits)
    meant = is_file or own or _locks(record, run) or _is_dropped(site, run)
    confidence = "low" if meant else _confidence(site, pause)
    return tell.at(rule, confidence, message, place, steps)


def _is_dropped(site: Site, run: Interpreter) -> bool:
    """Whether the call is a statement of its own: what it gives is gone by then, unless its pool never has it back."""
    body = run.function.node.body if run.function is not None else run.module.chunk_of(site.node).tree
    alone = any(isinstance(node, cst.Expr) and node.value is site.node for node in walk(body, same_scope))
    return alone and site.spec.gc != "never" and not site.spec.needs_await


def _locks(record: Held, run: Interpreter) -> bool:
    """Whether the connection stands for a lock or a snapshot that others use, by the statements around it."""
    callee = record.callee.info if isinstance(record.callee, Function) else None
    functions = (function for function in (run.function, callee, *record.site.wrappers) if function is not None)
    return any(words().of_locks.search(code(function.node)) for function in functions)


def _is_own(site: Site, wait: cst.CSTNode, pause: Pause, run: Interpreter) -> bool:
    """One that nobody else waits for: of a script or a command, or one outside any pool for a worker's loop: a worker
    keeps its own while it waits."""
    if run.function is not None and is_soon_over(run.function, run.resolver.project):
        return True
    if site.spec.kind != "connection":
        return run.function is None and is_brief_script(run.module)
    if run.function is None or ends_with_the_process(run.function, run.resolver.project):
        return True
    return is_workers(wait, pause, site, run.function)


def purpose(pause: Pause) -> str:
    if pause.wait.kind == "retry":
        return pause.wait.what
    return f"{pause.wait.what}" if len(pause.chain) == 1 else f"{pause.wait.what} ({quoted(short(pause.chain[-1][1]))})"


def steps_of(record: Held, pause: Pause, tell: Teller) -> Iterator[Step]:
    """The wait itself, or the calls that lead to it."""
    (_, node), *inner = pause.chain
    yield tell.step("note", node, "held here" if not inner else "held during this call")
    for module, place in inner[:-1]:
        yield tell.step("via", place, "which calls this", module)
    if inner:
        module, place = inner[-1]
        yield tell.step("via", place, f"which {pause.wait.what}", module)


def _confidence(site: Site, pause: Pause) -> Confidence:
    """A wait is certain where both ends are; a server connection of its own costs less than a slot of a pool."""
    if site.spec.embedded:
        return "low"
    cheap: Confidence = "medium" if site.spec.kind == "connection" else "high"
    return lowest(site.certainty, pause.confidence, cheap)


def short(node: cst.CSTNode) -> str:
    """The call without long arguments."""
    text = code(node)
    return text if len(text) <= 40 or not isinstance(node, cst.Call) else code(node.func)
