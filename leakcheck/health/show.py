"""A check-up as text to read in a terminal, and as JSON for other programs."""

from __future__ import annotations

import json
from collections.abc import Iterator

from leakcheck.health.model import Answer, Health, Status, Work
from leakcheck.report import Paint, plain
from leakcheck.report.summary import counted

_COLOURS = {"pass": "green", "fail": "red"}
_WORDS: dict[Status, str] = {"pass": "pass", "fail": "FAIL", "none": "-", "off": "off"}
_MOST_FILES = 3  # named below a failed question
_MOST_WORK = 20  # files in the list of what to mend

Json = dict[str, object]


def as_text(health: Health, paint: Paint = plain) -> str:
    """The checklist, each failed line with what to do and where, then the files to mend first."""
    lines = [paint(_verdict(health), bold=True), ""]
    for answer in health.answers:
        lines += _answer(answer, paint)
    if health.work:
        lines += ["", paint("Mend first:", bold=True), *_work(health, paint)]
    return "".join(f"{line}\n" for line in lines)


def _verdict(health: Health) -> str:
    judged = health.passed + health.failed
    text = f"{health.passed} of {counted(judged, 'question')} pass in {counted(health.files, 'file')}"
    return text + (f", {counted(health.unchecked, 'file')} could not be checked." if health.unchecked else ".")


def _answer(answer: Answer, paint: Paint) -> Iterator[str]:
    question, status = answer.question, answer.status
    word = paint(f"{_WORDS[status]:<4}", fg=_COLOURS.get(status), bold=True)
    yield f"{word}  {question.priority:<6}  {question.title}: {_count(answer)}"
    if status == "fail":
        names = [f"{file} ({count})" for file, count in answer.files[:_MOST_FILES]]
        more = len(answer.files) - _MOST_FILES
        yield f"              {question.advice}{_mended(answer)}"
        yield f"              {', '.join(names)}" + (f" and {counted(more, 'more file')}" if more > 0 else "")


def _count(answer: Answer) -> str:
    noun = answer.question.noun
    if answer.status == "off":
        return "not checked by these settings"
    if answer.status == "none":
        return f"no {noun}"
    if answer.status == "pass":
        return f"{answer.right} of {answer.total} {noun}"
    return f"not so for {len(answer.places)} of {answer.total} {noun}"


def _mended(answer: Answer) -> str:
    """What `--fix` would do about it."""
    safe = sum(place.fix == "safe" for place in answer.places)
    return f"; --fix mends {safe} of these" if safe else ""


def _work(health: Health, paint: Paint) -> Iterator[str]:
    width = max(len(work.filename) for work in health.work[:_MOST_WORK])
    for number, work in enumerate(health.work[:_MOST_WORK], 1):
        codes = ", ".join(f"{code} {count}" for code, count in work.codes)
        fixes = f"; {work.safe} with --fix" if work.safe else ""
        yield f"{number:>3}. {paint(f'{work.filename:<{width}}', bold=True)}  {_urgency(work)}{fixes}  ({codes})"
    if len(health.work) > _MOST_WORK:
        yield f"     and {counted(len(health.work) - _MOST_WORK, 'more file')}"


def _urgency(work: Work) -> str:
    counts = (("high", work.high), ("medium", work.medium), ("low", work.low))
    return ", ".join(f"{count} {word}" for word, count in counts if count)


def as_json(health: Health) -> str:
    """One object; counts are of places, files in the order in which to mend them."""
    page = {
        "passed": health.passed,
        "failed": health.failed,
        "files": health.files,
        "questions": [_question(answer) for answer in health.answers],
        "mend_first": [_file(work) for work in health.work],
    }
    return json.dumps(page, indent=2, ensure_ascii=False) + "\n"


def _question(answer: Answer) -> Json:
    question = answer.question
    return {
        "name": question.name,
        "title": question.title,
        "priority": question.priority,
        "status": answer.status,
        "right": answer.right,
        "total": answer.total,
        "noun": question.noun,
        "rules": list(question.rules),
        "advice": question.advice,
        "files": [{"filename": file, "count": count} for file, count in answer.files],
        "places": [
            {
                "filename": place.span.filename,
                "location": {"row": place.span.line, "column": place.span.column},
                "code": place.code or None,
                "message": place.message,
                "fix": place.fix or None,
            }
            for place in answer.places
        ],
    }


def _file(work: Work) -> Json:
    return {
        "filename": work.filename,
        "high": work.high,
        "medium": work.medium,
        "low": work.low,
        "safe_fixes": work.safe,
        "codes": dict(work.codes),
    }
