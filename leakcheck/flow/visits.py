"""Methods that open their object's connection, work with it and close it, each for itself: nobody else closes it when
one of them fails. `self.open(); self.conn.execute(...); self.close()`"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import libcst as cst

from leakcheck.flow.opening import asks_itself
from leakcheck.flow.outside import around, has_heir, may_be_one
from leakcheck.flow.owning import ITSELF, releases_field, subclasses
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo
from leakcheck.project.syntax.walk import dotted, walk

if TYPE_CHECKING:
    from leakcheck.flow.owners import Owners

_LASTING = ITSELF | {"__enter__", "__aenter__", "__exit__", "__aexit__"}


def visits(cls: ClassInfo, owners: Owners) -> tuple[FunctionInfo, ...]:
    """The methods of a class that do so; none if what opens or closes is also called by others."""
    known, key = owners.resolver.project.memo, (visits, cls)
    if key not in known:
        known[key] = ()  # while it is being found: recursion ends here
        known[key] = _find(cls, owners) if _may_be_some(cls, owners) else ()
    return known[key]  # type: ignore[return-value]


def _may_be_some(cls: ClassInfo, owners: Owners) -> bool:
    """Whether a method calls one that mentions an acquirer, and one that mentions a release: few do, and the text tells
    that sooner than the flow."""
    own, source = cls.methods.values(), cls.module.source
    acquirers, releases = owners.acquirers(cls.module), owners.resolver.catalogue.release_methods
    opening = (f"self.{m.name}(" for m in own if not m.chunk.words.isdisjoint(acquirers))
    opens = [call for call in opening if call in source]
    closes = [f"self.{m.name}(" for m in own if not m.chunk.words.isdisjoint(releases)] if opens else []
    visiting = (m.chunk for m in own if closes and _holds(m.chunk.statement.text, opens))
    return any(not c.words.isdisjoint(releases) or _holds(c.statement.text, closes) for c in visiting)


def _holds(text: str, parts: Collection[str]) -> bool:
    return any(part in text for part in parts)


def _find(cls: ClassInfo, owners: Owners) -> tuple[FunctionInfo, ...]:
    openers = owners.late.openers(cls)
    family = owners.resolver.family(cls)
    if not openers or any(_asks_first(opener, family) for opener in openers) or any(subclasses(cls)):
        return ()
    kept = owners.late.fields(cls).items()
    resolver = owners.resolver
    own = {name: method for owner in reversed(family) for name, method in owner.methods.items()}
    opens = {method.name for method in openers}
    ends = {m.name for m in own.values() if any(releases_field(m, field, spec, resolver) for field, spec in kept)}
    closes = {name for name in ends if not _asks(own[name], opens)} - opens
    users = [m for m in own.values() if m.name not in opens | closes and (_asks(m, opens) or _asks(m, closes))]
    for method in users:
        closing = method.name in ends or _asks(method, closes)
        if not (closing and _asks(method, opens)) or method.name in _LASTING or method.is_generator:
            return ()
    return () if _is_used_outside(cls, opens, closes, owners) else tuple(users)


def _asks_first(opener: FunctionInfo, family: Sequence[ClassInfo]) -> bool:
    """`if self.conn is None:`: what a failure has left open is found by the next call."""
    asking = (node.test for node in walk(opener.node.body) if isinstance(node, cst.If) and asks_itself(node))
    return any(not _asks_settings(test, family) for test in asking)


def _asks_settings(test: cst.BaseExpression, family: Sequence[ClassInfo]) -> bool:
    """Whether a condition asks the object only what it was told when it was made, which no call of a method changes."""
    attributes = [node for node in walk(test) if isinstance(node, cst.Attribute)]
    return all(_is_setting(dotted(node) or "", family) for node in attributes)


def _is_setting(path: str, family: Sequence[ClassInfo]) -> bool:
    """`self.dsn`, if only the constructor assigns it, and nothing that may be filled or asked later."""
    owner, _, field = path.partition(".")
    assigned = [found for cls in family for found in cls.assigned(field)]
    in_constructor = all(method is None or method.name in ITSELF for method, _ in assigned)
    plain = all(isinstance(value, (cst.Name, cst.BaseString, cst.BaseNumber)) for _, value in assigned)
    return owner == "self" and bool(assigned) and in_constructor and plain


def _asks(method: FunctionInfo, names: Collection[str]) -> bool:
    """Whether a method mentions one of its object's own methods."""
    paths = {f"self.{name}" for name in names}
    return method.mentions(frozenset(names)) and any(
        dotted(node) in paths for node in walk(method.node.body) if isinstance(node, cst.Attribute)
    )


def _is_used_outside(cls: ClassInfo, opens: Collection[str], closes: Collection[str], owners: Owners) -> bool:
    """Whether some code may open an object of the class, surely closes one, or inherits from the class."""
    texts = around(cls, owners.resolver)
    opening, closing = frozenset(opens), frozenset(closes)
    return any(cls.name in text and _uses(text, cls.name, opening, closing) for text in texts)


@lru_cache(maxsize=4096)  # many scripts that lie together have the same names
def _uses(text: str, cls: str, opens: frozenset[str], closes: frozenset[str]) -> bool:
    """Whether a text does so, going by the names."""
    if has_heir(cls, text):
        return True
    opened = (name for name in _objects(opens, text) if not _is_imported(name, text))
    closed = (name for name in _objects(closes, text) if _is_made(name, cls, text))
    return any(may_be_one(name, {cls}, text) for name in opened) or any(closed)


def _objects(methods: frozenset[str], text: str) -> frozenset[str]:
    """The variables whose method of such a name a text mentions."""
    found = re.findall(rf"\b(\w+)(?:\(\))?\.(?:{'|'.join(sorted(methods))})\b", text)
    return frozenset(found) - {"self", "cls", "super"}


def _is_made(name: str, cls: str, text: str) -> bool:
    """Whether a variable is assigned or annotated in a line with the name of the class."""
    return re.search(rf"\b{name}\b\s*[:=][^\n]*\b{cls}\b", text) is not None


def _is_imported(name: str, text: str) -> bool:
    return re.search(rf"^[ \t]*(?:from|import)\b[^\n]*\b{name}\b", text, re.MULTILINE) is not None
