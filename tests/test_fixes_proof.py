"""Rewrites are run, before and after, with a fault at every call: they must end the same and do the same work."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from documents import Example, documents
from fixing import Fixed, fix

from leakcheck.diagnostics import Diagnostic
from tests.execution.generator import generate
from tests.execution.oracle import Program, observe
from tests.execution.rewrites import differences

pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
FIXABLE = {"LK101", "LK102", "LK103", "LK104"}
EXAMPLES = [
    example
    for document in documents()
    if document.code in FIXABLE
    for example in document.examples
    if not example.is_project and example.marked("error")
]


@dataclass
class Tally:
    """What happened to many programs."""

    rewritten: int = 0
    fixed: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, program: Program, result: Fixed) -> None:
        if result.text == program.source:
            return
        self.rewritten += 1
        self.fixed += len(result.found) - len(result.left)
        self.wrong += [f"{program.origin}: {problem}\n{result.text}" for problem in compare(program, result)]


def compare(program: Program, result: Fixed) -> Iterator[str]:
    """What is different after the rewrite, and what is still left open where nothing is reported any more."""
    before = observe(program)
    after = observe(Program(result.text, program.entry, program.given))
    yield from differences(before, after)[:1]
    missed_before = _open(before.sites()) - _reported(result.found)
    missed_after = _open(after.sites()) - _reported(result.left)
    if len(missed_after) > len(missed_before):
        yield f"left open: {sorted(missed_after)}"


def _reported(found: tuple[Diagnostic, ...]) -> set[int]:
    return {each.span.line for each in found if each.code in FIXABLE}


def _open(sites: dict[int, object]) -> set[int]:
    return {line for line, site in sites.items() if site.tier in ("normal", "error")}  # type: ignore[attr-defined]


def tally(first: int, count: int) -> Tally:
    total = Tally()
    for seed in range(first, first + count):
        program = generate(seed)
        total.add(program, fix(program.source))
    return total


def test_a_few_programs() -> None:
    total = tally(first=1, count=120)
    assert total.wrong == []
    assert total.rewritten > 20


@pytest.mark.slow
def test_many_programs() -> None:
    total = tally(first=30_000, count=4_000)
    print(f"{total.rewritten} programs rewritten, {total.fixed} findings fixed")
    assert total.wrong == []
    assert total.rewritten > 800


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.id)
def test_document(example: Example) -> None:
    """Every example of the rule documents: the rewrite parses, is clean where it was fixed, and is final."""
    (source,) = example.sources
    for mode in ("safe", "unsafe"):
        result = fix(source.text, mode)  # type: ignore[arg-type]
        ast.parse(result.text)
        assert fix(result.text, mode).text == result.text  # type: ignore[arg-type]
        assert all(found.fix or found.not_fixed for found in result.found if found.code in FIXABLE)
        assert not any("internal error" in reason for reason in result.reasons)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of a generator that nobody keeps
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.id)
def test_document_runs_the_same(example: Example) -> None:
    """Each function of an example that the safe fixes change, run with every fault."""
    (source,) = example.sources
    result = fix(source.text)
    old, new = _functions(source.text), _functions(result.text)
    for name in (name for name in old if name in new and old[name] != new[name]):
        before, after = (observe(Program(_runnable(text), name)) for text in (source.text, result.text))
        assert differences(before, after) == []


def _functions(text: str) -> dict[str, str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in ast.parse(text).body if isinstance(node, kinds)]
    called = (node for node in found if not any("fixture" in ast.unparse(d) for d in node.decorator_list))
    return {node.name: ast.dump(node) for node in called}


def _runnable(text: str) -> str:
    """Without the libraries that have no fake: what needs them fails before and after."""
    return re.sub(r"^(?:import (?:apsw|pandas as pd)|from airflow\b.*)$", "", text, flags=re.MULTILINE)
