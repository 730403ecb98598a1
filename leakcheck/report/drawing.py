"""One finding, drawn into the code."""

from __future__ import annotations

from collections.abc import Iterator

from leakcheck.diagnostics import Diagnostic, Span, Step, numbered
from leakcheck.report import Page
from leakcheck.report.frame import Frame, Mark
from leakcheck.report.patch import MOST, changes, patch

_COLOURS = {"error": "red", "warning": "yellow"}
_GRAVE = ("raise", "leak")  # where it goes wrong


def drawing(found: Diagnostic, page: Page) -> Iterator[str]:
    """The message, its path through each file, and the fix."""
    colour = _COLOURS[found.severity]
    yield f"{page.paint(found.code, fg=colour, bold=True)} {page.paint(found.message, bold=True)}"
    marks = _marks(found, colour)
    files = dict.fromkeys((found.span.filename, *(mark.span.filename for mark in marks)))
    changed = changes(found.fix, page.lines(found.span.filename))
    gutter = len(str(max(*(mark.span.line for mark in marks), *(number for number, _, _ in changed[:MOST]), 1)))
    edge = page.paint(" " * gutter + " |", fg="blue", bold=True)
    for file in files:
        here = [mark for mark in marks if mark.span.filename == file]
        place = found.span if file == found.span.filename else here[0].span
        arrow = "-->" if place is found.span else ":::"
        if place is not found.span:
            yield edge
        yield f"{' ' * gutter}{page.paint(arrow, fg='blue', bold=True)} {file}:{place.line}:{place.column}"
        yield edge
        yield from Frame(page.lines(file), here, gutter, page.paint).draw()
    yield from _notes(found, edge, page)
    if found.fix:
        yield edge
        yield from patch(changed, gutter, page.paint)


def _notes(found: Diagnostic, edge: str, page: Page) -> Iterator[str]:
    notes = []
    if found.fix:
        notes.append(("help", found.fix.title + (f" ({found.not_fixed})" if found.not_fixed else "")))
    elif found.not_fixed:
        notes.append(("note", f"not fixed: {found.not_fixed}"))
    if found.confidence == "low":
        notes.append(("note", "low confidence"))
    if notes:
        yield edge
    for word, text in notes:
        yield f"{edge[: edge.rindex('|')]}{'= '}{page.paint(word, bold=True)}: {text}"


def _marks(found: Diagnostic, colour: str) -> list[Mark]:
    """One mark a place, with the numbered events that happen there. The reported place always has one."""
    labels: dict[Span, list[tuple[Step, str]]] = {}
    for number, step in numbered(found.steps):
        label = f"{number}: {step.message}" if number else step.message
        labels.setdefault(step.span, []).append((step, label))
    marks = [_mark(span, events, colour) for span, events in labels.items()]
    if not any(mark.span.filename == found.span.filename and mark.span.line == found.span.line for mark in marks):
        marks.insert(0, Mark(found.span, "", True, colour))
    return marks


def _mark(span: Span, events: list[tuple[Step, str]], colour: str) -> Mark:
    grave = any(step.kind in _GRAVE for step, _ in events)
    skipped = all(step.kind == "skip" for step, _ in events)
    text = "; ".join(dict.fromkeys(label for _, label in events))
    return Mark(span, text, grave, colour if grave else "cyan" if skipped else "blue")
