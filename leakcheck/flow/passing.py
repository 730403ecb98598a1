"""Fields that a method fills and empties in one go: nobody else gives back what they hold."""

from __future__ import annotations

import libcst as cst

from leakcheck.flow.outside import has_heir
from leakcheck.flow.owning import field_released_outside, gives_field, releases_field, subclasses
from leakcheck.flow.resolve import Resolver
from leakcheck.models import Connection
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo
from leakcheck.project.syntax.walk import SCOPES, dotted, is_none, walk

_LASTING = frozenset({"__init__", "__post_init__", "__new__", "__enter__", "__aenter__"})  # what these store is to stay
_ASKING = frozenset({"hasattr", "getattr", "locals", "vars", "__dict__"})  # ways to a field that need not name it


def is_passing(method: FunctionInfo, field: str, spec: Connection, resolver: Resolver) -> bool:
    """Whether a field that a method stores a connection in is like a variable of that method: each method that stores
    one there gives it back itself, and the others only work with it meanwhile."""
    cls = method.cls
    if cls is None:
        return False
    known, key = resolver.project.memo, (is_passing, cls, field, spec)
    if key not in known:  # asked in many states
        known[key] = _is_passing(cls, field, spec, resolver)
    return known[key]  # type: ignore[return-value]


def _is_passing(cls: ClassInfo, field: str, spec: Connection, resolver: Resolver) -> bool:
    family = [*resolver.family(cls), *subclasses(cls)]
    methods = [m for owner in family for m in owner.methods.values() if _mentions(m, field)]
    storing = [m for m in methods if any(name == field and not is_none(value) for name, value in m.stores)]
    for method in methods:
        if method in storing:
            fits = _begins_with_it(method, field) and releases_field(method, field, spec, resolver)
        else:
            helps = method.name in ("__init__", "__post_init__") or any(method.name in other.words for other in storing)
            fits = helps and not releases_field(method, field, spec, resolver)
        if not fits or gives_field(method, field, spec):
            return False
    return not (field_released_outside(cls, field, spec, resolver) or _is_base_elsewhere(cls, field, resolver))


def _mentions(method: FunctionInfo, field: str) -> bool:
    """Whether a method mentions a field, and not only a variable of that name."""
    if not method.mentions(frozenset({field})):
        return False
    return any(isinstance(node, cst.Attribute) and node.attr.value == field for node in walk(method.node.body))


def _is_base_elsewhere(cls: ClassInfo, field: str, resolver: Resolver) -> bool:
    """Whether a class of another file inherits from the class and may use the field."""
    texts = (text for text in resolver.project.texts_around(cls.module) if text != cls.module.source)
    return any(has_heir(cls.name, text) for text in texts if cls.name in text and field in text)


def _begins_with_it(method: FunctionInfo, field: str) -> bool:
    """Whether a method stores something in the field before it looks at what is there, and has it for itself."""
    special = method.name in _LASTING or method.is_generator or method.decorators
    if special or not _ASKING.isdisjoint(method.words):
        return False
    path = f"self.{field}"
    nested = (node for node in walk(method.node.body) if isinstance(node, SCOPES))
    if any(dotted(part) == path for node in nested for part in walk(node)):
        return False
    stored = {id(n.target) for n in walk(method.node.body) if isinstance(n, (cst.AssignTarget, cst.AnnAssign))}
    first = next((n for n in walk(method.node.body) if isinstance(n, cst.Attribute) and dotted(n) == path), None)
    return first is not None and id(first) in stored
