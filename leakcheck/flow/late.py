"""Classes whose objects open their connection at a later call of their user: `client = Client(); client.connect()`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import libcst as cst

from leakcheck.flow.opening import Else, Held, Opening
from leakcheck.flow.owning import ITSELF, REGISTERS, made, releasing_methods
from leakcheck.flow.resolve import is_property
from leakcheck.flow.sharing import gives_the_same
from leakcheck.flow.values import LITERALS, Const
from leakcheck.models import Connection
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo
from leakcheck.project.syntax.walk import is_none
from leakcheck.records import dataclass

if TYPE_CHECKING:
    from leakcheck.flow.owners import Owners

_DEPTH = 2  # of the object's own methods that an opening one calls


@dataclass(frozen=True)
class Way:
    """One way in which such a method ends: whether a connection is there then, and what it returns, if that tells."""

    opened: bool
    value: Const | None = None


class Late:
    """Answers for one project."""

    def __init__(self, owners: Owners) -> None:
        self.owners = owners
        self._models: dict[ClassInfo, Connection | None] = {}
        self._openers: dict[ClassInfo, dict[FunctionInfo, tuple[Way, ...]]] = {}

    def model(self, cls: ClassInfo) -> Connection | None:
        """What must be done with an object of the class once it has opened something; None if nothing need be."""
        if cls not in self._models:
            self._models[cls] = None
            self._models[cls] = self._find(cls)
        return self._models[cls]

    def known(self) -> Iterable[tuple[ClassInfo, Connection | None]]:
        """The classes that were asked about, and their models."""
        return self._models.items()

    def openers(self, cls: ClassInfo) -> dict[FunctionInfo, tuple[Way, ...]]:
        """Its methods that open a connection, and how they end."""
        return self._openers.get(cls, {}) if self.model(cls) is not None else {}

    def ways(self, cls: ClassInfo, method: FunctionInfo) -> tuple[Way, ...]:
        """How a method ends that opens a connection; none for any other method."""
        return self._openers.get(cls, {}).get(method, ())

    def _find(self, cls: ClassInfo) -> Connection | None:
        owners, resolver = self.owners, self.owners.resolver
        if not owners.may_open(cls) or not REGISTERS.isdisjoint(cls.chunk.words):
            return None
        fields = self.fields(cls)
        if not fields or not owners.is_plain(cls) or gives_the_same(cls, resolver):
            return None
        for field, spec in fields.items():
            released = releasing_methods(cls, field, spec, resolver)
            if released and {method.name for method in released}.isdisjoint(ITSELF):
                methods = (method for method in self._methods(cls) if method not in released)
                openers = {method: ways for method in methods if (ways := self._ways(method, cls, field))}
                if openers:
                    self._openers[cls] = openers
                    owners.fields[cls] = frozenset({field})
                    late = made(cls, spec, released)
                    return replace(late, lazy=True, reusable=True, memory_arguments=spec.memory_arguments)
        return None

    def _methods(self, cls: ClassInfo) -> Iterator[FunctionInfo]:
        """Those that a user calls or reads by their names, of the class and its bases."""
        family = self.owners.resolver.family(cls)
        found = {name: method for owner in reversed(family) for name, method in owner.methods.items()}
        named = (method for name, method in found.items() if not name.startswith("__"))
        return (method for method in named if not method.decorators or is_property(method))

    def fields(self, cls: ClassInfo) -> dict[str, Connection]:
        """The fields that hold nothing but what the object's methods open, and None."""
        family = self.owners.resolver.family(cls)
        found: dict[str, Connection] = {}
        for owner in family:
            for field, method, value in owner.fields(self.owners.acquirers(owner.module)):
                if (spec := self._opened_by(value, method)) is not None:
                    found[field] = spec
        return {field: spec for field, spec in found.items() if all(self._is_own(field, owner) for owner in family)}

    def _is_own(self, field: str, owner: ClassInfo) -> bool:
        """Whether all that a class assigns to a field is opened there, or None."""
        return all(
            is_none(value) or self._opened_by(value, method) is not None for method, value in owner.assigned(field)
        )

    def _opened_by(self, value: cst.BaseExpression, method: FunctionInfo | None) -> Connection | None:
        """What a method that is called later opens."""
        if method is None or method.name in ("__init__", "__post_init__"):
            return None
        return self.owners.connects(value, method)

    def _ways(self, method: FunctionInfo, cls: ClassInfo, field: str) -> tuple[Way, ...]:
        path = f"self.{field}"
        if method.is_generator or not (field in method.chunk.words or self._calls_own(method, cls)):
            return ()
        if path in self._opened(method, cls, True):
            return (Way(True),)
        opening, found = self._opening(method, cls, False), set()
        for held, returned in opening.ends():
            value = LITERALS.get(returned.value) if isinstance(returned, cst.Name) else None
            if (returned is not None and value is None) or held.get(path) is Else.ANYTHING:
                return ()
            found.add(Way(isinstance(held.get(path), Connection), value))
        return tuple(found) if any(way.opened for way in found) and not opening.asks_others else ()

    def _calls_own(self, method: FunctionInfo, cls: ClassInfo) -> bool:
        return not method.chunk.words.isdisjoint(cls.methods)

    def _opened(self, method: FunctionInfo, cls: ClassInfo, surely: bool, depth: int = _DEPTH) -> Held:
        """What a method leaves in the object's fields when it ends normally."""
        opening = self._opening(method, cls, surely, depth)
        found = opening.fields()
        return {f"self.{field}": spec for field, spec in found.items()} if surely or not opening.asks_others else {}

    def _opening(self, method: FunctionInfo, cls: ClassInfo, surely: bool, depth: int = _DEPTH) -> Opening:
        def called(node: cst.Call | cst.Attribute) -> Held:
            inner = self.owners.own_method(node, method, cls) if depth else None
            return self._opened(inner, cls, surely, depth - 1) if inner is not None else {}

        return Opening(method, self.owners.connects, called, surely, lazily=True)
