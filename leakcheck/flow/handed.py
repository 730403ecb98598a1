"""What a library hands to a function by a decorator: `@bot.command()` on `async def buy(ctx, item)`."""

from __future__ import annotations

import libcst as cst

from leakcheck.flow.classes import Classes
from leakcheck.flow.values import UNKNOWN, Function, Instance, Method, Symbol, Value
from leakcheck.project.syntax.module import FunctionInfo

_DEPTH = 3  # of groups of commands in groups


def handed(parameter: cst.Param, function: FunctionInfo, classes: Classes) -> Value:
    """The object of a service that the first parameter is."""
    known = classes.catalogue.waits.handlers
    first = 1 if function.cls is not None and "staticmethod" not in function.decorators else 0
    if not known or parameter not in function.parameters[first : first + 1]:
        return UNKNOWN
    given = _given_by_any(function, classes, _DEPTH)
    return Instance(given) if given else UNKNOWN


def _given_by_any(function: FunctionInfo, classes: Classes, depth: int) -> str:
    return next((given for name in function.decorators if (given := _given(name, function, classes, depth))), "")


def _given(decorator: str, function: FunctionInfo, classes: Classes, depth: int) -> str:
    """The class of what a decorator hands over; "" if it is none of those."""
    known = classes.catalogue.waits.handlers
    first, _, rest = decorator.partition(".")
    beside = function.cls.methods.get(first) if function.cls is not None else None
    value: Value = Function(beside) if beside is not None else classes.dotted(first, function.parent, function.module)
    for part in rest.split(".") if rest else ():
        if isinstance(value, Function):  # a group of commands, which decorates its own
            given = _given_by_any(value.info, classes, depth - 1) if depth > 0 else ""
            return given if f"{given}.{part}" in known else ""
        value = classes.attribute(value, part, function.module)
    if isinstance(value, Instance) and isinstance(value.type, str):
        return value.type if value.type in known.values() else ""  # `@router.message()`: an attribute of others
    if isinstance(value, Symbol):
        return known.get(classes.canonical(value.name), "")
    if isinstance(value, Method) and isinstance(value.receiver, Instance):
        owners = value.receiver.type
        bases = [owners] if isinstance(owners, str) else classes.libraries(owners)
        return next((known[name] for base in bases if (name := f"{classes.canonical(base)}.{value.name}") in known), "")
    return ""
