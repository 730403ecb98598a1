"""One text: its report. Whatever goes wrong with it is one line in that."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from leakcheck import engine
from leakcheck.diagnostics import Report, split_lines
from leakcheck.project.project import Project
from leakcheck.settings import Settings

Result = TypeVar("Result")

_STACK = 512 << 20  # bytes of address space, touched only when needed; the default overflows on deep expressions
_RECURSION = 20_000


def check_and_fix(text: str, filename: str, settings: Settings, project: Project | None = None) -> Report:
    """The report; if fixes are asked for, about what they leave, with the new text."""
    report = check_text(text, filename, settings, project)
    if not settings.applies_fixes or not any(found.fix for found in report.diagnostics):
        return report
    from leakcheck.fixes.rounds import mend

    return mend(text, report, lambda new: check_text(new, filename, settings, project), settings)


def check_text(text: str, filename: str, settings: Settings, project: Project | None = None) -> Report:
    """The engine's report; whatever goes wrong in a file is one line in its report."""
    from leakcheck.project.syntax.obstacle import obstacle, syntax_problem

    try:
        problem = obstacle(text, split_lines(text))
        return Report(filename, error=problem) if problem else engine.check(text, filename, settings, project)
    except engine.SourceError as error:
        return Report(filename, error=syntax_problem(text) or f"line {error.line}: {error.message}")
    except RecursionError:
        return Report(filename, error="too deeply nested")
    except MemoryError:
        return Report(filename, error="not enough memory")
    except Exception as error:
        return Report(filename, error=_internal(error))


def _internal(error: Exception) -> str:
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    where = f" ({os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno})" if trace else ""
    return f"internal error: {type(error).__name__}: {error}".partition("\n")[0] + where


def with_room(work: Callable[[], Result]) -> Result:
    """Run in a thread whose stack has room for deep recursion; where none can be had, in this one, without."""
    results: list[Result] = []
    failures: list[BaseException] = []

    def body() -> None:
        try:
            results.append(work())
        except BaseException as error:
            failures.append(error)

    stack, limit = threading.stack_size(_STACK), sys.getrecursionlimit()
    sys.setrecursionlimit(_RECURSION)
    try:
        thread = threading.Thread(target=body, daemon=True)  # daemon: an interrupt need not wait for it
        try:
            thread.start()
        except RuntimeError:  # the system allows no further thread, or not that much memory
            sys.setrecursionlimit(limit)
            body()
        else:
            thread.join()
    finally:
        threading.stack_size(stack)
        sys.setrecursionlimit(limit)
    if failures:
        raise failures[0]
    return results[0]
