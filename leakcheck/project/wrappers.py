"""Which of the project's own functions may give a connection: what else to look for besides driver calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

import libcst as cst

from leakcheck.catalogue import Catalogue
from leakcheck.project.module import FunctionInfo, Module
from leakcheck.project.project import Project
from leakcheck.project.walk import children, terminal, walk

_HOPS = 3  # of imports followed from the file being checked


def acquirer_words(catalogue: Catalogue) -> frozenset[str]:
    """The last names of all acquire calls that are tracked."""
    tracked = (name for name, specs in catalogue.by_acquire.items() if any(spec.tracked for spec in specs))
    return frozenset(name.rpartition(".")[2] for name in tracked) - {"__call__"}


def wrapper_words(module: Module, project: Project) -> frozenset[str]:
    """The names by which this module may acquire: the drivers', and those of functions that hand back a connection."""
    words, classes = _known_words(project.catalogue)
    modules = _reachable(module, project)
    words = new = words | {name for m in modules for name in _factories(m, classes)}
    while new:
        found = (f for m in modules for f in m.scopes(new) if f.name not in words and gives(f, words))
        new = frozenset(f.name for f in found)
        words |= new
    return words | frozenset(_aliases(module, words))


def _aliases(module: Module, words: frozenset[str]) -> Iterator[str]:
    """Other names for acquirers: `from app.db import connect as open_db`, `open_db = sqlite3.connect`, partials."""
    yield from (name for name, target in module.imports.items() if target.rpartition(".")[2] in words)
    for name, values in module.assignments(words):
        for value in values:
            if isinstance(value, cst.Call) and terminal(value.func) == "partial" and value.args:
                value = value.args[0].value
            if isinstance(value, (cst.Name, cst.Attribute)) and terminal(value) in words:
                yield name


@cache
def _known_words(catalogue: Catalogue) -> tuple[frozenset[str], frozenset[str]]:
    """Acquirers' names, and the classes whose instances are acquirers."""
    return acquirer_words(catalogue), _factory_classes(catalogue)


def gives(function: FunctionInfo, words: frozenset[str]) -> bool:
    """Whether some return or yield of the function may hand over what a call of one of the words gave."""
    seen: set[str] = set()
    pending = list(function.returned)
    while pending:
        expression = pending.pop()
        if _calls(expression, words):
            return True
        for name in _held_names(expression):
            if name not in seen:
                seen.add(name)
                pending += function.bindings.assigned.get(name, ())
    return False


def _calls(node: cst.CSTNode, words: frozenset[str]) -> bool:
    """Whether the expression calls, or reads as an attribute, one of the words."""
    for part in walk(node):
        if isinstance(part, cst.Call) and terminal(part.func) in words:
            return True
        if isinstance(part, cst.Attribute) and part.attr.value in words:
            return True
    return False


def _held_names(node: cst.CSTNode) -> Iterator[str]:
    """Names whose values are in the expression's value, not merely used to compute it."""
    if isinstance(node, cst.Name):
        yield node.value
    elif isinstance(node, (cst.Tuple, cst.Element, cst.IfExp, cst.BooleanOperation, cst.Await, cst.From)):
        for child in children(node):
            yield from _held_names(child)
    elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        yield from _held_names(node.func.value)
    elif isinstance(node, cst.Call):
        for arg in node.args:
            yield from _held_names(arg.value)


def _factory_classes(catalogue: Catalogue) -> frozenset[str]:
    """Classes whose instances are called to acquire: `sessionmaker`."""
    owners = (name.removesuffix(".__call__") for name in catalogue.by_acquire if name.endswith(".__call__"))
    return frozenset(owner.rpartition(".")[2] for owner in owners)


def _factories(module: Module, classes: frozenset[str]) -> Iterator[str]:
    """Names and fields that hold such an instance: `SessionLocal = sessionmaker(...)`."""
    if classes.isdisjoint(module.words):
        return
    for cls in module.classes(classes):
        fields = cls.field_assignments.items()
        yield from (name for name, found in fields if _any_constructs((value for _, value in found), classes))
    for assigned in (module.assignments(classes), *(f.bindings.assigned.items() for f in module.scopes(classes))):
        yield from (name for name, values in assigned if _any_constructs(values, classes))


def _any_constructs(nodes: Iterable[cst.BaseExpression], classes: frozenset[str]) -> bool:
    return any(isinstance(node, cst.Call) and terminal(node.func) in classes for node in nodes)


def _reachable(module: Module, project: Project) -> list[Module]:
    """The module and the project modules it imports, directly or not."""
    seen = {module}
    level = [module]
    for _ in range(_HOPS):
        level = list(
            dict.fromkeys(found for asker in level for found in _imported(asker, project) if found not in seen)
        )
        seen.update(level)
    return list(seen)


def _imported(module: Module, project: Project) -> list[Module]:
    key = ("imported", module)
    if key not in project.memo:
        names = dict.fromkeys(module.absolute(name) for name in (*module.imports.values(), *module.star_imports))
        found = (project.find(name, module) or project.find(name.rpartition(".")[0], module) for name in names)
        project.memo[key] = list(dict.fromkeys(m for m in found if m is not None and m is not module))
    return project.memo[key]  # type: ignore[return-value]
