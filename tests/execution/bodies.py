"""What a function does with its connection: a few steps in a row, for each way of making queries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.execution.flavours import Api, Flavour

ONE = "SELECT id, status FROM tickets WHERE id = MARK"
ALL = "SELECT id, status FROM tickets ORDER BY id"
SET = "UPDATE tickets SET status = 'seen' WHERE id = MARK"
ADD = "INSERT INTO tickets (id) VALUES (MARK)"


@dataclass(frozen=True, slots=True)
class Body:
    """The lines, what they need as parameters, and what they leave to return."""

    lines: tuple[str, ...]
    parameters: tuple[str, ...]
    result: str
    imports: tuple[str, ...]


@dataclass(slots=True)
class _Draft:
    """A body in the making."""

    random: Random
    flavour: Flavour
    has_cursor: bool
    key: str
    lines: list[str]
    parameters: dict[str, None]
    imports: dict[str, None]
    result: str = "None"

    def run(self, sql: str, *values: str, into: str = "") -> None:
        """A statement, without reading its result."""
        arguments = f"({', '.join(values)},)" if values else ""
        target = f"{into} = " if into else ""
        api: Api = self.flavour.api
        if api == "cursor":
            if not self.has_cursor:
                self.lines.append("CUR = CURSOR")
                self.has_cursor = True
            self.lines.append(f'~CUR.execute("{sql}"{", " + arguments if arguments else ""})')
        elif api == "asyncpg":
            self.lines.append(f'~CONN.execute("{sql}"{", " + ", ".join(values) if values else ""})')
        elif api == "core":
            parameters = f', {{"1": {values[0]}}}' if values else ""
            self.lines.append(f'{target}~CONN.execute(text("{sql}"){parameters})')
        else:
            self.lines.append(f'{target}~CONN.execute("{sql}"{", " + arguments if arguments else ""})')

    def read(self, sql: str, *values: str, into: str, one: bool) -> None:
        """A query and its rows."""
        if self.flavour.api == "asyncpg":
            method = "fetchrow" if one else "fetch"
            self.lines.append(f'{into} = ~CONN.{method}("{sql}"{", " + ", ".join(values) if values else ""})')
            return
        self.run(sql, *values, into="result")
        source = "CUR" if self.flavour.api == "cursor" else "result"
        wait = "" if self.flavour.api == "core" else "~"
        self.lines.append(f"{into} = {wait}{source}.{'fetchone' if one else 'fetchall'}()")

    def commit(self) -> None:
        if self.flavour.api != "asyncpg":
            self.lines.append("~CONN.commit()")

    def indent(self, header: str, fill: Callable[[], None]) -> None:
        """A compound statement around what `fill` adds."""
        lines, self.lines = self.lines, []
        had = self.has_cursor
        fill()
        self.lines = [*lines, header, *("    " + line for line in self.lines)]
        self.has_cursor = had


def _one(draft: _Draft) -> None:
    draft.read(ONE, draft.key, into="row", one=True)
    draft.parameters[draft.key] = None
    draft.lines += draft.random.choice(
        [["if row is None:", "    return None"], [], ["if not row:", f"    raise LookupError({draft.key})"]]
    )
    draft.result = "row"


def _all(draft: _Draft) -> None:
    draft.read(ALL, into="found", one=False)
    draft.result = draft.random.choice(["found", "len(found)", "[dict(id=row[0]) for row in found]", "list(found)"])


def _write(draft: _Draft) -> None:
    draft.run(SET, draft.key)
    draft.parameters[draft.key] = None
    draft.commit()


def _many(draft: _Draft) -> None:
    draft.parameters["rows"] = None
    draft.indent("for row in rows:", lambda: draft.run(ADD, "row[0]"))
    draft.commit()


def _checked_many(draft: _Draft) -> None:
    def fill() -> None:
        way_out = draft.random.choice(["continue", "break", "return None", 'raise ValueError("closed")'])
        draft.lines += ['if row[1] == "closed":', f"    {way_out}"]
        draft.run(ADD, "row[0]")

    draft.parameters["rows"] = None
    draft.indent("for row in rows:", fill)


def _flagged(draft: _Draft) -> None:
    flag = draft.random.choice(["force", "notify", "full"])
    draft.parameters[f"{flag}=False"] = None
    draft.indent(f"if {flag}:", lambda: draft.run(SET, draft.key))
    draft.parameters[draft.key] = None


def _validated(draft: _Draft) -> None:
    draft.parameters["limit=None"] = None
    draft.lines += ["if limit is not None and limit > 5:", f"    {draft.random.choice(['return None', RAISE])}"]


RAISE = 'raise ValueError("limit too high")'


def _fetched(draft: _Draft) -> None:
    draft.imports["import requests"] = None
    draft.lines += [f'reply = requests.get(f"https://tickets.example/{{{draft.key}}}", timeout=10)']
    draft.lines += ["reply.raise_for_status()"] if draft.random.random() < 0.5 else []
    draft.parameters[draft.key] = None


def _parsed(draft: _Draft) -> None:
    draft.imports["import json"] = None
    draft.lines += ["settings = json.loads('{}')"]


def _logged(draft: _Draft) -> None:
    draft.lines.append(draft.random.choice(['logger.info("working")', 'print("working")', "count = len(str(1))"]))


def _normalised(draft: _Draft) -> None:
    draft.imports["from app.tasks import normalise"] = None
    draft.parameters[draft.key] = None
    draft.lines.append(f"normalise({draft.key})")


STEPS = [_one, _one, _all, _all, _write, _write, _many, _checked_many, _flagged, _validated, _logged, _fetched, _parsed]
STEPS += [_normalised]


def body(random: Random, flavour: Flavour, has_cursor: bool, most: int = 3) -> Body:
    """One to three steps; the last query's result is what the function returns."""
    key = random.choice(["ticket_id", "user_id", "name"])
    draft = _Draft(random, flavour, has_cursor, key, [], {}, {})
    for step in random.sample(STEPS, random.randint(1, most)):
        step(draft)
    lines = tuple(line.replace("MARK", flavour.mark) for line in draft.lines)
    parameters = sorted(draft.parameters or {key: None}, key=lambda name: "=" in name)
    return Body(lines, tuple(parameters), draft.result, tuple(draft.imports))
