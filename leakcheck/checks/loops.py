"""LK301, LK302, LK304: statements sent once a row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import libcst as cst

from leakcheck.checks.blocking import Blocking
from leakcheck.checks.sql import WRITES, Reader, Statement, mentions
from leakcheck.checks.telling import Teller, quoted
from leakcheck.diagnostics import Confidence, Diagnostic, Step
from leakcheck.flow.values import Function
from leakcheck.models import Driver
from leakcheck.project.module import FunctionInfo, Module
from leakcheck.project.walk import children, code, dotted, same_scope, terminal, walk

_WORDS = frozenset({"execute", "commit"})
_FILLS = frozenset({"append", "extend", "add", "update", "insert", "setdefault"})
_FEW = 10  # rows: a loop over so few written down in the code is not worth a batch
_BATCH = re.compile(r"batch|chunk|block|slice|page|bulk|group|partition", re.IGNORECASE)


@dataclass(frozen=True)
class Loop:
    """A `for` statement and the names that change with it."""

    node: cst.For
    function: FunctionInfo | None

    @cached_property
    def body(self) -> list[cst.CSTNode]:
        """What runs once a round, loops inside it left out."""
        return list(walk(self.node.body, lambda n: same_scope(n) and not isinstance(n, cst.For)))

    @cached_property
    def rows(self) -> frozenset[str]:
        """The loop's variables, and what is computed from them in its body."""
        known = {n.value for n in walk(self.node.target) if isinstance(n, cst.Name)}
        size = 0
        while size != len(known):
            size = len(known)
            for node in walk(self.node.body, same_scope):
                known.update(_bound(node, known))
        return frozenset(known - self._filled_outside)

    @cached_property
    def _filled_outside(self) -> set[str]:
        """Containers that grow from round to round: not a row, what is collected for a batch."""
        calls = [n.func for n in walk(self.node.body, same_scope) if isinstance(n, cst.Call)]
        filled = {f.value.value for f in calls if isinstance(f, cst.Attribute) and isinstance(f.value, cst.Name)
                  and f.attr.value in _FILLS}  # fmt: skip
        targets = (
            n.target for n in walk(self.node, same_scope) if isinstance(n, (cst.AssignTarget, cst.For, cst.AnnAssign))
        )
        return filled - {n.value for target in targets for n in walk(target) if isinstance(n, cst.Name)}

    @property
    def is_small(self) -> bool:
        """Over a literal of a few elements, or `range(3)`."""
        node = self.node.iter
        if isinstance(node, (cst.List, cst.Tuple, cst.Set, cst.Dict)):
            return len(node.elements) <= _FEW
        if isinstance(node, cst.Call) and terminal(node.func) == "range" and len(node.args) == 1:
            return isinstance(last := node.args[0].value, cst.Integer) and last.evaluated_value <= _FEW
        return False

    @property
    def is_batched(self) -> bool:
        """A round already is a batch: by its names or its step."""
        if _BATCH.search(code(self.node.target)) or _BATCH.search(code(self.node.iter)):
            return True
        call = self.node.iter
        return isinstance(call, cst.Call) and terminal(call.func) == "range" and len(call.args) == 3

    def uses(self, methods: frozenset[str]) -> bool:
        """Whether a round reads or calls an attribute of one of these names."""
        return any(isinstance(n, cst.Attribute) and n.attr.value in methods for n in self.body)


def _bound(node: cst.CSTNode, known: set[str]) -> Iterator[str]:
    """Names a statement binds to something that depends on the known ones."""
    targets: Sequence[cst.CSTNode] = ()
    source: cst.CSTNode | None = None
    if isinstance(node, cst.Assign):
        targets, source = [t.target for t in node.targets], node.value
    elif isinstance(node, (cst.AnnAssign, cst.NamedExpr, cst.AugAssign)):
        targets, source = [node.target], node.value
    elif isinstance(node, (cst.For, cst.CompFor)):
        targets, source = [node.target], node.iter
    elif isinstance(node, cst.WithItem) and node.asname is not None:
        targets, source = [node.asname.name], node.item
    elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in _FILLS:
        if isinstance(node.func.value, cst.Name) and mentions(node.args, known.__contains__):
            yield node.func.value.value
    if source is not None and mentions([source], known.__contains__):
        yield from (n.value for target in targets for n in walk(target) if isinstance(n, cst.Name))


def loops(module: Module, tell: Teller, blocking: Blocking, batch: int) -> Iterable[Diagnostic]:
    """Everything that is sent once a row in a module."""
    for function, root in _roots(module):
        for node in walk(root, same_scope):
            if isinstance(node, cst.For) and node.asynchronous is None:
                loop = Loop(node, function)
                if not loop.is_small:
                    yield from Rows(loop, module, tell, blocking, batch).findings()


def _roots(module: Module) -> Iterator[tuple[FunctionInfo | None, cst.CSTNode]]:
    helpers = frozenset(function.name for function in module.scopes(frozenset({"execute"})))
    for function in module.scopes(_WORDS | helpers):
        yield function, function.node.body
    for chunk in module.mentioning(_WORDS):
        if chunk.kind == "compound":
            yield from ((None, statement) for statement in chunk.tree.body)


class Rows:
    """One loop's findings."""

    def __init__(self, loop: Loop, module: Module, tell: Teller, blocking: Blocking, batch: int) -> None:
        self.loop, self.module, self.tell, self.blocking, self.batch = loop, module, tell, blocking, batch
        self.reader = Reader(loop.function, module)
        methods = tell.catalogue.methods
        self.reads_answers = loop.uses(methods("answers"))  # before the next one is sent: they cannot go together
        self.is_batched = loop.is_batched or loop.uses(methods("bulk"))

    def findings(self) -> Iterator[Diagnostic]:
        sent = [(node, statement) for node in self.loop.body if (statement := self._sent(node))]
        writes = [(node, statement) for node, statement in sent if statement.verb in WRITES]
        for node, statement in writes[: not self.is_batched]:
            yield self._inserts(node, statement)
        for node, place, helper in self._through_helpers() if not writes and not self.is_batched else ():
            message = (
                f"one statement a row by {quoted(helper.name)}: {self._better()} sends {self.batch} rows at a time"
            )
            steps = [*self._steps(), self.tell.step("via", place, "by this statement", helper.module)]
            yield self.tell.at("LK301", "medium" if not self.reads_answers else "low", message, node, steps)
            break
        for node, _ in [(n, s) for n, s in sent if s.verb == "SELECT"][:1]:
            message = f"one SELECT a round: {quoted(self.tell.callee(node))} asks again for every row of the loop"
            yield self.tell.at("LK304", "medium", message, node, self._steps())
        if commit := self._commit(bool(writes)):
            what = quoted(code(commit))
            message = f"{what} for every row: each waits until the disk has it; commit once a batch"
            yield self.tell.at(
                "LK302", "low" if self._waits or self._does_more else "high", message, commit, self._steps()
            )

    def _sent(self, node: cst.CSTNode) -> Statement | None:
        """The statement of an `execute` whose data change with the loop, and whose tables do not."""
        if (
            not isinstance(node, cst.Call)
            or terminal(node.func) != "execute"
            or not isinstance(node.func, cst.Attribute)
        ):
            return None
        if not node.args or node.args[0].star or self._bound_in_loop(node.func.value):
            return None
        statement = self.reader.read(node.args[0].value)
        if statement is None or mentions(statement.names, self.loop.rows.__contains__):
            return None
        data = [*statement.data, *(argument.value for argument in node.args[1:])]
        if isinstance(node.args[0].value, cst.Name):  # text put together piece by piece
            data.append(node.args[0].value)
        return statement if mentions(data, self.loop.rows.__contains__) else None

    def _through_helpers(self) -> Iterator[tuple[cst.Call, cst.Call, FunctionInfo]]:
        """Calls of a helper that is lent the cursor and a row, and writes it with one statement."""
        for node in self.loop.body:
            if isinstance(node, cst.Call) and mentions(node.args, self.loop.rows.__contains__):
                callee = self.blocking.resolver.static(node.func, self.loop.function, self.module)
                if isinstance(callee, Function) and not callee.info.is_generator:
                    place = _single_write(callee.info)
                    lent = place is not None and any(not mentions([a], self.loop.rows.__contains__) for a in node.args)
                    if place is not None and lent:
                        yield node, place, callee.info

    def _bound_in_loop(self, receiver: cst.BaseExpression) -> bool:
        """A connection of each round's own is another matter."""
        path = dotted(receiver)
        return path is not None and path.partition(".")[0] in self.loop.rows

    def _inserts(self, node: cst.CSTNode, statement: Statement) -> Diagnostic:
        verb = statement.verb
        message = f"one {verb} a row: {self._better()} sends {self.batch} rows at a time"
        together = not self.reads_answers or "RETURNING" in statement.text.upper()  # many rows return as many answers
        confidence: Confidence = "medium" if statement.data or statement.names or self._waits else "high"
        if not together or self._does_more or not any(part is node for part in _tried(self.loop.node.body)):
            confidence = "low"
        return self.tell.at("LK301", confidence, message, node, self._steps())

    @cached_property
    def _does_more(self) -> bool:
        """Each round sends something of its own that is no row: a script, a statement made elsewhere."""
        sent = [n for n in self.loop.body if isinstance(n, cst.Call) and isinstance(n.func, cst.Attribute)]
        if any(terminal(n.func) == "executescript" for n in sent):
            return True
        return any(n.args and self.reader.read(n.args[0].value) is None for n in sent if terminal(n.func) == "execute")

    @cached_property
    def _waits(self) -> bool:
        """Each round waits for something else anyway: the statement is the least of it."""
        function = self.loop.function
        if function is None:
            return False
        for node in self.loop.body:
            if isinstance(node, cst.Call):
                callee = self.blocking.resolver.static(node.func, function, self.module)
                if self.blocking.at(callee, node, function.node.body, self.module):
                    return True
        return False

    def _better(self) -> str:
        """The faster form, by the library that the module imports."""
        imported = set(self.module.imports.values())
        for driver in self.tell.catalogue.drivers:
            if driver.bulk and _imports(driver, imported):
                return driver.bulk
        return "`executemany`"

    def _commit(self, writes: bool) -> cst.Call | None:
        """A `commit()` that every round reaches, after it wrote one row."""
        if self.is_batched:
            return None
        for node in _always(self.loop.node.body):
            if isinstance(node, cst.Call) and terminal(node.func) == "commit" and not node.args:
                receiver = node.func.value if isinstance(node.func, cst.Attribute) else node.func
                if not self._acquired_inside(receiver) and (writes or self._adds(receiver)):
                    return node
        return None

    def _acquired_inside(self, receiver: cst.BaseExpression) -> bool:
        first = (dotted(receiver) or "").partition(".")[0]
        for node in walk(self.loop.node.body, same_scope):
            bound = (
                node.asname if isinstance(node, cst.WithItem) else node if isinstance(node, cst.AssignTarget) else None
            )
            if bound is not None and any(isinstance(n, cst.Name) and n.value == first for n in walk(bound)):
                return True
        return False

    def _adds(self, receiver: cst.BaseExpression) -> bool:
        """`session.add(User(row))`."""
        for node in self.loop.body:
            if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == "add":
                if code(node.func.value) == code(receiver) and mentions(node.args, self.loop.rows.__contains__):
                    return True
        return False

    def _steps(self) -> list[Step]:
        return [self.tell.step("note", self.loop.node.target, "for every one of these")]


def _single_write(helper: FunctionInfo) -> cst.Call | None:
    """The one `execute` of a helper on a cursor it is given, if it writes and is in no loop."""
    given = {p.name.value for p in helper.parameters} - {"self", "cls"}
    nodes = list(walk(helper.node.body, same_scope))
    sent = [
        n
        for n in nodes
        if isinstance(n, cst.Call) and isinstance(n.func, cst.Attribute) and terminal(n.func) == "execute"
    ]
    if len(sent) != 1 or not sent[0].args or any(isinstance(n, (cst.For, cst.While)) for n in nodes):
        return None
    receiver = dotted(sent[0].func.value) if isinstance(sent[0].func, cst.Attribute) else None
    statement = Reader(helper, helper.module).read(sent[0].args[0].value)
    if receiver not in given or statement is None or statement.verb not in WRITES:
        return None
    return sent[0] if mentions([*statement.data, *sent[0].args[1:]], given.__contains__) else None


def _imports(driver: Driver, imported: set[str]) -> bool:
    return any(name == module or name.startswith(module + ".") for module in driver.imports for name in imported)


def _tried(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """What a round does unless something failed."""
    return walk(node, lambda n: same_scope(n) and not isinstance(n, (cst.ExceptHandler, cst.ExceptStarHandler)))


def _always(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """What every round runs: not under a test, in a handler or in an inner loop."""
    for child in children(node):
        if isinstance(child, (cst.If, cst.ExceptHandler, cst.ExceptStarHandler, cst.For, cst.While, cst.Match)):
            continue
        if same_scope(child):
            yield child
            yield from _always(child)
