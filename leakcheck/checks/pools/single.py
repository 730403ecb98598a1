"""Engines from which one connection is taken and kept: what they would do for the next one helps nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from leakcheck.checks.pools.constructors import Built
from leakcheck.checks.pools.fates import Fates
from leakcheck.checks.purpose import is_only_in
from leakcheck.project.syntax.module import FunctionInfo
from leakcheck.project.syntax.walk import dotted, same_scope, unawaited, walk


def keeps_one(built: Built, fates: Fates) -> bool:
    """`conn = create_engine(url).connect()` at the top, in a field or a container, also by a name that is used for
    nothing else, but to look at it."""
    assigns = [node for node in _area(built, "") if isinstance(node, cst.Assign)]
    if id(built.node) in _kept_from(assigns, built):
        return True
    names = [dotted(target.target) or "" for node in assigns if node.value is built.node for target in node.targets]
    if len(names) != 1 or not names[0]:
        return False
    (name,) = names
    area = list(_area(built, name))
    others = {id(t.target) for node in area if isinstance(node, cst.Assign) for t in node.targets}
    others |= {id(node.attr) for node in area if isinstance(node, cst.Attribute)}  # `self.engine` is another's
    others |= set(_looked_at(area, built, fates))
    uses = [n for n in area if isinstance(n, (cst.Name, cst.Attribute)) and dotted(n) == name and id(n) not in others]
    if _is_once_an_object(built.function) and len(uses) == 1 and "." not in name:
        return id(uses[0]) in _asked_for_one(area, built)
    kept = _kept_from([node for node in area if isinstance(node, cst.Assign)], built)
    alone = built.function is not None or is_only_in(built.module, name, built.resolver.project)
    return len(uses) == 1 and id(uses[0]) in kept and alone


def _area(built: Built, name: str) -> Iterator[cst.CSTNode]:
    """Where a name means the same: the function, the methods of the class, the module."""
    if built.function is None:
        words = frozenset({name or built.callee.rpartition(".")[2]})
        yield from (node for chunk in built.module.mentioning(words) for node in walk(chunk.tree))
    elif name.startswith("self.") and built.function.cls is not None:
        methods = built.function.cls.methods.values()
        yield from (node for method in methods if name[5:] in method.words for node in walk(method.node.body))
    else:
        yield from walk(built.function.node.body, same_scope)


def _looked_at(area: Sequence[cst.CSTNode], built: Built, fates: Fates) -> Iterator[int]:
    """The ids of what is asked for an attribute for which it does not connect, here or by a function that is given it:
    `engine.url`, `name_of(engine)`."""
    for node in area:
        if isinstance(node, cst.Attribute) and node.attr.value in fates.idle:
            yield id(node.value)
        elif isinstance(node, cst.Call) and built.function is not None:
            yield from (id(given) for given in fates.only_looked_at(node, built.function))


def _is_once_an_object(function: FunctionInfo | None) -> bool:
    return function is not None and function.name == "__init__"


def _takes(built: Built) -> set[str]:
    """The methods by which a connection is taken."""
    acquirers = built.resolver.catalogue.by_acquire.items()
    return {name.rpartition(".")[2] for name, specs in acquirers if specs[0].kind == "checkout"}


def _asked_for_one(area: Sequence[cst.CSTNode], built: Built) -> set[int]:
    """What a connection is taken from: nobody has a local `engine` for another one."""
    funcs = (node.func for node in area if isinstance(node, cst.Call))
    return {id(f.value) for f in funcs if isinstance(f, cst.Attribute) and f.attr.value in _takes(built)}


def _kept_from(assigns: Sequence[cst.Assign], built: Built) -> set[int]:
    """What a connection is taken from that lasts: `engine` of `self.conn = engine.connect()`, also by a name for it."""
    takes, found = _takes(built), set()
    put_away = {dotted(node.value) for node in assigns if any(map(_lasts, node.targets))} - {None}
    for node in assigns:
        value = unawaited(node.value)
        func = value.func if isinstance(value, cst.Call) else None
        if isinstance(func, cst.Attribute) and func.attr.value in takes:
            if built.function is None or any(_lasts(t) or dotted(t.target) in put_away for t in node.targets):
                found.add(id(func.value))
    return found


def _lasts(target: cst.AssignTarget) -> bool:
    """A field, or an entry of something."""
    return isinstance(target.target, (cst.Attribute, cst.Subscript))
