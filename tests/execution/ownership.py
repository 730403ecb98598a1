"""Who owns a connection: it moves to the caller when it is returned, or stored in something the caller gave."""

from __future__ import annotations

import functools
import inspect
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dis import opname
from types import AsyncGeneratorType, CoroutineType, FrameType, FunctionType, GeneratorType, MethodType, ModuleType
from typing import Any

from tests.execution.fakes import Connection, Fake
from tests.execution.world import PROGRAM, Lease, World, program_frames

GENERATORS = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR


@contextmanager
def watched(world: World) -> Iterator[None]:
    """Follow ownership and exceptions through the program's frames while the block runs."""
    before = sys.gettrace()
    sys.settrace(_Watch(world).enter)
    try:
        yield
    finally:
        sys.settrace(before)


class _Watch:
    def __init__(self, world: World) -> None:
        self.world = world
        self.raising: FrameType | None = None  # an exception came out here, and no line ran since

    def enter(self, frame: FrameType, event: str, arg: Any) -> Any:
        if frame.f_code.co_filename != PROGRAM:
            return None
        frame.f_trace_lines = bool(frame.f_code.co_flags & GENERATORS)
        return self.inside

    def inside(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "exception":
            self.raising = frame
            self.world.exception(arg[0])
        elif event == "line":
            self.raising = None
        elif event == "return":
            self.leave(frame, arg)
        return self.inside

    def leave(self, frame: FrameType, value: object) -> None:
        mine = [lease for lease in self.world.leases if lease.open and lease.owner is frame]
        if not mine or (how := self.exit_kind(frame)) == "yield":
            return
        given = _given(frame, how)
        for lease in mine:
            if lease in held([value]) or lease in held(given):
                _move_to_caller(lease, frame)

    def exit_kind(self, frame: FrameType) -> str:
        operation = opname[frame.f_code.co_code[frame.f_lasti]]
        if operation.startswith("RETURN"):
            return "return"
        suspends = frame.f_code.co_flags & GENERATORS and self.raising is not frame
        return "yield" if suspends and operation.startswith(_SUSPENDING) else "exception"


_SUSPENDING = ("YIELD", "RESUME")  # 3.13 already names the instruction it will go on at


def _given(frame: FrameType, how: str) -> list[object]:
    """What the caller passed in and still has. A parameter that is a connection now was re-bound here."""
    code = frame.f_code
    count = code.co_argcount + code.co_kwonlyargcount
    names = code.co_varnames[:count]
    if code.co_name == "__init__" and how == "exception":
        names = names[1:]  # the half-made object is lost
    values = [frame.f_locals.get(name) for name in names]
    return [value for value in values if not isinstance(value, Connection)]


def _move_to_caller(lease: Lease, frame: FrameType) -> None:
    lease.owner = next(program_frames(frame.f_back), None)
    if lease.owner is not None:
        lease.chain.append(lease.owner.f_lineno)


def held(roots: Iterable[object]) -> set[Lease]:
    """The leases of all connections that can be reached from these objects."""
    found: set[Lease] = set()
    seen: set[int] = set()
    todo = list(roots)
    while todo and len(seen) < 2000:
        value = todo.pop()
        if value is None or isinstance(value, (str, int, float, bytes, ModuleType)) or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Connection):
            found.add(value.lease)
        elif not isinstance(value, Fake):
            todo += _parts(value)
    return found


def _parts(value: Any) -> list[object]:
    if isinstance(value, (list, tuple, set, frozenset, deque)):
        return list(value)
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, MethodType):
        return [value.__self__]
    if isinstance(value, functools.partial):
        return [value.func, *value.args, *value.keywords.values()]
    if isinstance(value, FunctionType):
        return [*(cell.cell_contents for cell in value.__closure__ or () if _filled(cell)), *(value.__defaults__ or ())]
    for kind, attribute in ((GeneratorType, "gi_frame"), (CoroutineType, "cr_frame"), (AsyncGeneratorType, "ag_frame")):
        if isinstance(value, kind):
            frame = getattr(value, attribute)
            return list(frame.f_locals.values()) if frame else []
    if isinstance(value, type) and value.__module__ != "program":
        return []
    slots = [getattr(value, name, None) for name in getattr(type(value), "__slots__", ()) if isinstance(name, str)]
    return [*getattr(value, "__dict__", {}).values(), *slots]


def _filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True
