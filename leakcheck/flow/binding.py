"""Which parameter of a callee each argument fills."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import libcst as cst

from leakcheck.flow.values import Class, Const, Derived, Ref
from leakcheck.project.syntax.module import FunctionInfo
from leakcheck.project.syntax.walk import alternatives

if TYPE_CHECKING:
    from leakcheck.flow.core import Argument
    from leakcheck.flow.values import Function


def filled(callee: Function, arguments: list[Argument]) -> list[tuple[str, Argument]]:
    """By the parameter's name, as far as that can be told."""
    names = parameters(callee, [argument.node for argument in arguments])
    return [(name, argument) for name, argument in zip(names, arguments, strict=True) if name]


def parameters(callee: Function, arguments: Sequence[cst.Arg]) -> list[str]:
    """For each argument of a call the name of the parameter that it fills; "" where that cannot be told."""
    return named(positional(callee), arguments)


def named(names: Sequence[str], arguments: Sequence[cst.Arg]) -> list[str]:
    """The same of a callee whose parameters have these names."""
    stars = [index for index, argument in enumerate(arguments) if argument.star]
    known = names[: min(stars, default=len(names))]
    found = (a.keyword.value if a.keyword else "".join(known[i : i + 1]) for i, a in enumerate(arguments))
    return [name if name in names else "" for name in found]


def positional(callee: Function) -> list[str]:
    """The parameters that a call fills, in order."""
    names = [p.name.value for p in callee.info.parameters if not p.star]
    by_class = isinstance(callee.receiver, Class) and "classmethod" not in callee.info.decorators
    if callee.receiver is not None and not by_class and "staticmethod" not in callee.info.decorators:
        return names[1:]  # `Base.__init__(self, conn)` fills the first one, too
    return names


def outer_parameters(function: FunctionInfo) -> set[str]:
    """The parameters of the functions around one."""
    found: set[str] = set()
    scope = function.parent
    while isinstance(scope, FunctionInfo):
        found |= {parameter.name.value for parameter in scope.parameters}
        scope = scope.parent
    return found


def makes_of(node: cst.Call, function: FunctionInfo | None) -> bool:
    """`return service_class(session)`: what a function was told to make of its arguments, for whoever called it."""
    if function is None or not isinstance(node.func, cst.Name) or not any(v is node for v in function.returned):
        return False
    own = {parameter.name.value for parameter in function.parameters}
    return node.func.value in own | outer_parameters(function)


_TEXT = (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString)


def may_return(callee: Function, arguments: list[Argument]) -> bool:
    """Whether a function may give one of its arguments back, of which nothing is known: `return conn or connect()`."""
    kept = _returned(callee.info) if arguments else set()
    known = (Const, Ref, Derived)
    given = (a for name, a in filled(callee, arguments) if name in kept and not isinstance(a.value, known))
    return any(not isinstance(argument.node.value, _TEXT) for argument in given)


def _returned(function: FunctionInfo) -> set[str]:
    """The parameters that a function returns, by their own name or another one."""
    parameters = {p.name.value for p in function.parameters}
    parts = [part for value in function.returned for part in alternatives(value)]
    names = {part.value for part in parts if isinstance(part, cst.Name)}
    values = (value for name in names - parameters for value in function.bindings.assigned.get(name, ()))
    parts = [part for value in values for part in alternatives(value)]
    return parameters & (names | {part.value for part in parts if isinstance(part, cst.Name)})
