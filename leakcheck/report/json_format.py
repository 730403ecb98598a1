"""A JSON list of findings, for other programs. Rows and columns count from 1."""

from __future__ import annotations

import json

from leakcheck.diagnostics import Diagnostic, Fix, Span, document
from leakcheck.report import Page

Json = dict[str, object]


def render(page: Page) -> str:
    """An empty list if nothing was found."""
    return json.dumps([finding(found) for found in page.diagnostics], indent=2, ensure_ascii=False) + "\n"


def finding(found: Diagnostic) -> Json:
    """One object of the list."""
    return {
        "code": found.code,
        "name": found.name,
        "severity": found.severity,
        "confidence": found.confidence,
        "message": found.message,
        "filename": found.span.filename,
        **_range(found.span),
        "steps": [
            {"message": step.message, "filename": step.span.filename, **_range(step.span)} for step in found.steps
        ],
        "fix": _fix(found.fix) if found.fix else None,
        "not_fixed": found.not_fixed,
        "url": document(found.code, found.name),
    }


def _range(span: Span) -> Json:
    return {
        "location": {"row": span.line, "column": span.column},
        "end_location": {"row": span.end_line, "column": span.end_column},
    }


def _fix(fix: Fix) -> Json:
    edits = [{"content": edit.content, **_range(edit.span)} for edit in fix.edits]
    return {"applicability": fix.applicability, "message": fix.title, "edits": edits}
