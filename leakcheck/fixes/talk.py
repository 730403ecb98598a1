"""Calls that only tell somebody something: a line in a log, on the screen."""

from __future__ import annotations

import ast

from leakcheck.fixes.syntax import dotted

_TALK = frozenset({"log", "logs", "logger", "logging", "print", "warn", "warning", "warnings", "echo"})


def talks(call: ast.Call) -> bool:
    """Whether a call only does that, by its name."""
    return tells(dotted(call.func))


def tells(path: str) -> bool:
    """The same of what is called, as a dotted name."""
    return not _TALK.isdisjoint(path.lower().replace("_", ".").split("."))
