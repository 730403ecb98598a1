"""`match`: which case fits what is known of a value, and what its pattern binds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from leakcheck.flow.core import Core
from leakcheck.flow.state import State, merge
from leakcheck.flow.values import LITERALS, UNKNOWN, Const, Tuple, Value, is_none
from leakcheck.project.syntax.walk import string_value, walk


class Matching(Core):
    """`match` and its cases."""

    def run_match(self, node: cst.Match, states: list[State]) -> list[State]:
        rest = [pair for state in states for pair in self.eval(node.subject, state)]
        done: list[State] = []
        for case in node.cases:
            matched: list[State] = []
            left: list[tuple[Value, State]] = []
            for value, state in rest:
                fit = self._fits(case.pattern, value)
                entered = self._matched(case.pattern, value, state) if fit is not False else []
                guarded = [self.decide(case.guard, each) if case.guard else ([each], []) for each in entered]
                matched += [each for true, _ in guarded for each in true]
                left += [(value, each) for _, false in guarded for each in false] if fit else [(value, state)]
            rest = left
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
        if isinstance(pattern, cst.MatchSingleton):
            known = is_none(value) if pattern.value.value == "None" else None
            return value == LITERALS[pattern.value.value] if isinstance(value, Const) else known
        if isinstance(pattern, cst.MatchClass):
            is_plain = not (pattern.patterns or pattern.kwds)
            return True if is_plain and self.surely_is(value, pattern.cls) else False if is_none(value) else None
        if (parts := _parts(pattern, value)) is not None:
            return _all(self._fits(part, item) for part, item in parts)
        return None


def _parts(pattern: cst.MatchPattern, value: Value) -> list[tuple[cst.MatchPattern, Value]] | None:
    """The patterns in one, each with the item that it is for; None where that cannot be told."""
    if not isinstance(value, Tuple):
        return None
    if isinstance(pattern, cst.MatchMapping):
        wanted = [(string_value(each.key), each.pattern) for each in pattern.elements]
        known = dict(zip(value.keys, value.items, strict=False))
        told = all(key in known for key, _ in wanted)
        return [(each, known[key]) for key, each in wanted if key in known] if told else None
    if not isinstance(pattern, cst.MatchSequence) or value.keys:
        return None
    elements = [part.value if isinstance(part, cst.MatchSequenceElement) else None for part in pattern.patterns]
    star = elements.index(None) if None in elements else len(elements)
    behind = elements[star + 1 :]
    if len(value.items) < star + len(behind) or (star == len(elements) < len(value.items)):
        return None
    items = (*value.items[:star], *value.items[len(value.items) - len(behind) :])
    return list(zip(filter(None, elements), items, strict=True))


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
    elif (parts := _parts(pattern, value)) is not None:
        for part, item in parts:
            yield from _captured(part, item)
        stars = [each for each in getattr(pattern, "patterns", ()) if isinstance(each, cst.MatchStar)]
        yield from ((star.name, UNKNOWN) for star in stars if star.name is not None)
        if isinstance(pattern, cst.MatchMapping) and pattern.rest is not None:
            yield pattern.rest, UNKNOWN
    else:
        yield from ((name, UNKNOWN) for name in _names(pattern))


def _names(pattern: cst.MatchPattern) -> Iterator[cst.Name]:
    for part in walk(pattern):
        if isinstance(part, (cst.MatchAs, cst.MatchStar)) and part.name is not None:
            yield part.name
        elif isinstance(part, cst.MatchMapping) and part.rest is not None:
            yield part.rest
