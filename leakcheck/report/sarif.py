"""SARIF 2.1.0: https://docs.oasis-open.org/sarif/sarif/v2.1.0/, within what GitHub's code scanning accepts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from leakcheck import __version__
from leakcheck.diagnostics import CONFIDENCES, Edit, Report, Span, StepKind
from leakcheck.models import Rule
from leakcheck.report import Page
from leakcheck.report.places import Places, utf16
from leakcheck.report.record import HOME, Event, Record, records, rule_url
from leakcheck.settings import rules

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MOST_RESULTS = 25_000  # in a run; GitHub refuses a file with more
MOST_TAGS = 10  # of a rule; GitHub shows no more
ROOT = "%SRCROOT%"

Json = dict[str, object]

# SARIF's words for what happens at a step.
_KINDS: dict[StepKind, list[str]] = {
    "acquire": ["acquire", "resource"],
    "via": ["return", "function"],
    "branch": ["branch"],
    "raise": ["danger"],
    "release": ["release", "resource"],
    "skip": ["release", "resource", "unreachable"],
    "leak": ["exit", "resource"],
}


def render(page: Page) -> str:
    """One log with one run."""
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_Run(page).json()]}
    return json.dumps(log, indent=1) + "\n"


class _Run:
    """What the parts of a run refer to by number: rules and files."""

    def __init__(self, page: Page) -> None:
        self._page, self._places = page, Places(page)
        self._records, self._left_out = _most_important(list(records(page)))
        self._rules = sorted({record.found.code for record in self._records})
        self._artifacts: dict[str, int] = {}  # by URI, in the order of their first mention

    def json(self) -> Json:
        results = [self._result(record) for record in self._records]
        failures = [self._failure(report) for report in self._page.outcome.errors]
        notes = [*failures, *([_left_out(self._left_out)] if self._left_out else [])]
        return {
            "tool": {"driver": self._driver()},
            "invocations": [{"executionSuccessful": not failures, "toolExecutionNotifications": notes}],
            "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the repository."}}},
            "artifacts": [
                {"location": self._artifact(uri), "sourceLanguage": "python"} for uri in list(self._artifacts)
            ],
            "columnKind": "utf16CodeUnits",
            "results": results,
        }

    def _driver(self) -> Json:
        return {
            "name": "leakcheck",
            "semanticVersion": __version__,
            "informationUri": HOME,
            "rules": [_rule(rules()[code]) for code in self._rules],
        }

    def _result(self, record: Record) -> Json:
        found = record.found
        result: Json = {
            "ruleId": found.code,
            "ruleIndex": self._rules.index(found.code),
            "level": found.severity,
            "message": {"text": _message(record)},
            "locations": [self._location(found.span, function=record.function)],
            "partialFingerprints": {"leakcheckIdentity/v1": record.identity},
            "properties": {"confidence": found.confidence},
        }
        if record.events:
            result["relatedLocations"] = [
                {"id": index, **self._location(event.step.span, event.step.message)}
                for index, event in enumerate(record.events, 1)
            ]
            result["codeFlows"] = [self._code_flow(record.events)]
        if found.fix and found.fix.applicability != "display-only":
            description = {"text": f"{found.fix.title} ({found.fix.applicability})"}
            result["fixes"] = [{"description": description, "artifactChanges": list(self._changes(found.fix.edits))}]
        return result

    def _code_flow(self, events: Sequence[Event]) -> Json:
        """The path; what it never reaches is told among the related locations only."""
        reached = [event for event in events if event.number]
        steps = [self._thread_flow_location(event) for event in reached or events]
        return {"threadFlows": [{"locations": steps}]}

    def _thread_flow_location(self, event: Event) -> Json:
        step = event.step
        place: Json = {"location": self._location(step.span, step.message), "nestingLevel": event.depth}
        if event.number:
            place["executionOrder"] = event.number
        if step.kind in _KINDS:
            place["kinds"] = _KINDS[step.kind]
        place["importance"] = "essential" if step.kind in ("acquire", "raise", "leak") else "important"
        return place

    def _location(self, span: Span, message: str = "", function: str = "") -> Json:
        uri = self._places.uri(span.filename)
        place: Json = {"physicalLocation": {"artifactLocation": self._artifact(uri), "region": self._region(span)}}
        if function:
            place["logicalLocations"] = [{"fullyQualifiedName": function, "kind": "function"}]
        if message:
            place["message"] = {"text": _plain(message)}
        return place

    def _artifact(self, uri: str) -> Json:
        index = self._artifacts.setdefault(uri, len(self._artifacts))
        return {"uri": uri, "index": index} | ({} if uri.startswith("file:") else {"uriBaseId": ROOT})

    def _region(self, span: Span) -> Json:
        start, end = self._places.columns(span, utf16)
        return {"startLine": span.line, "startColumn": start, "endLine": span.end_line, "endColumn": end}

    def _changes(self, edits: Iterable[Edit]) -> Iterator[Json]:
        by_file: dict[str, list[Json]] = {}
        for edit in edits:
            replacement = {"deletedRegion": self._region(edit.span), "insertedContent": {"text": edit.content}}
            by_file.setdefault(self._places.uri(edit.span.filename), []).append(replacement)
        for uri, replacements in by_file.items():
            yield {"artifactLocation": self._artifact(uri), "replacements": replacements}

    def _failure(self, report: Report) -> Json:
        where = {"physicalLocation": {"artifactLocation": self._artifact(self._places.uri(report.filename))}}
        return {"level": "error", "message": {"text": f"not checked: {report.error}"}, "locations": [where]}


def _most_important(found: list[Record]) -> tuple[list[Record], int]:
    """As many as may be in a run, errors and what is surest first where some must go; and how many went."""
    if len(found) <= MOST_RESULTS:
        return found, 0

    def weight(index: int) -> tuple[bool, int]:
        return found[index].found.severity != "error", -CONFIDENCES.index(found[index].found.confidence)

    kept = sorted(sorted(range(len(found)), key=weight)[:MOST_RESULTS])
    return [found[index] for index in kept], len(found) - MOST_RESULTS


def _left_out(number: int) -> Json:
    text = f"{number} findings of less weight are left out: a run may have {MOST_RESULTS} results."
    return {"level": "warning", "message": {"text": text}}


def _message(record: Record) -> str:
    """The finding, then the path as links to the related locations."""
    links = [f"[{_plain(event.step.message)}]({index})" for index, event in enumerate(record.events, 1)]
    return _plain(record.found.message) + (f": {', '.join(links)}." if links else ".")


def _plain(text: str) -> str:
    """Brackets of the text itself must not look like a link."""
    return re.sub(r"([\\\[\]])", r"\\\1", text)


def _rule(rule: Rule) -> Json:
    """Its document is the help."""
    summary = rule.summary[:1].upper() + rule.summary[1:] + "."
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": summary},
        "fullDescription": {"text": _first_paragraph(rule.text) or summary},
        "help": {"text": rule.text, "markdown": rule.text},
        "helpUri": rule_url(rule),
        "defaultConfiguration": {"level": rule.severity, "enabled": rule.default},
        "properties": {
            "precision": rule.precision,
            "problem.severity": rule.severity,
            "tags": [_tag(tag) for tag in rule.tags][:MOST_TAGS],
        },
    }


def _first_paragraph(text: str) -> str:
    """What stands first in the document below its first heading."""
    paragraphs = (paragraph for paragraph in text.split("\n\n") if not paragraph.lstrip().startswith("#"))
    return " ".join(next(paragraphs, "").split())


def _tag(tag: str) -> str:
    """`CWE-772` as code scanning writes it."""
    return f"external/cwe/{tag.lower()}" if tag.startswith("CWE-") else tag
