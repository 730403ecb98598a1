"""LK301, LK302, LK304: statements sent once a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

import libcst as cst

from leakcheck.checks.held.blocking import Blocking
from leakcheck.checks.purpose import is_migration, is_put_away
from leakcheck.checks.rows.alone import asks_first, goes_alone, is_unit_of_work, lends_to_others
from leakcheck.checks.rows.besides import Besides
from leakcheck.checks.rows.commits import commit_of, commit_of_own, finding
from leakcheck.checks.rows.faster import Faster, advice, gains, is_upsert
from leakcheck.checks.rows.handful import is_handful
from leakcheck.checks.rows.refusals import is_afterwards, may_fail, singly
from leakcheck.checks.rows.repeated import OTHERS, arrives, repeated
from leakcheck.checks.rows.rounds import Loop, acquired_in, is_part
from leakcheck.checks.rows.written import is_shaped, may_be_many, single_write
from leakcheck.checks.scripts import is_soon_over
from leakcheck.checks.sql import Reader, Statement, mentions
from leakcheck.checks.telling import Teller, quoted
from leakcheck.diagnostics import Confidence, Diagnostic, Span, Step
from leakcheck.flow.values import Function
from leakcheck.models import Driver
from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.project.syntax.outline import words_of
from leakcheck.project.syntax.sketch import HANDING, LOOP
from leakcheck.project.syntax.walk import dotted, same_scope, string_value, terminal
from leakcheck.words import words

_WORDS = frozenset({"execute", "commit"})


def loops(module: Module, tell: Teller, blocking: Blocking, batch: int) -> Iterable[Diagnostic]:
    """Everything that is sent once a row in a module."""
    told: set[tuple[str, Span]] = set()  # what an outer loop sends, an inner one sends as well
    for function, root in _roots(module, blocking):
        for loop in repeated(root, function, module, blocking.resolver):
            rows = Rows(loop, root, module, tell, blocking, batch)
            found = [one for one in rows.findings() if (one.code, one.span) not in told]
            if found and not (loop.is_short or is_part(loop, root) or arrives(loop)):  # which takes longer to find out
                told |= {(one.code, one.span) for one in found}
                yield from found


def _roots(module: Module, blocking: Blocking) -> Iterator[tuple[FunctionInfo | None, cst.CSTNode]]:
    """Functions, and statements of the module, that may send something in a loop."""
    looping = [chunk for chunk in module.chunks if LOOP.may_be_in(chunk.statement.text)]
    helpers = module.names_of_scopes(frozenset({"execute"})) if looping else frozenset()
    text = "".join(chunk.statement.text for chunk in looping)
    imported = words_of(text).intersection(module.imports) if looping else ()
    helpers |= {name for name in imported if f"{name}(" in text and _sends(name, module, blocking)}
    known = set()
    for function in module.scopes(_WORDS | helpers | {HANDING}, LOOP) if looping else ():  # a helper may be elsewhere
        known.add(function)
        yield function, function.node.body
    for part in module.defining(_WORDS):
        for function in part.scopes(_WORDS) if OTHERS.search(part.statement.text) else ():
            if function not in known:
                yield function, function.node.body
    for chunk in looping:
        if chunk.kind == "compound" and not _WORDS.isdisjoint(chunk.words) and chunk.uses(_WORDS, LOOP):
            yield from ((None, statement) for statement in chunk.tree.body if same_scope(statement))


def _sends(name: str, module: Module, blocking: Blocking) -> bool:
    """Whether an imported name is a function of the project that sends statements."""
    value = blocking.resolver.name(name, None, module)
    return isinstance(value, Function) and value.info.mentions(frozenset({"execute"}))


class Rows:
    """One loop's findings."""

    def __init__(
        self, loop: Loop, root: cst.CSTNode, module: Module, tell: Teller, blocking: Blocking, batch: int
    ) -> None:
        self.loop, self.module, self.tell, self.blocking, self.batch = loop, module, tell, blocking, batch
        self.is_handful = is_handful(loop, root)
        self.reader = Reader(loop.function, module)
        self.besides = Besides(loop, self.reader, tell, blocking)

    @cached_property
    def reads_answers(self) -> bool:
        """Before the next one is sent: they cannot go together."""
        return self.loop.needs(self.loop.answers(self.tell.catalogue))

    @cached_property
    def is_batched(self) -> bool:
        """A round sends many already."""
        return self.loop.is_batched or self.loop.uses(self.tell.catalogue.methods("bulk"))

    @cached_property
    def once(self) -> bool:
        """Slow, but never again, or only after a failure, or when somebody waits for nothing else."""
        function = self.loop.function
        if function is None:  # a module's own statements run when it is imported, or as a script
            return True
        if is_afterwards(self.loop.place, function.node.body) or is_migration(function, self.module):
            return True
        return is_put_away(function, self.blocking.resolver.project)

    def findings(self) -> Iterator[Diagnostic]:
        calls = [node for node in self.loop.body if isinstance(node, cst.Call)]
        sending = _WORDS | self.tell.catalogue.senders
        if all(len(node.args) < 2 and terminal(node.func) not in sending for node in calls):
            return
        sent = [(node, statement) for node in calls if (statement := self._sent(node))]
        writes = [(node, statement) for node, statement in sent if statement.verb in words().writes]
        for node, statement in writes[: not self.is_batched]:
            yield self._inserts(node, statement, len(writes) == 1)
        helpers = list(self._through_helpers()) if not writes and not self.is_batched else []
        for node, place, helper in helpers:
            statement = Reader(helper, helper.module).read(place.args[0].value) or Statement("INSERT")
            driver = self._driver(place, helper)
            message = (
                f"{quoted(helper.name)} sends one {statement.verb} per row: {self._advice(node, driver, statement)}"
            )
            steps = [*self._steps(), self.tell.step("via", place, "by this statement", helper.module)]
            meant = self.once or self.reads_answers or lends_to_others(self.loop, node) or self.loop.uses_result(node)
            meant = meant or may_fail(node, self.loop.node.body) or is_unit_of_work(self.loop, node)
            meant = meant or self.is_handful or self._is_better_alone(node, driver, statement)
            meant = meant or asks_first(helper, place, self.blocking.resolver)
            yield self.tell.at("LK301", "low" if meant else "medium", message, node, steps)
            break
        asked = [node for node, statement in sent if statement.verb == "SELECT"]
        for node in asked[: not self.is_batched]:
            message = "one SELECT per row: use a join, or one query with all keys"
            meant = self.once or self.is_handful or self.besides.waits or self.besides.does_more
            meant = meant or self.besides.may_be_last(node)
            yield self.tell.at("LK304", "low" if meant else "medium", message, node, self._steps())
        of_many = any(statement.is_of_many or statement.copies for _, statement in writes)
        written = [node for node, _ in writes]
        if not of_many and not self.is_batched and (commit := commit_of(self.loop, written)):
            yield finding(commit, written, self.loop, self.besides, self.once, self.tell, self._steps())
        elif not writes and (found := self._by_its_own(calls)):
            yield found

    def _by_its_own(self, calls: list[cst.Call]) -> Diagnostic | None:
        """A round that takes a connection from the pool for its row, and commits it."""
        sent = [(node, statement) for node in calls if (statement := self._sent(node, by_its_own=True))]
        writes = {*words().writes} - {"DELETE"}  # by a key of many rows, as likely as not
        sent = [(node, statement) for node, statement in sent if statement.verb in writes]
        many = any(s.is_of_many or s.copies or is_shaped(n, self.loop) or may_be_many(n, self.loop) for n, s in sent)
        written = [node for node, _ in sent]
        commit = commit_of_own(self.loop, written) if not (many or self.is_batched) else None
        if commit is None or self.reads_answers or self.is_handful:
            return None
        return finding(commit, written, self.loop, self.besides, self.once, self.tell, self._steps())

    def _sent(self, node: cst.Call, by_its_own: bool = False) -> Statement | None:
        """The statement of an `execute` whose data change with the loop, and whose tables do not; by a connection from
        before the loop, or by one of the round's own."""
        if not isinstance(node.func, cst.Attribute) or not self._sends(node.func):
            return None
        if not node.args or node.args[0].star or self._bound_in_loop(node.func.value) or self._is_rare(node):
            return None
        if acquired_in(self.loop.node.body, node.func.value) != by_its_own:
            return None
        statement = self.reader.read(node.args[0].value)
        if statement is None or mentions(statement.names, self.loop.rows.__contains__):
            return None
        if statement.is_open and self.reader.joins(node.args[0].value, statement):
            return None
        if mentions(statement.data, self._pieces.__contains__):
            return None  # its text changes
        data = [*statement.data, *(argument.value for argument in node.args[1:])]
        if isinstance(node.args[0].value, cst.Name):  # text put together piece by piece
            data.append(node.args[0].value)
        return statement if mentions(data, self.loop.rows.__contains__) else None

    def _sends(self, func: cst.Attribute) -> bool:
        """Whether a method sends a statement: `execute`, or one that the library of the connection has for it."""
        if func.attr.value not in self.tell.catalogue.senders:
            return func.attr.value == "execute"
        resolver = self.blocking.resolver
        known = resolver.connection_type(resolver.static(func.value, self.loop.function, self.module))
        return known is not None and "sends" in self.tell.catalogue.function(f"{known.type}.{func.attr.value}")

    def _through_helpers(self) -> Iterator[tuple[cst.Call, cst.Call, FunctionInfo]]:
        """Calls of a helper that is lent the cursor and a row, and writes it with one statement."""
        for node in self.loop.body:
            if not isinstance(node, cst.Call) or len(node.args) < 2:
                continue
            if len({mentions([argument], self.loop.rows.__contains__) for argument in node.args}) == 2:
                callee = self.blocking.resolver.static(node.func, self.loop.function, self.module)
                place = single_write(callee.info) if isinstance(callee, Function) else None
                if isinstance(callee, Function) and place is not None and not self._is_rare(node):
                    yield node, place, callee.info

    def _is_rare(self, node: cst.CSTNode) -> bool:
        """Whether only few rounds run it, or the last one."""
        return self.loop.is_occasional(node) or self.loop.is_last(node)

    def _bound_in_loop(self, receiver: cst.BaseExpression) -> bool:
        """A connection of each round's own is another matter."""
        path = dotted(receiver)
        return path is not None and path.partition(".")[0] in self.loop.rows

    def _inserts(self, node: cst.Call, statement: Statement, is_only: bool) -> Diagnostic:
        verb = statement.verb
        driver = self._driver(node, self.loop.function)
        message = f"one {verb} per row: {self._advice(node, driver, statement)}"
        together = not self.reads_answers or statement.returns  # many rows return as many answers
        plain = statement.verb in ("INSERT", "REPLACE") and not (
            statement.data or statement.names or self.reads_answers
        )
        confidence: Confidence = "high" if plain and not self.besides.waits else "medium"
        if (
            self.once
            or not together
            or (statement.returns and self.besides.is_parent(node))
            or self.besides.needs_an_answer(node)
            or self.besides.may_be_last(node)
            or self.besides.does_more
            or self.besides.delivers
            or self.is_handful
            or lends_to_others(self.loop, node)
            or is_unit_of_work(self.loop, node)
            or self._is_better_alone(node, driver, statement)
            or not (is_only or statement.verb in words().adds)  # rows that change in several ways
            or (statement.varies and mentions(statement.data, self.loop.rows.__contains__))
            or is_shaped(node, self.loop)
            or may_be_many(node, self.loop)
            or (self.loop.is_counted and verb in ("UPDATE", "DELETE"))  # a level, a version: many rows each
            or may_fail(node, self.loop.node.body)
            or (verb not in words().adds and (self._is_of_script or self.besides.waits))
            or (statement.returns and self.reads_answers and self._answers_are_lost(driver, statement))
        ):
            confidence = "low"
        return self.tell.at("LK301", confidence, message, node, self._steps())

    @staticmethod
    def _answers_are_lost(driver: Driver | None, statement: Statement) -> bool:
        """Whether a statement for many rows would not say which answer is whose: where a row is there already it may
        answer nothing, and a database in the process gives the answers in any order, and without a round trip."""
        return is_upsert(statement) or (driver is not None and driver.is_embedded)

    @property
    def _is_of_script(self) -> bool:
        """Whether a script that somebody runs by hand does it: rows that it changes are repaired once."""
        function = self.loop.function
        return function is not None and is_soon_over(function, self.blocking.resolver.project)

    def _is_better_alone(self, node: cst.Call, driver: Driver | None, statement: Statement) -> bool:
        """Whether little is gained by sending the rows together, or much has to change for it."""
        if statement.copies or statement.is_of_many or not gains(driver, statement):
            return True
        return self.loop.is_over_field or (not statement.returns and goes_alone(self.loop, node))

    def _driver(self, sent: cst.Call, owner: FunctionInfo | None) -> Driver | None:
        """The library of a call of `execute` in some function, that a round makes or leads to."""
        return Faster(owner, owner.module if owner else self.module, self.blocking.resolver).driver(sent)

    def _advice(self, node: cst.Call, driver: Driver | None, statement: Statement) -> str:
        """What to do instead of what a round sends."""
        return advice(driver, statement, self.batch) + singly(node, self.loop.node.body)

    @cached_property
    def _pieces(self) -> frozenset[str]:
        """Names to which the round gives pieces of text: put into a statement, they change more than its data."""
        assigned = (node for node in self.loop.body if isinstance(node, cst.Assign) and string_value(node.value))
        return frozenset(t.target.value for a in assigned for t in a.targets if isinstance(t.target, cst.Name))

    def _steps(self) -> list[Step]:
        return [self.tell.step("note", self.loop.node.target, "for every one of these")]
