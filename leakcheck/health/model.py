"""What a check-up tells, as plain frozen data: the same for every format."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from leakcheck.diagnostics import Span
from leakcheck.models import Question
from leakcheck.records import dataclass

Status = Literal["pass", "fail", "none", "off"]  # `none`: nothing to judge; `off`: the settings turn its rules off


@dataclass(frozen=True, slots=True)
class Place:
    """Where the answer is no. `code` is empty for what no rule reports."""

    span: Span
    code: str
    message: str
    fix: str = ""  # the applicability of its fix, if there is one


@dataclass(frozen=True, slots=True)
class Answer:
    """A question, of how many, and where the answer is no."""

    question: Question
    total: int
    places: tuple[Place, ...]
    is_on: bool = True

    @property
    def status(self) -> Status:
        """One word for the line."""
        if not self.is_on:
            return "off"
        return "fail" if self.places else "pass" if self.total else "none"

    @property
    def right(self) -> int:
        """How many need no mending."""
        return self.total - len(self.places)

    @property
    def files(self) -> tuple[tuple[str, int], ...]:
        """Where most of it is, with counts."""
        counts = Counter(place.span.filename for place in self.places)
        return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be mended in one file."""

    filename: str
    errors: int  # places whose rule's severity is that
    high: int  # places, by the priority of their question
    medium: int
    low: int
    safe: int  # of all of them, those with a safe fix
    codes: tuple[tuple[str, int], ...]  # by rule, the most frequent first

    @property
    def rank(self) -> tuple[int, int, int, int, str]:
        """The file to mend first comes first: what is an error stops a service sooner than what is slow."""
        return -self.errors, -self.high, -self.medium, -self.low, self.filename


@dataclass(frozen=True, slots=True)
class Health:
    """The whole check-up: the answers in the order to work down, and the files in the order to mend."""

    answers: tuple[Answer, ...]
    work: tuple[Work, ...]
    files: int
    unchecked: int = 0  # files that could not be checked

    @property
    def passed(self) -> int:
        """How many questions are answered with yes."""
        return sum(answer.status == "pass" for answer in self.answers)

    @property
    def failed(self) -> int:
        """How many questions are answered with no."""
        return sum(answer.status == "fail" for answer in self.answers)
