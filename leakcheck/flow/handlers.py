"""Which `except` clause catches what: by name, because exception classes are seldom resolved further."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

import libcst as cst

from leakcheck.flow.state import CERTAIN, Raised
from leakcheck.project.syntax.walk import code
from leakcheck.schema import RAISES

if TYPE_CHECKING:
    from leakcheck.project.project import Project
    from leakcheck.project.syntax.module import Module

# Roots of the drivers' exception hierarchies (PEP 249, SQLAlchemy, asyncpg …): catching one catches what calls on a
# connection are expected to raise.
_DRIVER_ROOTS = frozenset({"Error", "DatabaseError", "SQLAlchemyError", "DBAPIError", "MySQLError", "PostgresError",
                           "PsycopgError", "StandardError", "PyMongoError", "PeeweeException"})  # fmt: skip
_DRIVER_KINDS = frozenset({"OperationalError", "IntegrityError", "ProgrammingError", "InterfaceError", "DataError",
                           "InternalError", "NotSupportedError", "Warning", "PoolError", "PoolTimeout", "TimeoutError",
                           "UniqueViolation", "UniqueViolationError"})  # fmt: skip
_CATCH_ALL = frozenset({"BaseException", "Exception"})


def handler_types(node: cst.BaseExpression | None, module: Module, project: Project) -> tuple[str, ...]:
    """The exception classes a handler names, as written; a module's tuple of them counts as its items."""
    if node is None:
        return ("BaseException",)
    if isinstance(node, cst.Tuple):
        return tuple(name for e in node.elements for name in handler_types(e.value, module, project))
    if isinstance(node, cst.BinaryOperation):
        return tuple(name for part in (node.left, node.right) for name in handler_types(part, module, project))
    for value, owner in project.assigned(node.value, module) if isinstance(node, cst.Name) else ():
        if isinstance(value, (cst.Tuple, cst.Attribute, cst.BinaryOperation)):
            return handler_types(value, owner, project)
    return (code(node),)


class Match(Enum):
    """Whether a handler catches an exception."""

    YES = "yes"
    LIKELY = "likely"  # what is left over is unusual
    MAYBE = "maybe"
    UNLIKELY = "unlikely"  # what is caught is unusual
    NO = "no"


def caught(raised: Raised | None, types: tuple[str, ...], bases: Callable[[str], frozenset[str]]) -> Match:
    """Whether a handler for `types` (as written) catches what a state carries; the likeliest of its types counts."""
    order = (Match.YES, Match.LIKELY, Match.MAYBE, Match.UNLIKELY, Match.NO)
    return min((_one(raised, name, bases) for name in types), key=order.index, default=Match.NO)


def catches_all(node: cst.BaseExpression | None) -> bool:
    """Whether a handler catches whatever a program may expect."""
    return node is None or (isinstance(node, cst.Name) and node.value in _CATCH_ALL)


def without_kind(raised: Raised) -> Raised:
    """The same where it does not matter what exactly a call raises: fewer states to tell apart."""
    return Raised(raised.origin) if raised.origin == "call" and raised.type else raised


def _one(raised: Raised | None, name: str, bases: Callable[[str], frozenset[str]]) -> Match:
    last = name.rpartition(".")[2]
    if raised is not None and raised.origin == "interrupted":  # no Exception
        return Match.YES if last in ("BaseException", raised.type) else Match.NO
    if last in _CATCH_ALL or raised is None:
        return Match.YES
    if raised.origin == "driver":
        if last in _DRIVER_ROOTS:
            return Match.LIKELY
        return Match.MAYBE if last in _DRIVER_KINDS or not hasattr(builtins, last) else Match.UNLIKELY
    if raised.origin in CERTAIN:
        return Match.YES if last in CERTAIN[raised.origin] else Match.NO
    if raised.origin == "raise" and raised.type:
        return _declared(raised.type, last, bases)
    if raised.origin == "call" and raised.type:
        kinds = [_of_kind(kind, last) for kind in raised.type.split("|")]
        return next((match for match in (Match.YES, Match.MAYBE) if match in kinds), Match.NO)
    return Match.MAYBE


def joined(kinds: frozenset[str]) -> str:
    """What a callee of these kinds in the catalogue raises, as `Raised` has it; "" if it may be anything."""
    if "raises" not in kinds:
        return ""
    return "|".join(sorted(kind.removeprefix(RAISES) for kind in kinds if kind.startswith(RAISES)))


def _of_kind(kind: str, handler: str) -> Match:
    """What a call raises, by the exception it may be or be a kind of, against a handler's name."""
    thrown, wanted = getattr(builtins, kind, None), getattr(builtins, handler, None)
    if kind == handler or (isinstance(thrown, type) and isinstance(wanted, type) and issubclass(thrown, wanted)):
        return Match.YES
    unrelated = isinstance(thrown, type) and isinstance(wanted, type) and not issubclass(wanted, thrown)
    return Match.NO if unrelated else Match.MAYBE


def _declared(type_: str, handler: str, bases: Callable[[str], frozenset[str]]) -> Match:
    """An exception raised by name against a handler's name."""
    own = type_.rpartition(".")[2]
    if own == handler:
        return Match.YES
    thrown, wanted = getattr(builtins, own, None), getattr(builtins, handler, None)
    if isinstance(thrown, type):
        return Match.YES if isinstance(wanted, type) and issubclass(thrown, wanted) else Match.NO
    known = bases(type_)
    if handler in known:
        return Match.YES
    return Match.NO if len(known) > 1 else Match.MAYBE
