"""Logging commands that Azure Pipelines shows as issues of the build."""

from __future__ import annotations

from leakcheck.diagnostics import Report
from leakcheck.report import Page
from leakcheck.report.places import Places
from leakcheck.report.record import Record, records

_ESCAPES = {"%": "%AZP25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTIES = {**_ESCAPES, ";": "%3B", "]": "%5D"}


def render(page: Page) -> str:
    """One command a finding, and one for each file that could not be checked."""
    places = Places(page)
    commands = [_issue(record) for record in records(page)]
    commands += [_failure(report, places) for report in page.outcome.errors]
    return "".join(f"{command}\n" for command in commands)


def _issue(record: Record) -> str:
    found = record.found
    place = f"sourcepath={_property(record.path)};linenumber={found.span.line};columnnumber={found.span.column}"
    code = f"code={found.code}"
    return f"##vso[task.logissue type={found.severity};{place};{code};]{_escape(found.message, _ESCAPES)}"


def _failure(report: Report, places: Places) -> str:
    place = f"sourcepath={_property(places.path(report.filename))}"
    return f"##vso[task.logissue type=error;{place};]{_escape(f'not checked: {report.error}', _ESCAPES)}"


def _property(text: str) -> str:
    return _escape(text, _IN_PROPERTIES)


def _escape(text: str, escapes: dict[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in text)
