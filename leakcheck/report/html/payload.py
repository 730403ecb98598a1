"""What the HTML report shows, as plain data with short keys: there may be thousands of findings."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from leakcheck import __version__
from leakcheck.diagnostics import Fix, Span, Step
from leakcheck.models import Rule
from leakcheck.report import Page
from leakcheck.report.patch import changes
from leakcheck.report.places import Places, repository, utf16
from leakcheck.report.record import Record, records, rule_url
from leakcheck.settings import rules

if TYPE_CHECKING:
    from leakcheck.health import Health
    from leakcheck.health.lifelines import Lifelines
    from leakcheck.runner import Outcome

_CONTEXT = 4  # lines kept around every step
_WIDEST = 400  # characters of a line
_MOST_CHANGES = 120  # lines of a fix

Json = dict[str, object]


def payload(page: Page) -> Json:
    """The whole report."""
    return _Payload(page).json()


class _Payload:
    """Files are referred to by number; of their lines only those that are shown are taken along."""

    def __init__(self, page: Page) -> None:
        self._page, self._places = page, Places(page)
        self._files: dict[str, int] = {}
        self._code: dict[int, dict[int, str]] = {}

    def json(self) -> Json:
        outcome = self._page.outcome
        findings = [self._finding(record) for record in records(self._page)]
        health = _examined(outcome)
        known = rules()
        codes = {found.code for found in self._page.diagnostics} | {
            code for code, rule in known.items() if rule.default
        }
        return {
            "title": f"{os.path.basename(repository()) or 'Connection'} · connection audit",
            "version": __version__,
            "made": _now().strftime("%Y-%m-%d %H:%M UTC"),
            "checked": outcome.files - len(outcome.errors),
            "without": outcome.without,
            "errors": [[self._places.path(report.filename), str(report.error)] for report in outcome.errors],
            "rules": {code: _rule(known[code]) for code in sorted(codes) if code in known},
            "findings": findings,
            "health": self._health(health) if health else None,
            "functions": list(self._functions()),
            "files": list(self._files),
            "code": self._code,
        }

    def _finding(self, record: Record) -> Json:
        found = record.found
        steps = [self._step(event.step, event.number, event.depth) for event in record.events]
        return {
            "c": found.code,
            "s": found.severity,
            "q": found.confidence,
            "m": found.message,
            "f": self._file(found.span.filename),
            "l": found.span.line,
            "a": found.span.column,
            "fn": record.function,
            "steps": steps or [self._step(Step("note", found.span, found.message), 1, 0)],
            "fix": self._fix(found.fix, found.span) if found.fix else None,
            "why": found.not_fixed,
        }

    def _step(self, step: Step, number: int | None, depth: int) -> Json:
        span = step.span
        start, end = self._places.columns(span, utf16)
        if span.end_line > span.line:
            end = _WIDEST
        file = self._take(span)
        place = {"f": file, "l": span.line, "a": start, "b": end}
        return {"n": number or 0, "k": step.kind, "t": step.message, "d": depth, **place}

    def _take(self, span: Span) -> int:
        """Take along the lines around a step."""
        file = self._file(span.filename)
        lines = self._page.lines(span.filename)
        kept = self._code.setdefault(file, {})
        for number in range(max(1, span.line - _CONTEXT), min(len(lines), span.line + _CONTEXT) + 1):
            text = lines[number - 1]
            kept[number] = text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"
        return file

    def _fix(self, fix: Fix, span: Span) -> Json:
        lines = self._page.lines(span.filename)
        patch: list[tuple[int, str, str]] = []
        for number, sign, text in changes(fix, lines)[:_MOST_CHANGES]:
            if patch and sign == "-" and number > patch[-1][0] + 1:
                patch.append((0, "", ""))
            patch.append((number, sign, text[:_WIDEST]))
        return {"title": fix.title, "applicability": fix.applicability, "patch": patch}

    def _health(self, health: Health) -> Json:
        answers = [
            {
                "title": answer.question.title,
                "status": answer.status,
                "right": answer.right,
                "total": answer.total,
                "noun": answer.question.noun,
                "advice": answer.question.advice,
                "rules": answer.question.rules,
            }
            for answer in health.answers
        ]
        work = [
            {
                "f": self._file(item.filename),
                "high": item.high,
                "medium": item.medium,
                "low": item.low,
                "safe": item.safe,
            }
            for item in health.work
        ]
        return {"passed": health.passed, "failed": health.failed, "answers": answers, "work": work}

    def _functions(self) -> Iterator[Json]:
        for report in self._page.outcome.reports:
            for function in report.census.functions if report.census else ():
                yield {
                    "f": self._file(report.filename),
                    "name": function.name,
                    "a": function.first,
                    "b": function.last,
                    "lives": _lives(function),
                }

    def _file(self, filename: str) -> int:
        return self._files.setdefault(self._places.path(filename), len(self._files))


def _examined(outcome: Outcome) -> Health | None:
    """The check-up, where the run was made for one."""
    if outcome.settings is None or not outcome.settings.census:
        return None
    from leakcheck.health import examine

    return examine(outcome, outcome.settings)


def _lives(function: Lifelines) -> list[Json]:
    return [
        {
            "l": life.line,
            "end": life.end,
            "callee": life.callee,
            "name": life.name,
            "calls": life.calls,
            "releases": life.releases,
            "fate": life.fate,
        }
        for life in function.lives
    ]


def _rule(rule: Rule) -> Json:
    """With what the document says first: what it finds, and why that matters."""
    text = re.split(r"^## (?!What it does|Why\b)", rule.text, maxsplit=1, flags=re.MULTILINE)[0]
    paragraphs = [" ".join(part.split()) for part in re.sub(r"^#.*$", "", text, flags=re.MULTILINE).split("\n\n")]
    return {
        "name": rule.name,
        "summary": rule.summary,
        "severity": rule.severity,
        "text": [part for part in paragraphs if part and not part.startswith("```")],
        "url": rule_url(rule),
    }


def _now() -> datetime:
    """The time of the report; the one that is set for builds to be reproducible, if there is one."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    return datetime.fromtimestamp(int(epoch), timezone.utc) if epoch else datetime.now(timezone.utc)
