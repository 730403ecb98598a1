"""JUnit's XML, which every CI server shows: a test suite a file, a failed test a finding."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from leakcheck.patterns import pattern
from leakcheck.report import Page
from leakcheck.report.places import Places
from leakcheck.report.record import Record, records, told

_NOT_XML = pattern("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(page: Page) -> str:
    """A suite that passed stands for a run that found nothing, as some servers take no tests for an error."""
    places = Places(page)
    suites = [_suite(path, list(group)) for path, group in groupby(records(page), key=lambda record: record.path)]
    suites += [_failure(places.path(report.filename), str(report.error)) for report in page.outcome.errors]
    suites = suites or [_passed()]
    root = Element("testsuites", {"name": "leakcheck", **_totals(suites)})
    root.extend(suites)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, "unicode") + "\n"


def _suite(path: str, found: list[Record]) -> Element:
    suite = Element("testsuite", name=_text(path), tests=str(len(found)), failures=str(len(found)), errors="0")
    for record in found:
        case = SubElement(suite, "testcase", dict(_case(record)))
        failure = SubElement(case, "failure", type=record.found.code, message=_text(record.found.message))
        failure.text = _text(f"{record.path}:{record.found.span.line}\n{told(record)}")
    return suite


def _case(record: Record) -> Iterator[tuple[str, str]]:
    span = record.found.span
    yield "classname", _text(".".join(filter(None, (_module(record.path), record.function))))
    yield "name", f"{record.found.code} {record.found.name} at line {span.line}"
    yield "file", _text(record.path)
    yield "line", str(span.line)
    yield "time", "0"


def _failure(path: str, why: str) -> Element:
    suite = Element("testsuite", name=_text(path), tests="1", failures="0", errors="1")
    case = SubElement(suite, "testcase", classname=_text(_module(path)), name="not checked", file=_text(path), time="0")
    SubElement(case, "error", type="not-checked", message=_text(why))
    return suite


def _passed() -> Element:
    suite = Element("testsuite", name="leakcheck", tests="1", failures="0", errors="0")
    SubElement(suite, "testcase", classname="leakcheck", name="no leaks found", time="0")
    return suite


def _totals(suites: list[Element]) -> dict[str, str]:
    return {key: str(sum(int(suite.attrib[key]) for suite in suites)) for key in ("tests", "failures", "errors")}


def _module(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".")


def _text(text: str) -> str:
    """Without the characters XML has no way to write."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
