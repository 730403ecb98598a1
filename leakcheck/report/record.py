"""A finding as the machine formats tell it: numbered steps, its place in the repository, what it is known by."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from leakcheck.diagnostics import Diagnostic, Span, Step, document, numbered
from leakcheck.fingerprint import Scopes, identities
from leakcheck.models import Rule
from leakcheck.records import dataclass
from leakcheck.report import Page
from leakcheck.report.places import Places

HOME = "https://github.com/leakcheck/leakcheck-db"


@dataclass(frozen=True, slots=True)
class Event:
    """A step of the path. What is never reached has no number; `depth` counts the calls that lead to its function."""

    step: Step
    path: str
    number: int | None
    depth: int


@dataclass(frozen=True, slots=True)
class Record:
    """One finding."""

    found: Diagnostic
    path: str
    function: str
    identity: str  # stable while lines move; unique within a file
    fingerprint: str  # unique in the whole report
    events: tuple[Event, ...]


def records(page: Page) -> Iterator[Record]:
    """All findings of a page, in order."""
    places, scopes = Places(page), Scopes(page.lines)
    for filename, group in groupby(page.diagnostics, key=lambda found: found.span.filename):
        found, path = list(group), places.path(filename)
        for diagnostic, known in zip(found, identities(found, scopes), strict=True):
            digests = known.digest(), known.digest(path)
            yield Record(diagnostic, path, known.function, *digests, tuple(_events(diagnostic, places, scopes)))


def rule_url(rule: Diagnostic | Rule) -> str:
    """The rule's document, for a browser."""
    return f"{HOME}/blob/main/{document(rule.code, rule.name)}"


def told(record: Record) -> str:
    """The path in plain lines, for consumers that show nothing but text."""
    lines = []
    for event in record.events:
        where = "" if event.path == record.path else f"{event.path}, "
        head = f"{event.number}. " if event.number else "   "
        lines.append(f"{head}{where}line {event.step.span.line}: {event.step.message}")
    return "\n".join(lines)


def _events(found: Diagnostic, places: Places, scopes: Scopes) -> Iterator[Event]:
    """Steps with the depth of their functions: a new function is one call deeper, a known one is returned to."""
    frames = [_frame(found.span, scopes)]
    for number, step in numbered(found.steps):
        frame = _frame(step.span, scopes)
        if frame in frames:
            del frames[frames.index(frame) + 1 :]
        else:
            frames.append(frame)
        yield Event(step, places.path(step.span.filename), number, len(frames) - 1)


def _frame(span: Span, scopes: Scopes) -> tuple[str, str]:
    return span.filename, scopes.enclosing(span.filename, span.line)
