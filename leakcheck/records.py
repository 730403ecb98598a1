"""Dataclasses that cost little to make and to fill: a run makes many, of most of which it needs no instance."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls=None, /, *, frozen=False, slots=False, eq=True, order=False):
        """As the standard one, which compiles six methods a class; here those are compiled that are called. That
        nobody changes what is frozen is left to the type checker."""

        def made(cls):
            cls = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots)(cls)
            cls.__init__, cls.__repr__ = late("__init__"), _repr
            for name in (*(_EQUALITY if eq else ()), *(_ORDER if order else ())):
                setattr(cls, name, late(name))
            if eq and not frozen:
                cls.__hash__ = None
            return cls

        return made if cls is None else made(cls)


_EQUALITY = ("__eq__", "__hash__")
_ORDER = {"__lt__": "<", "__le__": "<=", "__gt__": ">", "__ge__": ">="}


def late(name: str) -> Callable[..., Any]:
    """A method that is made when it is first called."""
    made: Any = None

    def method(self: Any, *args: Any, **named: Any) -> Any:
        nonlocal made
        owner = next((cls for cls in type(self).__mro__ if cls.__dict__.get(name) is method), None)
        if owner is not None:  # else another thread has just made it
            made = _made(name, owner)
            setattr(owner, name, made)
        return made(self, *args, **named)

    return method


def _made(name: str, owner: Any) -> Callable[..., Any]:
    fields = dataclasses.fields(owner)
    known: dict[str, Any] = {"MISSING": dataclasses.MISSING}
    exec(_initializer(owner, fields, known) if name == "__init__" else _of_value(name, fields), known)
    made: Callable[..., Any] = known[name]
    return made


def _initializer(owner: Any, fields: tuple[dataclasses.Field[Any], ...], known: dict[str, Any]) -> str:
    parameters, body = ["self"], []
    for field in fields:
        name, value = field.name, field.name
        default = f"default_{name}"
        if field.default is not dataclasses.MISSING:
            known[default] = field.default
            parameters.append(f"{name}={default}")
        elif field.default_factory is not dataclasses.MISSING:
            known[default] = field.default_factory
            parameters.append(f"{name}=MISSING")
            value = f"{default}() if {name} is MISSING else {name}"
        else:
            parameters.append(name)
        body.append(f"self.{name} = {value}")
    if hasattr(owner, "__post_init__"):
        body.append("self.__post_init__()")
    return f"def __init__({', '.join(parameters)}):\n " + "\n ".join(body or ["pass"])


def _of_value(name: str, fields: tuple[dataclasses.Field[Any], ...]) -> str:
    """The text of a method that goes by what is compared."""
    mine, other = ("".join(f"{who}.{field.name}, " for field in fields if field.compare) for who in ("self", "other"))
    if name == "__hash__":
        return f"def __hash__(self):\n return hash(({mine}))"
    compared = f"({mine}) {_ORDER.get(name, '==')} ({other})"
    return f"def {name}(self, other):\n return {compared} if other.__class__ is self.__class__ else NotImplemented"


def _repr(self: Any) -> str:
    values = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self))
    return f"{type(self).__qualname__}({values})"
