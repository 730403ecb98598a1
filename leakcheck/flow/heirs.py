"""Classes derived from a driver's class of connections: an object of one is a connection, opened when it is made."""

from __future__ import annotations

from dataclasses import replace

import libcst as cst

from leakcheck.flow.helpers import is_of_base
from leakcheck.flow.opening import in_memory
from leakcheck.flow.owning import ITSELF, REGISTERS, in_order, release_by
from leakcheck.flow.resolve import Resolver
from leakcheck.flow.sharing import gives_the_same
from leakcheck.models import Connection
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo
from leakcheck.project.syntax.walk import dotted, terminal, walk


def inherited(cls: ClassInfo, resolver: Resolver) -> Connection | None:
    """What must be done with an object of such a class: what its base needs, or a method of its own that does that."""
    spec = _of_base(cls, resolver)
    init = resolver.constructor(cls)
    if spec is None or gives_the_same(cls, resolver):
        return None
    if init is not None and not (REGISTERS.isdisjoint(init.words) and _is_opened(init, spec)):
        return None
    releasing = _releasing(cls, spec, resolver)
    if not ITSELF.isdisjoint(releasing):
        return None
    own = in_order(map(release_by, releasing.values()))
    return replace(spec, acquire=(cls.name, *spec.acquire), release=(*own, *spec.release))


def _of_base(cls: ClassInfo, resolver: Resolver) -> Connection | None:
    """The model of the library's class among its bases that opens a connection when it is called."""
    known = resolver.catalogue.by_acquire
    specs = (spec for base in resolver.libraries(cls) for spec in known.get(base, ()) if spec.type == base)
    return next((spec for spec in specs if spec.tracked and spec.opens_when_called), None)


def _is_opened(init: FunctionInfo, spec: Connection) -> bool:
    """Whether a constructor has its base open what outlives it in a file or on a server."""
    calls = (node for node in walk(init.node.body) if isinstance(node, cst.Call) and terminal(node.func) == "__init__")
    return init.strings.isdisjoint(spec.not_keywords) and any(_opens(call, spec) for call in calls)


def _opens(call: cst.Call, spec: Connection) -> bool:
    """Whether a call of the base's constructor is one that the model is about."""
    keywords = {argument.keyword.value for argument in call.args if argument.keyword}
    asked = keywords.intersection(spec.when_keywords or spec.not_keywords)
    return bool(asked) is bool(spec.when_keywords) and not in_memory(call, spec.memory_arguments)


def _releasing(cls: ClassInfo, spec: Connection, resolver: Resolver) -> dict[str, FunctionInfo]:
    """The methods of the project by which such an object is released, by their names or through another one."""
    own = {m.name: m for owner in reversed(resolver.family(cls)) for m in owner.methods.values()}
    ways = {form.method for form in spec.release if form.on == "conn"}
    found = {name: method for name, method in own.items() if name in ways}
    while more := {n: m for n, m in own.items() if n not in found and _asks(m, frozenset(ways | found.keys()))}:
        found |= more
    return found


def _asks(method: FunctionInfo, names: frozenset[str]) -> bool:
    """`self.close()`, `super().close()`, `Connection.close(self)`."""
    calls = (node for node in walk(method.node.body) if isinstance(node, cst.Call)) if method.mentions(names) else ()
    asked = (call for call in calls if terminal(call.func) in names)
    return any(is_of_base(call) or (dotted(call.func) or "").rpartition(".")[0] == "self" for call in asked)
