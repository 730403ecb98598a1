"""Applies fixes to a text in rounds: what overlaps waits for the next one, until nothing is left to do."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from leakcheck.diagnostics import Diagnostic, Edit, Report, Rewrite
from leakcheck.fixes.text import apply
from leakcheck.settings import Settings

MOST_ROUNDS = 50
_REFUSED = "with the other fixes of this file it would not compile, or leave something else to find"

# What stood there before, and can be told only of a loop that has one connection: its rows and its commits.
SHOWS = {"LK303": ("LK301", "LK302")}

Key = tuple[str, ...]
Check = Callable[[str], Report]


def mend(source: str, report: Report, check: Check, settings: Settings) -> Report:
    """The report about what is left after fixing, with the rewrite. A round that makes matters worse is undone."""
    text, count = source, 0
    refused: set[Key] = set()
    for _ in range(MOST_ROUNDS):
        chosen = choose([d for d in report.diagnostics if _key(d) not in refused], settings)
        if not chosen:
            break
        better = _attempt(text, report, chosen, check)
        while better is None and len(chosen) > 1:
            chosen = chosen[: len(chosen) // 2]
            better = _attempt(text, report, chosen, check)
        if better is None:
            refused.add(_key(chosen[0]))
            continue
        text, report = better
        count += len(chosen)
    left = tuple(replace(d, fix=None, not_fixed=_REFUSED) if _key(d) in refused else d for d in report.diagnostics)
    return replace(report, diagnostics=left, rewrite=Rewrite(source, text, count) if count else None)


def _key(found: Diagnostic) -> Key:
    """What a finding is known by when its lines have moved."""
    return found.code, found.message, *(edit.content for edit in (found.fix.edits if found.fix else ()))


def _attempt(text: str, report: Report, chosen: Sequence[Diagnostic], check: Check) -> tuple[str, Report] | None:
    """The text with these fixes and its report; None if a finding stays, or another one comes."""
    edits = dict.fromkeys(edit for found in chosen if found.fix for edit in found.fix.edits)
    new = apply(text, tuple(edits))
    if new == text or (_compiles(text) and not _compiles(new)):
        return None
    after = check(new)
    if after.error is not None:
        check(text)  # what others see of this module is its old text again
        return None
    before = Counter(d.code[:3] for d in report.diagnostics)
    gone = Counter(d.code[:3] for d in chosen)
    shown = {code for each in chosen for code in SHOWS.get(each.code, ())}
    left = Counter(d.code[:3] for d in after.diagnostics if d.code not in shown)
    if left - (before - gone):
        check(text)
        return None
    return new, after


def _compiles(text: str) -> bool:
    """Whether this Python takes it: a text that parses may still have, say, blocks nested more than twenty deep."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "text", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


def choose(found: Sequence[Diagnostic], settings: Settings) -> list[Diagnostic]:
    """The fixes that are asked for and do not get in each other's way.

    From the end of the file: a block that is opened later goes first. One around it can still be put there afterwards;
    the other way round, one that begins inside a block could not end behind it.
    """
    chosen: list[Diagnostic] = []
    taken: list[tuple[int, int]] = []
    shared: set[Edit] = set()
    made: set[Edit] = set()
    for diagnostic in sorted(found, key=lambda d: d.sort_key, reverse=True):
        if not wanted(diagnostic, settings) or diagnostic.fix is None:
            continue
        if set(diagnostic.fix.edits) <= made:
            chosen.append(diagnostic)  # the same rewrite mends both
            continue
        edits = set(diagnostic.fix.edits) - shared
        imports = {edit for edit in edits if edit.span.end_line < _first(diagnostic)}
        stretch = _stretch(edits - imports)
        stretches = [stretch, *(_stretch({edit}) for edit in imports)]
        if any(_meet(one, other) for one in stretches for other in taken):
            continue
        chosen.append(diagnostic)
        made |= set(diagnostic.fix.edits)
        shared |= imports
        taken += stretches
    return chosen


def wanted(found: Diagnostic, settings: Settings) -> bool:
    """Whether the command line and the settings ask for this fix."""
    if found.fix is None or not settings.fixes(found.code):
        return False
    return found.fix.applicability == "safe" or (found.fix.applicability == "unsafe" and settings.fix == "unsafe")


def _first(found: Diagnostic) -> int:
    """Edits that end before the finding's own are imports: several fixes may share them."""
    own = [edit.span.line for edit in found.fix.edits if edit.span.end_line >= found.span.line] if found.fix else []
    return min(own, default=found.span.line)


def _stretch(edits: set[Edit]) -> tuple[int, int]:
    return min((e.span.line for e in edits), default=0), max((e.span.end_line for e in edits), default=0)


def _meet(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]
