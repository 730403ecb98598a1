"""LK101: a method puts a new connection into a field, and nothing was done about the one that was there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from leakcheck.checks.telling import Teller, quoted
from leakcheck.diagnostics import Confidence, Diagnostic
from leakcheck.flow.interpreter import Interpreter
from leakcheck.flow.sites import Kept
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo
from leakcheck.project.syntax.walk import dotted, walk


def replaced(run: Interpreter, tell: Teller) -> Iterable[Diagnostic]:
    """One diagnostic for each acquire whose field was filled when the object was made, and is not looked at before."""
    method, owners = run.function, run.summaries.owners
    cls = method.cls if method is not None else None
    if method is None or cls is None or not run.kept or owners.is_called_when_made(cls, method):
        return
    for kept in run.kept:
        if kept.site.parameter or kept.site.in_memory or not owners.opens_when_made(cls, kept.field):
            continue
        if not _looked_at(kept, method, cls) and not _callers_see_to_it(kept.field, method, cls):
            yield _diagnostic(kept, tell)


def _looked_at(kept: Kept, method: FunctionInfo, cls: ClassInfo) -> bool:
    """Whether the method mentions the field, or calls a method that does, before it assigns it: also in what it
    assigns, for whoever is given the old connection may give it back, or close it."""
    nodes = list(walk(method.node.body))
    at = next((index for index, node in enumerate(nodes) if node is kept.node), -1)
    if at < 0:
        return True
    if any(isinstance(node, cst.SimpleString) and kept.field in node.value for node in nodes[:at]):
        return True
    assigned = (node.value for node in nodes[:at] if isinstance(node, cst.Assign) and _is_target(kept.node, node))
    before = (*nodes[:at], *(part for value in assigned for part in walk(value)))
    return any(_mentions(node, kept.field, cls) for node in before)


def _is_target(node: cst.CSTNode, assignment: cst.Assign) -> bool:
    return any(part is node for target in assignment.targets for part in walk(target))


def _mentions(node: cst.CSTNode, field: str, cls: ClassInfo) -> bool:
    """Whether it is the field, or a method that mentions it."""
    path = dotted(node) if isinstance(node, cst.Attribute) else None
    return path == f"self.{field}" or any(field in called.words for called in _methods(path, cls))


def _methods(path: str | None, cls: ClassInfo) -> Iterator[FunctionInfo]:
    if path is not None and path.startswith("self.") and (method := cls.methods.get(path.removeprefix("self."))):
        yield method


def _callers_see_to_it(field: str, method: FunctionInfo, cls: ClassInfo) -> bool:
    """Whether a method that calls this one deals with the field, itself or through another method."""
    for other in cls.methods.values():
        if other is not method and other.mentions(frozenset({method.name})):
            called = (cls.methods[name] for name in other.words & cls.methods.keys() - {method.name})
            if field in other.words or any(field in each.words for each in called):
                return True
    return False


def _diagnostic(kept: Kept, tell: Teller) -> Diagnostic:
    site, field = kept.site, quoted(f"self.{kept.field}")
    message = f"{field} is overwritten before the connection it had is {tell.done(site)}"
    steps = (*tell.lost(site), tell.step("leak", kept.node, f"{field} still holds the one opened in `__init__`"))
    confidence: Confidence = "low" if site.certainty == "low" else "medium"
    return tell.diagnostic("LK101", confidence, message, site, steps)
