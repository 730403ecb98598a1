"""GitLab's Code Quality report: a JSON list, of which merge requests show what is new by its fingerprint."""

from __future__ import annotations

import json

from leakcheck.diagnostics import Severity
from leakcheck.report import Page
from leakcheck.report.places import Places
from leakcheck.report.record import Record, records

_SEVERITIES: dict[Severity, str] = {"error": "major", "warning": "minor"}


def render(page: Page) -> str:
    """An empty list if nothing was found. A file that could not be checked is an entry as well."""
    places = Places(page)
    issues = [_issue(record) for record in records(page)]
    issues += [_failure(places.path(report.filename), str(report.error)) for report in page.outcome.errors]
    return json.dumps(issues, indent=2) + "\n"


def _issue(record: Record) -> dict[str, object]:
    found = record.found
    return {
        "description": f"{found.code} {found.message}",
        "check_name": found.name,
        "fingerprint": record.fingerprint,
        "severity": _SEVERITIES[found.severity],
        "location": {"path": record.path, "lines": {"begin": found.span.line, "end": found.span.end_line}},
    }


def _failure(path: str, why: str) -> dict[str, object]:
    return {
        "description": f"leakcheck: not checked: {why}",
        "check_name": "not-checked",
        "fingerprint": f"not-checked:{path}",
        "severity": "critical",
        "location": {"path": path, "lines": {"begin": 1}},
    }
