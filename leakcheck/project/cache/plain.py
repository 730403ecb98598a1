"""Reports as plain lists for the cache, and back. What does not have the expected shape raises ValueError."""

from __future__ import annotations

from typing import Any

from leakcheck.diagnostics import Diagnostic, Edit, Fix, Report, Span, Step

Plain = list[Any]


def plain_report(report: Report) -> Plain:
    """A report that carries no rewrite and no census."""
    found = [_plain_diagnostic(diagnostic) for diagnostic in report.diagnostics]
    return [report.filename, found, report.suppressed, report.error, list(report.hints)]


def report_of(plain: Any) -> Report:
    """The report that was written."""
    try:
        filename, found, suppressed, error, hints = plain
        return Report(filename, tuple(map(_diagnostic, found)), suppressed, error, tuple(hints))
    except (TypeError, ValueError) as problem:
        raise ValueError(f"no report: {problem}") from None


def _plain_diagnostic(found: Diagnostic) -> Plain:
    steps = [[step.kind, _plain_span(step.span), step.message] for step in found.steps]
    fix = found.fix and _plain_fix(found.fix)
    words = [found.code, found.name, found.severity, found.confidence, found.message]
    return [*words, _plain_span(found.span), steps, fix, found.not_fixed]


def _plain_fix(fix: Fix) -> Plain:
    return [fix.title, fix.applicability, [[_plain_span(edit.span), edit.content] for edit in fix.edits]]


def _diagnostic(plain: Any) -> Diagnostic:
    code, name, severity, confidence, message, span, steps, fix, not_fixed = plain
    told = tuple(Step(kind, _span(where), text) for kind, where, text in steps)
    return Diagnostic(code, name, severity, confidence, message, _span(span), told, fix and _fix(fix), not_fixed)


def _fix(plain: Any) -> Fix:
    title, applicability, edits = plain
    return Fix(title, applicability, tuple(Edit(_span(span), content) for span, content in edits))


def _plain_span(span: Span) -> Plain:
    return [span.filename, span.line, span.column, span.end_line, span.end_column]


def _span(plain: Any) -> Span:
    filename, line, column, end_line, end_column = plain
    return Span(filename, line, column, end_line, end_column)
