"""LK105: an object keeps a connection, and neither it nor its users can give it back; LK104: not once it is dropped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import libcst as cst

from leakcheck.checks.leaks.guarded import guard
from leakcheck.checks.telling import Teller, quoted
from leakcheck.diagnostics import Diagnostic
from leakcheck.flow.forwarding import forwards
from leakcheck.flow.interpreter import Interpreter
from leakcheck.flow.outside import around
from leakcheck.flow.owning import field_given_out, field_released
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.sites import Kept, Site
from leakcheck.flow.state import Resource, Status
from leakcheck.flow.values import Instance, Manager, own_class
from leakcheck.models import Connection
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo
from leakcheck.project.syntax.walk import dotted, same_scope, walk


def owners(run: Interpreter, tell: Teller, resolver: Resolver) -> Iterable[Diagnostic]:
    """One diagnostic for each site whose resource goes into a field that nobody releases."""
    cls = run.function.cls if run.function else None
    if cls is None:
        return
    by_site: dict[Site, list[Kept]] = {}
    for kept in run.kept:
        of_nobody = kept.site.parameter or kept.site.index in run.collected
        if not of_nobody and not _is_of_the_process(kept, run.function):
            by_site.setdefault(kept.site, []).append(kept)
    for site, places in by_site.items():
        if _ended_here(site, run) or run.summaries.owners.is_released_inside(site.spec):
            continue
        if any(_may_be_released(kept, cls, run, resolver) for kept in places):
            if len(places) == 1 and not any(leak.site is site for leak in run.leaks):
                yield from _guarded(places[0], cls, tell, resolver)
            continue
        if any(_may_open(kept, cls, run) for kept in places):
            yield _diagnostic(places[0], cls, tell)


def _is_of_the_process(kept: Kept, method: FunctionInfo | None) -> bool:
    """Whether it is the class that keeps it, and only if it has none: like a module's, it is there for good."""
    if method is None or not (dotted(kept.node) or "").startswith("cls."):
        return False
    tests = (node.test for node in walk(method.node.body, same_scope) if isinstance(node, cst.If))
    asked = (part.attr.value for test in tests for part in walk(test) if isinstance(part, cst.Attribute))
    return kept.field in asked


def _may_be_released(kept: Kept, cls: ClassInfo, run: Interpreter, resolver: Resolver) -> bool:
    """Whether anybody releases what the field holds; others may, if they are given the object that opened it."""
    is_object = isinstance(kept.value, Instance) and kept.value.type not in run.summaries.taking.answering
    model = _model(kept, run)
    if is_object and field_given_out(cls, kept.field, model, resolver):
        return True
    return field_released(cls, kept.field, model, resolver) or forwards(cls, kept.field, model, resolver)


def _may_open(kept: Kept, cls: ClassInfo, run: Interpreter) -> bool:
    """Whether anybody may have what the field holds open a connection, where it opens none by itself: by one of the
    methods that do, or whatever somebody does who gets it by another name."""
    if not kept.site.spec.lazy:
        return True
    value, ways = kept.value, ""
    if kept.site.opens_late and (made := own_class(value)) is not None:
        openers = run.summaries.owners.late.openers(made)
        ways = rf"(?!\.(?!(?:{'|'.join(method.name for method in openers)})\b))"
    used = re.compile(rf"\.{kept.field}\b(?![\"'/]|\s*(?::[^\n=]*)?=[^=]){ways}")  # nor in the name of a file
    return any(used.search(text) for text in around(cls, run.resolver) if kept.field in text and cls.name in text)


def _model(kept: Kept, run: Interpreter) -> Connection:
    """How what the field holds is released: the connection, the object that answers for it, or `closing(…)`."""
    if isinstance(kept.value, Manager):
        return replace(kept.site.spec, with_effect=kept.value.effect)
    if not isinstance(kept.value, Instance):
        return kept.site.spec
    return replace(kept.site.spec, release=run.ways_to_release(kept.value), wrong_release=())


def _ended_here(site: Site, run: Interpreter) -> bool:
    """Whether the method that opens it has released it whenever it ends normally: the field has it meanwhile."""
    ends = run.ended.returns if run.ended is not None else []
    left = [found for state in ends for rid, found in state.resources.items() if rid[0] == site.index]
    return bool(left) and all(_is_over(resource) for resource in left)


def _is_over(resource: Resource) -> bool:
    """Whether it is released: by a call, or by the end of the `with` block that it was kept in."""
    return resource.status is Status.CLOSED or (resource.status is Status.ESCAPED and resource.how == "left")


def _guarded(kept: Kept, cls: ClassInfo, tell: Teller, resolver: Resolver) -> Iterable[Diagnostic]:
    """That what would give the slot back asks first whether the connection lives."""
    if (found := guard(kept, cls, resolver)) is not None:
        method, test = found
        site, field = kept.site, quoted(f"self.{kept.field}")
        what = f"{field} from {quoted(site.callee)} is {tell.done(site)} only while it is connected"
        steps = [*tell.lost(site), tell.step("note", kept.node, f"kept in {field} of {quoted(cls.name)}")]
        steps.append(tell.step("note", test, "given back only if this holds", method.module))
        message = f"{what}: a dropped connection keeps its pool slot"
        yield tell.diagnostic("LK104", site.certainty, message, site, tuple(steps))


def _diagnostic(kept: Kept, cls: ClassInfo, tell: Teller) -> Diagnostic:
    site = kept.site
    field = dotted(kept.node) or f"self.{kept.field}"
    message = f"{quoted(field)} keeps the connection from {quoted(site.callee)}, and nothing {tell.does(site)} it"
    steps = [*tell.lost(site), tell.step("note", kept.node, f"kept in {quoted(field)} of {quoted(cls.name)}")]
    confidence = "low" if site.in_memory else site.certainty
    return tell.diagnostic("LK105", confidence, message, site, tuple(steps))
