"""`match`: which case fits what is known of a value, and what its pattern binds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from leakcheck.flow.core import Core
from leakcheck.flow.state import State, merge
from leakcheck.flow.values import UNKNOWN, Tuple, Value, is_none
from leakcheck.project.syntax.walk import walk


class Matching(Core):
    """`match` and its cases."""

    def run_match(self, node: cst.Match, states: list[State]) -> list[State]:
        rest = [pair for state in states for pair in self.eval(node.subject, state)]
        done: list[State] = []
        for case in node.cases:
            fits = [self._fits(case.pattern, value) for value, _ in rest]
            matched = [after for pair, fit in zip(rest, fits, strict=True) if fit is not False
                       for after in self._matched(case.pattern, *pair)]  # fmt: skip
            if case.guard is not None:
                matched = [yes for state in matched for yes in self.decide(case.guard, state)[0]]
            else:
                rest = [pair for pair, fit in zip(rest, fits, strict=True) if not fit]
            done += self.suite(case.body, merge(matched))
        return done + [state for _, state in rest]

    def _matched(self, pattern: cst.MatchPattern, value: Value, state: State) -> list[State]:
        """A state in which the names of a pattern are bound."""
        states = [state.copy()]
        for name, each in _captured(pattern, value):
            states = [after for before in states for after in self.assign(name, each, before)]
        return states

    def _fits(self, pattern: cst.MatchPattern, value: Value) -> bool | None:
        """Whether a value fits a pattern; None if it may."""
        if isinstance(pattern, cst.MatchAs):
            return True if pattern.pattern is None else self._fits(pattern.pattern, value)
        if isinstance(pattern, cst.MatchOr):
            fits = [self._fits(element.pattern, value) for element in pattern.patterns]
            return True if True in fits else None if None in fits else False
        if isinstance(pattern, cst.MatchSingleton) and pattern.value.value == "None":
            return is_none(value)
        if isinstance(pattern, cst.MatchClass):
            is_plain = not (pattern.patterns or pattern.kwds)
            return True if is_plain and self.surely_is(value, pattern.cls) else False if is_none(value) else None
        if isinstance(pattern, cst.MatchSequence) and (parts := _parts(pattern, value)) is not None:
            return _all(self._fits(part, item) for part, item in parts)
        return None


def _parts(pattern: cst.MatchSequence, value: Value) -> list[tuple[cst.MatchPattern, Value]] | None:
    """The patterns in one, each with the item that it is for; None where that cannot be told."""
    elements = [part.value for part in pattern.patterns if isinstance(part, cst.MatchSequenceElement)]
    whole = len(elements) == len(pattern.patterns)  # no star among them
    if not whole or not isinstance(value, Tuple) or value.keys or len(value.items) != len(elements):
        return None
    return list(zip(elements, value.items, strict=True))


def _all(fits: Iterable[bool | None]) -> bool | None:
    found = list(fits)
    return False if False in found else None if None in found else True


def _captured(pattern: cst.MatchPattern, value: Value) -> Iterator[tuple[cst.Name, Value]]:
    """The names that a pattern binds, and what to."""
    if isinstance(pattern, cst.MatchAs):
        if pattern.pattern is not None:
            yield from _captured(pattern.pattern, value)
        if pattern.name is not None:
            yield pattern.name, value
    elif isinstance(pattern, cst.MatchSequence) and (parts := _parts(pattern, value)) is not None:
        for part, item in parts:
            yield from _captured(part, item)
    else:
        yield from ((name, UNKNOWN) for name in _names(pattern))


def _names(pattern: cst.MatchPattern) -> Iterator[cst.Name]:
    for part in walk(pattern):
        if isinstance(part, (cst.MatchAs, cst.MatchStar)) and part.name is not None:
            yield part.name
        elif isinstance(part, cst.MatchMapping) and part.rest is not None:
            yield part.rest
