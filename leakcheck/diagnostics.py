"""What a check reports: plain frozen data, the same for every front end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Literal

from leakcheck.confidence import CONFIDENCES as CONFIDENCES
from leakcheck.confidence import Confidence as Confidence
from leakcheck.confidence import lowest as lowest
from leakcheck.patterns import pattern
from leakcheck.records import dataclass

if TYPE_CHECKING:
    from leakcheck.health.census import Census

Severity = Literal["error", "warning"]
Applicability = Literal["safe", "unsafe", "display-only"]
StepKind = Literal["acquire", "via", "branch", "raise", "release", "skip", "leak", "note"]

_LINE_END = pattern(r"\r\n|\r|\n")


def split_lines(text: str) -> list[str]:
    """Lines as Python counts them, without their ends; `str.splitlines` would also break at form feeds."""
    return _LINE_END.split(text) if "\r" in text else text.split("\n")


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of one file; lines and columns count from 1, in characters; the end is exclusive."""

    filename: str
    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered event on the path of a finding. `skip` marks a release that the path never reaches."""

    kind: StepKind
    span: Span
    message: str


def numbered(steps: Iterable[Step]) -> Iterator[tuple[int | None, Step]]:
    """Steps with their numbers, as every front end shows them; what is never reached has none."""
    number = 0
    for step in steps:
        number += step.kind != "skip"
        yield (None if step.kind == "skip" else number), step


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the text of `span` by `content`."""

    span: Span
    content: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A rewrite that mends a finding; `title` is a verb phrase."""

    title: str
    applicability: Applicability
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `span` is the acquire call (LK1xx) or the statement the rule is about, on one line."""

    code: str
    name: str
    severity: Severity
    confidence: Confidence
    message: str
    span: Span
    steps: tuple[Step, ...] = ()
    fix: Fix | None = None
    not_fixed: str | None = None

    @property
    def sort_key(self) -> tuple[str, int, int, str]:
        """Path order, then position, then code."""
        return (self.span.filename, self.span.line, self.span.column, self.code)


def document(code: str, name: str) -> str:
    """Where a rule's document lies in leakcheck's repository."""
    return f"rules/{code}-{name}.md"


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What fixes make of a file, and how many there were."""

    before: str
    after: str
    count: int


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome for one file: its findings in order, how many were suppressed, and why it could not be checked."""

    filename: str
    diagnostics: tuple[Diagnostic, ...] = ()
    suppressed: int = 0
    error: str | None = None
    hints: tuple[str, ...] = ()
    rewrite: Rewrite | None = None
    census: Census | None = None  # only where it was asked for
