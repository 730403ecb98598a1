"""The formats, on findings made by hand."""

from __future__ import annotations

import json
from textwrap import dedent

from leakcheck.diagnostics import Edit, Fix, Step
from leakcheck.report import Page, coloured, render
from leakcheck.report.summary import statistics
from leakcheck.runner import Outcome
from tests.pages import MESSAGE, STEPS, finding, page, span, step


def frame(source: str, *steps: Step) -> str:
    """What is drawn below the place."""
    text = render("full", page(finding(*steps, at=steps[0].span), source=source))
    return "\n".join(text.splitlines()[3:-1])


def test_full() -> None:
    assert render("full", page(finding(*STEPS), quiet=False)) == dedent(f"""\
        LK102 {MESSAGE}
         --> app/orders.py:2:12
          |
        2 |     conn = psycopg.connect(DSN)
          |            -------------------- 1: opened here
        3 |     cur = conn.cursor()
        4 |     cur.execute(SQL, (order_id,))
          |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 2: if this raises, the next lines are skipped
        5 |     conn.close()
          |     ------------ never reached

        Found 1 leak in 1 file (checked 117 files, 97 without database code).
        1 file could not be checked.
        Run leakcheck --explain LK102 for more.
    """)


def test_full_elides_and_changes_files() -> None:
    steps = (
        *STEPS[:1],
        step("via", span(1, 5, 10, "app/db.py"), "passed on"),
        step("leak", span(12, 1, 4), "left open"),
    )
    assert render("full", page(finding(*steps, why="conn escapes at line 12"))) == dedent(f"""\
        LK102 {MESSAGE}
          --> app/orders.py:2:12
           |
         2 |     conn = psycopg.connect(DSN)
           |            -------------------- 1: opened here
        ...
        12 | def rest(): ...
           | ^^^ 3: left open
           |
          ::: app/db.py:1:5
           |
         1 | def order(order_id):
           |     ----- 2: passed on
           |
           = note: not fixed: conn escapes at line 12

    """)


def test_several_marks_on_a_line() -> None:
    source = "a = connect(); b = a.cursor(); b.execute()"
    steps = (
        step("acquire", span(1, 5, 14), "opened"),
        step("via", span(1, 20, 30), "cursor"),
        step("raise", span(1, 32, 43), "raises"),
    )
    assert frame(source, *steps) == dedent("""\
        1 | a = connect(); b = a.cursor(); b.execute()
          |     ---------      ----------  ^^^^^^^^^^^ 3: raises
          |     |              2: cursor
          |     1: opened""")


def test_overlapping_and_equal_marks() -> None:
    place = span(1, 8, 17)
    steps = (
        step("acquire", place, "opened"),
        step("note", place, "again in the next round"),
        step("leak", span(1, 1, 27), "lost"),
    )
    assert frame("return connect().execute()", *steps) == dedent("""\
        1 | return connect().execute()
          |        --------- 1: opened; 2: again in the next round
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^ 3: lost""")


def test_wide_characters_tabs_and_escapes() -> None:
    steps = (step("acquire", span(1, 10, 16), "opened"),)
    assert frame("\t名前\x1b = connect(é)", step("acquire", span(1, 8, 15), "opened")) == dedent("""\
        1 |     名前␛ = connect(é)
          |             ------- 1: opened""")
    assert "\x1b" not in frame("\x1b[31m = connect()", *steps)


def test_a_call_over_several_lines() -> None:
    assert frame("conn = connect(\n    dsn,\n)", step("acquire", span(1, 8, 2, end_line=3), "opened")) == dedent("""\
        1 | conn = connect(
          |        -------- 1: opened""")


def test_a_very_long_line_is_cut() -> None:
    source = f"x = '{'a' * 1_000_000}'; conn = connect(); y = '{'b' * 1000}'"
    start = source.index("connect") + 1
    code, underline = frame(source, step("acquire", span(1, start, start + 9), "opened")).splitlines()
    assert max(len(code), len(underline)) < 140
    assert code.index("connect()") == underline.index("-")


def test_a_long_underline_has_its_label_below() -> None:
    lines = frame("x" * 110, step("leak", span(1, 1, 111), "left open here, without having been closed")).splitlines()
    assert lines[-1] == "  | 1: left open here, without having been closed"


def test_a_file_that_is_gone() -> None:
    assert frame("", step("acquire", span(7, 1, 4), "opened")) == "7 | 1: opened"


def test_colours_do_not_move_anything() -> None:
    plain_page = page(finding(*STEPS))
    import click

    text = render("full", Page(plain_page.outcome, plain_page.lines, coloured, True))
    assert "\x1b[" in text
    assert click.unstyle(text) == render("full", plain_page)


def test_concise() -> None:
    assert render("concise", page(finding(*STEPS))) == f"app/orders.py:2:12: LK102 {MESSAGE}\n"


def test_nothing_found() -> None:
    empty = Page(Outcome((), 3, 1), lambda _: ())
    assert render("concise", empty) == "No leaks found (checked 3 files, 1 without database code).\n"
    assert json.loads(render("json", empty)) == []
    assert render("github", empty) == ""


def test_json() -> None:
    fix = Fix("close it", "safe", (Edit(span(2, 1, 1), "with "),))
    without, fixed = json.loads(render("json", page(finding(*STEPS[:1]), finding(fix=fix))))
    place = {"location": {"row": 2, "column": 12}, "end_location": {"row": 2, "column": 32}}
    assert without == {
        "code": "LK102",
        "name": "connection-not-closed-on-error",
        "severity": "error",
        "confidence": "high",
        "message": MESSAGE,
        "filename": "app/orders.py",
        **place,
        "steps": [{"message": "opened here", "filename": "app/orders.py", **place}],
        "fix": None,
        "not_fixed": None,
        "url": "rules/LK102-connection-not-closed-on-error.md",
    }
    spot = {"row": 2, "column": 1}
    edits = [{"content": "with ", "location": spot, "end_location": spot}]
    assert fixed["fix"] == {"applicability": "safe", "message": "close it", "edits": edits}


def test_github() -> None:
    second, first = render("github", page(finding(*STEPS[:1], at=span(2, 1, 3, "a,b:100%.py")))).splitlines()
    assert first == (
        "::error title=leakcheck (LK102 connection-not-closed-on-error),"
        "file=a%2Cb%3A100%25.py,line=2,col=1,endColumn=3::"
        f"LK102 {MESSAGE}%0A1. app/orders.py, line 2: opened here"
    )
    assert second == "::error title=leakcheck,file=broken.py::not checked: line 3: bad input"


def test_statistics() -> None:
    found = page(finding(), finding())
    assert statistics(found) == "2  LK102  connection-not-closed-on-error\n\n"
    counted = [{"count": 2, "code": "LK102", "name": "connection-not-closed-on-error"}]
    assert json.loads(statistics(found, as_json=True)) == counted


def test_the_fix_has_the_gutter_of_the_frame() -> None:
    fix = Fix("close it", "safe", (Edit(span(9, 1, 1, end_line=11), "nine\nten\n"),))
    source = "\n" * 8 + "one\ntwo\nthree\n"
    text = render(
        "full", page(finding(step("acquire", span(9, 1, 3), "here"), at=span(9, 1, 3), fix=fix), source=source)
    )
    assert text.splitlines()[3:-1] == [
        " 9 | one",
        "   | -- 1: here",
        "   |",
        "   = help: close it",
        "   |",
        " 9 - one",
        "10 - two",
        " 9 + nine",
        "10 + ten",
    ]
