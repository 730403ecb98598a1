"""The Reviewdog Diagnostic Format: https://github.com/reviewdog/reviewdog/tree/master/proto/rdf."""

from __future__ import annotations

import json

from leakcheck.diagnostics import Diagnostic, Report, Span
from leakcheck.report import Page
from leakcheck.report.places import Places, utf8
from leakcheck.report.record import HOME, Record, records, rule_url, told

Json = dict[str, object]


def render(page: Page) -> str:
    """One DiagnosticResult."""
    places = Places(page)
    diagnostics = [_diagnostic(record, places) for record in records(page)]
    diagnostics += [_failure(report, places) for report in page.outcome.errors]
    result = {"source": {"name": "leakcheck", "url": HOME}, "severity": "WARNING", "diagnostics": diagnostics}
    return json.dumps(result, indent=2) + "\n"


def _diagnostic(record: Record, places: Places) -> Json:
    found = record.found
    result: Json = {
        "message": "\n".join(filter(None, (found.message, told(record)))),
        "location": {"path": record.path, "range": _range(found.span, places)},
        "severity": found.severity.upper(),
        "code": {"value": found.code, "url": rule_url(found)},
    }
    if suggestions := _suggestions(found, places):
        result["suggestions"] = suggestions
    return result


def _suggestions(found: Diagnostic, places: Places) -> list[Json]:
    """One that can be accepted by itself: a fix of several edits, or one that is not safe, is none."""
    if found.fix is None or found.fix.applicability != "safe" or len(found.fix.edits) != 1:
        return []
    return [{"range": _range(edit.span, places), "text": edit.content} for edit in found.fix.edits]


def _range(span: Span, places: Places) -> Json:
    """Columns are bytes of UTF-8, the end is exclusive."""
    start, end = places.columns(span, utf8)
    return {"start": {"line": span.line, "column": start}, "end": {"line": span.end_line, "column": end}}


def _failure(report: Report, places: Places) -> Json:
    return {
        "message": f"not checked: {report.error}",
        "location": {"path": places.path(report.filename)},
        "severity": "ERROR",
    }
