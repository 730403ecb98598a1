"""LK105: an object keeps a connection, and neither it nor its users can give it back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from leakcheck.checks.telling import Teller, quoted
from leakcheck.diagnostics import Diagnostic
from leakcheck.flow.core import Kept
from leakcheck.flow.interpreter import Interpreter
from leakcheck.project.module import ClassInfo, FunctionInfo, Module
from leakcheck.project.project import Project
from leakcheck.project.resolve import Resolver
from leakcheck.project.walk import dotted, string_value, terminal, walk

# A helper that is given the field and has one of these in its name is believed to release it.
_RELEASING = re.compile(r"clos|releas|put|free|dispos|shut|disconn|return|final|clean|stop|kill|teardown", re.IGNORECASE)


def owners(run: Interpreter, tell: Teller, resolver: Resolver, project: Project) -> Iterable[Diagnostic]:
    """One diagnostic for each site whose resource goes into a field that nobody releases."""
    cls = run.function.cls if run.function else None
    if cls is None:
        return
    seen: set[int] = set()
    for kept in run.kept:
        if kept.site.parameter or kept.site.index in seen:
            continue
        seen.add(kept.site.index)
        if not _released(kept, cls, resolver, project):
            yield _diagnostic(kept, cls, tell)


def _diagnostic(kept: Kept, cls: ClassInfo, tell: Teller) -> Diagnostic:
    site = kept.site
    field = f"self.{kept.field}"
    message = f"{quoted(field)} keeps the connection from {quoted(site.callee)}, and nothing {tell.does(site)} it"
    steps = [*tell.acquired(site), tell.step("note", kept.node, f"kept in {quoted(field)} of {quoted(cls.name)}")]
    confidence = "low" if site.in_memory else site.certainty
    return tell.diagnostic("LK105", confidence, message, site, tuple(steps))


def _released(kept: Kept, cls: ClassInfo, resolver: Resolver, project: Project) -> bool:
    methods = {form.method for form in (*kept.site.spec.release, *kept.site.spec.wrong_release)} | {"close"}
    family = [owner for owner in (*resolver.ancestors(cls), *_subclasses(cls)) if isinstance(owner, ClassInfo)]
    getters = {m.name for owner in family for m in owner.methods.values() if _gives_field(m, kept.field)}
    if any(_method_releases(m, kept, methods, getters) for owner in family for m in owner.methods.values()):
        return True
    return _users_release(kept.field, getters, methods, cls.module, project)


def _subclasses(cls: ClassInfo) -> Iterator[ClassInfo]:
    """Classes of the same module that name this one as a base."""
    for chunk in cls.module.mentioning(frozenset({cls.name})):
        for definition in chunk.definitions:
            if isinstance(definition, ClassInfo) and cls.name in definition.bases:
                yield definition


def _gives_field(method: FunctionInfo, field: str) -> bool:
    return any(_mentions(value, field) for value in method.returned)


def _mentions(node: cst.CSTNode, field: str) -> bool:
    return any(dotted(part) in (f"self.{field}", f"cls.{field}") for part in walk(node) if type(part) is cst.Attribute)


def _method_releases(method: FunctionInfo, kept: Kept, methods: set[str], getters: set[str]) -> bool:
    """Whether a method calls, registers or passes on a release of the field, by its path or by a local name for it."""
    if kept.field not in method.words and getters.isdisjoint(method.words) and not _by_string(method, kept.field):
        return False
    paths = {f"self.{kept.field}", f"cls.{kept.field}", *_aliases(method, kept.field, getters)}
    for node in walk(method.node.body):
        if isinstance(node, cst.Attribute) and node.attr.value in methods:
            owner = node.value
            if dotted(owner) in paths or (isinstance(owner, cst.Call) and terminal(owner.func) in getters):
                return True
        elif isinstance(node, cst.Call) and (_RELEASING.search(terminal(node.func)) or terminal(node.func) in methods):
            if any(dotted(arg.value) in paths for arg in node.args):
                return True
        elif isinstance(node, cst.With) and _with_closes(kept):
            if any(dotted(item.item) in paths or _calls(item.item, getters) for item in node.items):
                return True
    return False


def _with_closes(kept: Kept) -> bool:
    return kept.site.spec.with_effect in ("closes", "returns")


def _calls(node: cst.CSTNode, names: set[str]) -> bool:
    return isinstance(node, cst.Call) and terminal(node.func) in names


def _aliases(method: FunctionInfo, field: str, getters: set[str]) -> Iterator[str]:
    """Local names that may hold the field: assigned from it, from a getter, or by `getattr(self, "field")`."""
    for name, values in method.bindings.assigned.items():
        for value in values:
            if _mentions(value, field) or any(_calls(part, getters) for part in walk(value)) or _gets(value, field):
                yield name
    for node in walk(method.node.body):
        if isinstance(node, cst.For) and isinstance(node.target, cst.Name) and _mentions(node.iter, field):
            yield node.target.value
        elif isinstance(node, cst.NamedExpr) and isinstance(node.target, cst.Name) and _mentions(node.value, field):
            yield node.target.value


def _gets(node: cst.CSTNode, field: str) -> bool:
    return any(
        isinstance(part, cst.Call) and terminal(part.func) == "getattr" and string_value(part.args[1].value) == field
        for part in walk(node)
        if isinstance(part, cst.Call) and len(part.args) > 1
    )


def _by_string(method: FunctionInfo, field: str) -> bool:
    return "getattr" in method.words and f'"{field}"' in method.chunk.statement.text.replace("'", '"')


def _users_release(field: str, getters: set[str], methods: set[str], module: Module, project: Project) -> bool:
    """Whether some code of the project closes the field, or what a getter of it gives, from outside."""
    release = "|".join(sorted(methods))
    names = "|".join(map(re.escape, [field, *sorted(getters)]))
    pattern = re.compile(rf"\.(?:{names})(?:\(\))?\.(?:{release})\b")
    return any(pattern.search(known.source) for known in {module, *project.loaded()})
