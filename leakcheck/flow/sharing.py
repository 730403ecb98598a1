"""Classes that give everybody the same object: whoever asks for one has not made it, and does not release it."""

from __future__ import annotations

import libcst as cst

from leakcheck.flow.resolve import Resolver
from leakcheck.flow.values import Class
from leakcheck.project.syntax.module import ClassInfo, FunctionInfo
from leakcheck.project.syntax.walk import dotted, terminal, walk

_NAMED = "singleton"  # by a metaclass that cannot be read


def gives_the_same(cls: ClassInfo, resolver: Resolver) -> bool:
    """Whether calling a class may give an object that was made before: by its `__new__`, metaclass or decorator."""
    new = resolver.method(cls, "__new__")
    if new is not None and _keeps_in_class(new):
        return True
    if any("caches" in resolver.catalogue.function(f"*.{name.rpartition('.')[2]}") for name in cls.decorators):
        return True
    metaclass = _metaclass(cls)
    if metaclass is None:
        return False
    value = resolver.static(metaclass, None, cls.module)
    if isinstance(value, Class):
        return resolver.method(value.info, "__call__") is not None
    return _NAMED in terminal(metaclass).lower()


def _keeps_in_class(new: FunctionInfo) -> bool:
    """Whether `__new__` stores what it makes: `cls._instance = …`, `cls._made[key] = …`."""
    names = {new.parameters[0].name.value} if new.parameters else set()
    names |= {new.cls.name} if new.cls else set()
    targets = (node.target for node in walk(new.node.body) if isinstance(node, (cst.AssignTarget, cst.AnnAssign)))
    return any((dotted(_without_index(target)) or "").partition(".")[0] in names for target in targets)


def _without_index(target: cst.BaseExpression) -> cst.BaseExpression:
    return target.value if isinstance(target, cst.Subscript) else target


def _metaclass(cls: ClassInfo) -> cst.BaseExpression | None:
    return next((a.value for a in cls.node.keywords if a.keyword and a.keyword.value == "metaclass"), None)
