"""What LK203 says: why a pool may block those who use it, and by which calls the second connection is taken."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from leakcheck.checks.held.blocking import Place
from leakcheck.checks.telling import Teller
from leakcheck.diagnostics import Step
from leakcheck.project.syntax.module import FunctionInfo

_FAILING = " at once"  # `raises PoolError at once`


def reason(held: int, function: FunctionInfo | None, exhaustion: str = "") -> str:
    """Why that is bad where one thread has so many connections at a time, the last one included, by what the pool does
    when it has none left."""
    many = "tasks" if function is not None and function.is_async else "threads"
    had, enough = ("one", f"more connections than {many}")
    if held > 2:  # many * (held - 1) + 1
        had, enough = str(held - 1), f"more than {held - 1} connections a {many.removesuffix('s')}"
    what = "make each other fail" if exhaustion.endswith(_FAILING) else "wait for each other in vain"
    return f"{many} that hold {had} each can {what}, unless the pool has {enough}"


def second_steps(node: cst.CSTNode, chain: Sequence[Place], tell: Teller) -> list[Step]:
    """Where the second one is taken, or by which calls, the outermost first."""
    if not chain:
        return [tell.step("note", node, "the second one is taken here")]
    steps = [tell.step("note", node, "held during this call")]
    steps += [tell.step("via", place, "which calls this", module) for module, place in chain[:-1]]
    module, place = chain[-1]
    return [*steps, tell.step("via", place, "which takes a second one from the same pool", module)]
