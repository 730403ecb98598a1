"""Findings and pages made by hand, for the tests of formats."""

from __future__ import annotations

from leakcheck.diagnostics import Diagnostic, Fix, Report, Span, Step, StepKind, split_lines
from leakcheck.report import Page
from leakcheck.runner import Outcome

ORDERS = """\
def order(order_id):
    conn = psycopg.connect(DSN)
    cur = conn.cursor()
    cur.execute(SQL, (order_id,))
    conn.close()
    return order_id





def rest(): ...
"""
MESSAGE = "`conn` from `psycopg.connect` is not closed if `cur.execute` raises"


def span(line: int, start: int, end: int, filename: str = "app/orders.py", end_line: int = 0) -> Span:
    return Span(filename, line, start, end_line or line, end)


def step(kind: StepKind, place: Span, message: str) -> Step:
    return Step(kind, place, message)


STEPS = (
    step("acquire", span(2, 12, 32), "opened here"),
    step("raise", span(4, 5, 34), "if this raises, the next lines are skipped"),
    step("skip", span(5, 5, 17), "never reached"),
)


def finding(*steps: Step, at: Span = STEPS[0].span, fix: Fix | None = None, why: str | None = None) -> Diagnostic:
    return Diagnostic("LK102", "connection-not-closed-on-error", "error", "high", MESSAGE, at, steps, fix, why)


def page(*found: Diagnostic, source: str = ORDERS, quiet: bool = True) -> Page:
    reports = (Report("app/orders.py", found), Report("broken.py", error="line 3: bad input"))
    return Page(Outcome(reports, 118, 97), lambda _: split_lines(source), quiet=quiet)
