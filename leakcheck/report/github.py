"""Workflow commands that GitHub shows as annotations on the lines of a pull request."""

from __future__ import annotations

from leakcheck.diagnostics import Report
from leakcheck.report import Page
from leakcheck.report.places import Places
from leakcheck.report.record import Record, records, told


def render(page: Page) -> str:
    """One command for each file that could not be checked, then one a finding."""
    places = Places(page)
    commands = [_failure(report, places) for report in page.outcome.errors]
    commands += [_annotation(record) for record in records(page)]
    return "".join(f"{command}\n" for command in commands)


def _annotation(record: Record) -> str:
    found, span = record.found, record.found.span
    title = f"leakcheck ({found.code} {found.name})"
    place = f"file={_property(record.path)},line={span.line},col={span.column}"
    # GitHub ignores the columns of what spans lines
    end = f"endColumn={span.end_column}" if span.end_line == span.line else f"endLine={span.end_line}"
    text = "\n".join(filter(None, (f"{found.code} {found.message}", told(record))))
    return f"::{found.severity} title={_property(title)},{place},{end}::{_data(text)}"


def _failure(report: Report, places: Places) -> str:
    path = _property(places.path(report.filename))
    return f"::error title=leakcheck,file={path}::{_data(f'not checked: {report.error}')}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
