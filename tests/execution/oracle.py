"""Runs a program with every input and every fault, and says what it saw."""

from __future__ import annotations

import builtins
import inspect
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType
from typing import Any, Literal

from tests.execution import surroundings  # noqa: F401  (adds its modules)
from tests.execution.drivers import Modules
from tests.execution.ownership import held, watched
from tests.execution.world import PROGRAM, STRONG, Call, CallKind, Endless, ErrorKind, Fault, World

Tier = Literal["normal", "error", "maybe", "never"]
TIERS: tuple[Tier, ...] = ("never", "maybe", "error", "normal")
MOST_CASES, MOST_RUNS = 16, 600
UNBOUND = {"UnboundLocalError", "NameError", "AttributeError"}
ITEMS = [(1, "open"), (2, "closed")]
CHOICES: dict[str, list[object]] = {"rows": [[], ITEMS], "items": [[], ITEMS], "ids": [[], [1, 2]]}


@dataclass(frozen=True, slots=True)
class Program:
    """A module with an entry to call; `given` makes a connection for a parameter that takes one."""

    source: str
    entry: str = "main"
    given: str = ""
    origin: str = ""  # idiom, flavour and mutations, for reports


@dataclass(frozen=True, slots=True)
class Case:
    """One choice of inputs: an index into each parameter's choices, and whether queries find rows."""

    choices: tuple[int, ...]
    rows: bool


@dataclass(frozen=True, slots=True)
class Leak:
    """A connection left open: the line that owned it last, the lines before it, and what was noted on the way."""

    line: int
    chain: tuple[int, ...]
    notes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Run:
    """One execution: what went in, what came out, what was done and what was left open."""

    case: Case
    faults: tuple[Fault, ...]
    error: ErrorKind
    outcome: str
    effects: tuple[tuple[str, ...], ...]
    leaks: tuple[Leak, ...]
    tier: Tier  # how sure a leak of this run counts
    acquired: tuple[int, ...]
    calls: tuple[Call, ...]
    read: bool

    @property
    def key(self) -> tuple[Case, tuple[Fault, ...], ErrorKind]:
        """What was put in."""
        return (self.case, self.faults, self.error)


@dataclass(frozen=True, slots=True)
class Site:
    """The truth about one acquire line."""

    tier: Tier
    lines: frozenset[int]  # of those who owned it before
    notes: frozenset[str]  # seen in leaking runs of this tier
    example: Run | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """All runs of a program."""

    runs: tuple[Run, ...] = field(repr=False)

    def differences(self, other: Observation) -> list[str]:
        """Where another program, with the same inputs and faults, ends or acts otherwise."""
        theirs = {run.key: run for run in other.runs}
        found = []
        for run in (run for run in self.runs if run.key in theirs):
            twin = theirs[run.key]
            if (run.outcome, run.effects) != (twin.outcome, twin.effects):
                found.append(f"{run.key}: {run.outcome} {run.effects} became {twin.outcome} {twin.effects}")
        if not {run.key for run in self.runs if not run.faults} <= set(theirs):
            found.append("other inputs")
        return found

    def sites(self) -> dict[int, Site]:
        """For each line that owned a connection: does it leak, and when."""
        found = {line: Site("never", frozenset(), frozenset()) for run in self.runs for line in run.acquired}
        for run, leak in [(each, leak) for each in self.runs for leak in each.leaks]:
            old = found[leak.line]
            tier = tier_of(run, leak)
            if TIERS.index(tier) > TIERS.index(old.tier):
                old = Site(tier, old.lines, frozenset(), run)
            notes = old.notes | leak.notes if tier == old.tier else old.notes
            found[leak.line] = Site(old.tier, old.lines | set(leak.chain), notes, old.example)
        return found


def tier_of(run: Run, leak: Leak) -> Tier:
    """A leak needs an exception if one came after the acquire. One before it only changed the way."""
    if leak.notes & {"soft", "dead"} or run.tier == "maybe":
        return "maybe"
    return "error" if leak.notes & {"raised", "guard"} else "normal"


@lru_cache(maxsize=4096)
def compiled(source: str) -> CodeType:
    """The program's code."""
    return compile(source, PROGRAM, "exec")


def observe(program: Program) -> Observation:
    """Run a program without a fault, with a fault at each call, and with a second one at each call after the first."""
    return Observation(tuple(itertools.islice(_runs(program), MOST_RUNS)))


def _runs(program: Program) -> Iterator[Run]:
    for case in cases(program):
        base = execute(program, case)
        if case.rows or base.read:
            yield from (base, *_failing(program, base))


def _failing(program: Program, base: Run) -> Iterator[Run]:
    for call, error in itertools.product(base.calls, errors_worth_trying(program.source)):
        first = execute(program, base.case, (call,), error)
        yield first
        position = next((n for n, seen in enumerate(first.calls) if seen.fault == call.fault), len(first.calls))
        for later in first.calls[position + 1 :]:
            yield execute(program, base.case, (call, later), error)


def errors_worth_trying(source: str) -> tuple[ErrorKind, ...]:
    """Which error it is matters only to a program that catches some and not others."""
    caught = re.findall(r"except\s+(.+?)(?:\s+as\s+\w+)?:", source)
    narrow = any(name not in ("Exception", "BaseException") for name in caught) or "suppress(" in source
    return ("operational", "integrity", "other") if narrow else ("operational",)


def cases(program: Program) -> list[Case]:
    """Every combination of inputs, up to a bound."""
    sizes = [len(choices_for(parameter)) for parameter in parameters(program)]
    combinations = itertools.islice(itertools.product(*map(range, sizes)), MOST_CASES)
    return [Case(choices, rows) for choices in combinations for rows in (True, False)]


def parameters(program: Program) -> list[inspect.Parameter]:
    """The entry's parameters."""
    namespace = _load(program, World())
    return list(inspect.signature(eval(program.entry, namespace)).parameters.values())


def choices_for(parameter: inspect.Parameter) -> list[object]:
    """What to pass: lists empty and not, flags both ways, an optional value absent and present."""
    if parameter.name in CHOICES:
        return CHOICES[parameter.name]
    if isinstance(parameter.default, bool):
        return [False, True]
    return [None, 10] if parameter.default is None else [7]


def _load(program: Program, world: World) -> dict[str, Any]:
    modules = Modules(world)
    hidden = {"__import__": modules.import_, "print": lambda *_, **__: None}
    namespace: dict[str, Any] = {"__name__": "program", "__builtins__": {**vars(builtins), **hidden}}
    exec(compiled(program.source), namespace)
    return namespace


def execute(program: Program, case: Case, failing: tuple[Call, ...] = (), error: ErrorKind = "operational") -> Run:
    """One run."""
    faults = tuple(call.fault for call in failing)
    world = World(frozenset(faults), error, case.rows)
    namespace = _load(program, world)
    entry = eval(program.entry, namespace)
    names = list(inspect.signature(entry).parameters.values())
    arguments = [_argument(program, p, n, namespace) for p, n in zip(names, case.choices, strict=True)]
    world.armed = True
    result: object = None
    with watched(world):
        try:
            result = finish(entry(*arguments), world)
            outcome = f"returned {describe(result)}"
        except (Exception, Endless) as problem:
            outcome = f"raised {type(problem).__name__}"
    world.armed = False
    kept = held([result, arguments, world.kept, *(v for k, v in namespace.items() if k != "__builtins__")])
    leaks = [lease for lease in world.leases if lease.open and lease not in kept and lease.chain]
    return Run(
        case,
        faults,
        error,
        outcome,
        tuple(world.effects),
        tuple(Leak(x.chain[-1], tuple(x.chain), _notes(x.notes, x.soft, x.pooled)) for x in leaks),
        _tier([call.kind for call in failing], error, world),
        tuple(lease.chain[-1] for lease in world.leases if lease.chain),
        tuple(world.calls),
        world.read,
    )


def _notes(notes: set[str], soft: bool, pooled: bool) -> frozenset[str]:
    """`dead` matters to a connection of its own only: nothing is left to close. A pool still misses it."""
    kept = {("guard" if note == "dead" and pooled else note) for note in notes}
    return frozenset(kept | ({"soft"} if soft else set()))


def _tier(kinds: list[CallKind], error: ErrorKind, world: World) -> Tier:
    if "Endless" in world.raised:
        return "maybe"
    if not kinds:
        return "normal"
    if error == "other":
        return "maybe"
    unbound = kinds[0] == "cursor" and world.raised & UNBOUND
    return "error" if all(kind in STRONG for kind in kinds) or unbound else "maybe"


def _argument(program: Program, parameter: inspect.Parameter, choice: int, namespace: dict[str, Any]) -> object:
    value = choices_for(parameter)[choice]
    takes_connection = parameter.name in ("conn", "connection", "db", "session") and value is not None
    return finish(eval(program.given, namespace), None) if takes_connection and program.given else value


def finish(result: Any, world: World | None) -> Any:
    """Run a coroutine, a generator or a context manager to its end."""
    if hasattr(result, "__await__"):
        return finish(_awaited(result), world)
    if inspect.isgenerator(result):
        return list(result)
    if inspect.isasyncgen(result):
        return _awaited(_gathered(result))
    if type(result).__name__ == "_GeneratorContextManager" and world:
        with result:
            return world.call("body", "the body of the with block")
    if type(result).__name__ == "_AsyncGeneratorContextManager" and world:
        return _awaited(_entered(result, world))
    return result


async def _gathered(items: Any) -> list[object]:
    return [item async for item in items]


async def _entered(manager: Any, world: World) -> None:
    async with manager:
        world.call("body", "the body of the with block")


def _awaited(awaitable: Any) -> Any:
    """No fake ever suspends, so one step is the whole run."""
    iterator = awaitable.__await__()
    try:
        next(iterator)
    except StopIteration as stop:
        return stop.value
    raise RuntimeError("the program waits for something real")


def describe(value: object) -> str:
    """A result, without addresses."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))
