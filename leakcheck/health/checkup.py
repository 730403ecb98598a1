"""From the reports of a run to its health: which questions are answered with no, where, and what to mend first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from leakcheck.health.census import Census
from leakcheck.health.model import Answer, Health, Place, Work
from leakcheck.models import Question
from leakcheck.schema import questions_of
from leakcheck.settings import rules
from leakcheck.shipped import table

if TYPE_CHECKING:
    from leakcheck.diagnostics import Report
    from leakcheck.runner import Outcome
    from leakcheck.settings import Settings


def questions() -> tuple[Question, ...]:
    """The checklist."""
    return questions_of(table("health.toml"), "health.toml")


def prepared(settings: Settings) -> Settings:
    """Settings for a run that is to be examined: with a census, and with the rules that are off by default."""
    asked = tuple(rule for question in questions() for rule in question.rules)
    extra = () if settings.select else tuple(rule for rule in asked if not rules()[rule].default)
    return settings._replace(extend_select=settings.extend_select + extra, census=True)


def examine(outcome: Outcome, settings: Settings) -> Health:
    """The check-up of a run whose reports hold a census. Failed questions come first, each group in its order."""
    reports = [report for report in outcome.reports if not report.error]
    answers = [_answer(question, reports, settings) for question in questions()]
    answers.sort(key=lambda answer: answer.status != "fail")
    work = sorted(_work(answers), key=lambda work: work.rank)
    return Health(tuple(answers), tuple(work), outcome.files, len(outcome.errors))


def _answer(question: Question, reports: list[Report], settings: Settings) -> Answer:
    places = tuple(place for report in reports for place in _places(question, report))
    counted = question.of or question.right
    total: int = sum(getattr(report.census or Census(), counted) for report in reports)
    total = total + len(places) if question.right else max(total, len(places))
    is_on = not question.rules or any(settings.selects(rule) for rule in question.rules)
    return Answer(question, total, places if is_on else (), is_on)


def _places(question: Question, report: Report) -> Iterator[Place]:
    for found in report.diagnostics:
        if found.code in question.rules:
            yield Place(found.span, found.code, found.message, found.fix.applicability if found.fix else "")
    if question.outside and report.census is not None:
        yield from (Place(span, "", "released by hand") for span in report.census.outside)


def _work(answers: list[Answer]) -> Iterator[Work]:
    """Everything that is to be mended, by file; what no rule reports is no work of its own."""
    by_file: dict[str, list[tuple[str, Place]]] = {}
    for answer in answers:
        for place in answer.places:
            if place.code:
                by_file.setdefault(place.span.filename, []).append((answer.question.priority, place))
    for filename, places in by_file.items():
        urgency = Counter(priority for priority, _ in places)
        codes = Counter(place.code for _, place in places)
        yield Work(
            filename,
            sum(rules()[place.code].severity == "error" for _, place in places),
            urgency["high"],
            urgency["medium"],
            urgency["low"],
            sum(place.fix == "safe" for _, place in places),
            tuple(sorted(codes.items(), key=lambda item: (-item[1], item[0]))),
        )
