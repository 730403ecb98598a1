"""Workflow commands that GitHub shows as annotations on the lines of a pull request."""

from __future__ import annotations

from leakcheck.diagnostics import Diagnostic, Report
from leakcheck.report import Page


def render(page: Page) -> str:
    """One command a finding, and one for each file that could not be checked."""
    commands = []
    for report in page.outcome.reports:
        if report.error:
            commands.append(_failure(report))
        commands += [_annotation(found) for found in report.diagnostics]
    return "".join(f"{command}\n" for command in commands)


def _annotation(found: Diagnostic) -> str:
    span = found.span
    title = f"leakcheck ({found.code} {found.name})"
    place = f"file={_property(span.filename)},line={span.line},col={span.column}"
    # GitHub ignores the columns of what spans lines
    end = f"endColumn={span.end_column}" if span.end_line == span.line else f"endLine={span.end_line}"
    steps = [f"line {step.span.line}: {step.message}" for step in found.steps]
    text = "\n".join([f"{found.code} {found.message}", *steps])
    return f"::{found.severity} title={_property(title)},{place},{end}::{_data(text)}"


def _failure(report: Report) -> str:
    return f"::error title=leakcheck,file={_property(report.filename)}::{_data(f'not checked: {report.error}')}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
