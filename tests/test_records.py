"""Records behave as the dataclasses they stand for."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from functools import cached_property

import pytest

from leakcheck import records


@records.dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch."""

    start: int
    end: int = 9
    note: str = dataclasses.field(default="", compare=False)


@records.dataclass(frozen=True)
class Text:
    """It knows more than it was told."""

    words: tuple[str, ...]

    @cached_property
    def first(self) -> str:
        return self.words[0]


@records.dataclass(slots=True)
class Draft:
    """It changes."""

    lines: list[str] = dataclasses.field(default_factory=list)


@records.dataclass(eq=False)
class Site(Draft):
    """It has what its parent has, and is compared by that."""

    name: str = "a"

    def __post_init__(self) -> None:
        self.name = self.name.upper()


@records.dataclass(eq=False)
class Only:
    """One is not another."""


@records.dataclass(frozen=True, slots=True)
class Never:
    """No instance of it is made but by a copy."""

    value: int


def test_records_are_filled_as_dataclasses_are() -> None:
    assert Span(1) == Span(start=1, end=9)
    assert Span(1, note="x").note == "x"
    assert Draft(["x"]).lines == ["x"]
    assert Draft().lines == []
    assert Draft().lines is not Draft().lines
    assert (Site().lines, Site(["x"], name="b").name) == ([], "B")
    for wrong in (dict[str, int](), {"start": 1, "middle": 2}):
        with pytest.raises(TypeError, match=r"__init__\(\)"):
            Span(**wrong)
    with pytest.raises(AttributeError):
        object.__setattr__(Span(1), "other", 1)


def test_records_are_compared_as_dataclasses_are() -> None:
    assert Span(1) == Span(1, note="x") != Span(2)
    assert Span(1) != (1, 9, "")
    assert len({Span(1), Span(1, note="x"), Span(2)}) == 2
    assert sorted([Span(2), Span(1, 3), Span(1, 2)]) == [Span(1, 2), Span(1, 3), Span(2)]
    assert Span(1) <= Span(1) < Span(2)
    assert not Span(1) >= Span(2)
    assert not Span(1) > Span(1)
    assert Draft() == Draft() != Draft(["x"])
    assert Site() == Site(name="b") != Draft()
    assert len({Only(), Only()}) == 2
    with pytest.raises(TypeError):
        hash(Draft())
    with pytest.raises(TypeError):
        Text(()) < Text(())  # type: ignore[operator]  # noqa: B015


def test_records_are_dataclasses_to_others() -> None:
    assert dataclasses.replace(Span(1, note="x"), end=2) == Span(1, 2)
    assert [field.name for field in dataclasses.fields(Span)] == ["start", "end", "note"]
    assert dataclasses.asdict(Span(1)) == {"start": 1, "end": 9, "note": ""}
    assert repr(Span(1, note="x")) == "Span(start=1, end=9, note='x')"
    match Span(1, 2):
        case Span(start, end):
            assert (start, end) == (1, 2)


@pytest.mark.parametrize("record", [Span(1, note="x"), Text(("a", "b")), Draft(["x"])])
def test_records_go_from_process_to_process(record: object) -> None:
    assert pickle.loads(pickle.dumps(record)) == record == copy.copy(record)
    assert repr(copy.deepcopy(record)) == repr(record)


def test_copies_can_come_first() -> None:
    one, other = (Never.__new__(Never) for _ in range(2))
    for each in one, other:
        object.__setattr__(each, "value", 1)
    assert one == other
    assert len({one, other}) == 1
    assert Text(("a",)).first == "a"


def test_methods_that_were_looked_up_before_they_were_made_serve() -> None:
    @records.dataclass(frozen=True)
    class Late:
        """Nobody has called its methods yet."""

        value: int

    initialise, count = Late.__init__, Late.__hash__
    late = Late(1)
    initialise(late, value=2)
    assert hash(late) == count(late) == hash(Late(2))
    assert late.value == 2
