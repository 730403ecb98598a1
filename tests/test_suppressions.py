"""Comments that silence findings."""

from __future__ import annotations

import pytest

from leakcheck.diagnostics import Diagnostic, Span
from leakcheck.suppressions import concern_us, read


def finding(code: str = "LK101", line: int = 1, end: int | None = None) -> Diagnostic:
    return Diagnostic(code, "name", "error", "high", "message", Span("a.py", line, 1, end or line, 9))


def apply(lines: list[str], found: list[Diagnostic]) -> tuple[tuple[Diagnostic, ...], int]:
    return read(lines).apply(found)


@pytest.mark.parametrize(
    ("comment", "silent"),
    [
        ("# noqa", True),
        ("# NoQA", True),
        ("# noqa: LK101", True),
        ("# noqa:LK101", True),
        ("# noqa: E501, LK101", True),
        ("# noqa: E501 LK101 because", True),
        ("# noqa: lk1", True),
        ("# noqa: E501", False),
        ("# noqa: LK102", False),
        ("# type: ignore # noqa: LK101", True),
        ("# leakcheck: ignore", True),
        ("# leakcheck: ignore[LK101] the pool owns it", True),
        ("#leakcheck:ignore[LK102, LK101]", True),
        ("# leakcheck: ignore[LK102]", False),
        ("# leakcheck: ignored by hand", False),
        ("# nothing", False),
    ],
)
def test_comment(comment: str, silent: bool) -> None:
    kept, suppressed = apply([f"connect()  {comment}"], [finding()])
    assert (kept == (), suppressed) == (silent, int(silent))


def test_only_comments_count() -> None:
    lines = ['conn = connect("# noqa")', 'x = """', "# noqa", '"""']
    assert apply(lines, [finding(), finding(line=3)])[1] == 0


def test_any_line_of_the_call() -> None:
    lines = ["conn = connect(", "    dsn,", ")  # noqa: LK101", "conn = connect()"]
    assert apply(lines, [finding(end=3), finding(line=4)]) == ((finding(line=4),), 1)


def test_skip_file() -> None:
    assert apply(["connect()", "", "# leakcheck: skip-file"], [finding(), finding("LK102")]) == ((), 2)
    assert apply(["connect()", "'# leakcheck: skip-file'"], [finding()])[1] == 0


def test_text_that_cannot_be_tokenized() -> None:
    assert apply(["connect()  # noqa", "("], [finding()]) == ((), 1)


def test_lines_with_their_ends() -> None:
    assert apply(["x = 1\r\n", "connect()  # noqa\r\n"], [finding(line=2)]) == ((), 1)


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("x = 1  # noqa", True),
        ("x = 1  # NOQA: e501, lk2", True),
        ("x = 1  # noqa: F401\ny = 2  # noqa: LK101", True),
        ("# LeakCheck: skip-file", True),
        ("x = 1  # noqa: F401\nimport y  # noqa:E402,F401", False),
        ("talk()  # about leaks", False),
    ],
)
def test_comments_for_other_tools_need_not_be_read(text: str, ours: bool) -> None:
    assert concern_us(text) is ours
