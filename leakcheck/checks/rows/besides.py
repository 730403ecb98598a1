"""What a round does besides sending its row, and what it does with the answer."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Set
from functools import cache, cached_property

import libcst as cst

from leakcheck.checks.held.blocking import Blocking
from leakcheck.checks.rows.rounds import Loop
from leakcheck.checks.rows.written import is_whole
from leakcheck.checks.sql import Reader, mentions
from leakcheck.checks.telling import Teller
from leakcheck.flow.values import Symbol
from leakcheck.project.syntax.walk import code, same_scope, terminal, unawaited, walk
from leakcheck.words import words

_LEAVING = (cst.Return, cst.Break)
SENDING = frozenset({"execute", "commit"})
_OF_SESSIONS = ("flush", "refresh", "rollback", "expunge")
_HARMLESS = {"borrows", "never-raises"}  # kinds of callees


class Besides:
    """For one loop."""

    def __init__(self, loop: Loop, reader: Reader, tell: Teller, blocking: Blocking) -> None:
        self.loop, self.reader, self.tell, self.blocking = loop, reader, tell, blocking

    @cached_property
    def waits(self) -> bool:
        """Each round waits for something else anyway: the statement is the least of it."""
        return any(map(self._is_slow, self._calls))

    @cached_property
    def delivers(self) -> bool:
        """Each round has something else done that takes its time: a mail is sent, nothing is computed for the row."""
        return any(map(self._is_slow, self._done))

    def acts_beyond(self, own: Set[str] = SENDING) -> bool:
        """Each round calls for something else as well, not only for a value: its commit ends a piece of work."""
        function = self.tell.catalogue.function
        names = {terminal(call.func) for call in self._done} - {*own, *_of_containers(), *_OF_SESSIONS, "print"}
        if any(not _HARMLESS & function(f"*.{name}") for name in names):
            return True
        return any(map(self._is_of_no_container, self._done))

    def _is_of_no_container(self, call: cst.Call) -> bool:
        """`os.remove(path)`: a module's function that works on something outside, called like a container's method."""
        if terminal(call.func) not in _of_containers():
            return False
        callee = self.blocking.resolver.static(call.func, self.loop.function, self.loop.module)
        return isinstance(callee, Symbol) and "raises" in self.tell.catalogue.function(callee.name)

    def works_on_row(self, session: cst.BaseExpression) -> bool:
        """Each round has something else than the session work on its row, or the row itself: `worker.handle(job)`."""
        ours = [call for call in self._calls if code(call.func).startswith(f"{code(session)}.")]
        inside = {id(part) for call in ours for part in (call, *(n for a in call.args for n in walk(a)))}
        others = (call for call in self._calls if id(call) not in inside)
        rows = {part.value for part in walk(self.loop.node.target) if isinstance(part, cst.Name)}
        return any(mentions([call], rows.__contains__) and not self._is_value(call) for call in others)

    def _is_value(self, call: cst.Call) -> bool:
        """Whether a call only computes, looks up or tells something: `user.name.strip()`, `names.get(user.id)`."""
        name = terminal(call.func)
        kinds = self.tell.catalogue.function(f"*.{name}") | self.tell.catalogue.function(name)
        known = {*_of_containers(), *words().takes_one, *words().tells}
        return bool(_HARMLESS & kinds) or name in known or hasattr(builtins, name) or hasattr(str, name)

    @cached_property
    def does_more(self) -> bool:
        """Each round sends something of its own that is no row: a script, a statement made elsewhere."""
        nodes = walk(self.loop.node.body, same_scope)
        sent = [n for n in nodes if isinstance(n, cst.Call) and isinstance(n.func, cst.Attribute)]
        if any(terminal(n.func) == "executescript" for n in sent):
            return True
        for node in sent:
            if terminal(node.func) == "execute" and node.args:
                made = self.reader.read(node.args[0].value)
                varies = mentions(node.args, self.loop.rows.__contains__)
                if made is None or made.verb in words().structure:
                    return True
                if made.verb in words().writes and is_whole(made) and not varies:
                    return True
        return False

    def needs_an_answer(self, node: cst.Call) -> bool:
        """Whether the row is made of what the one before, or a statement of the round, answered."""
        return mentions(node.args, {*self._answers, *self._asked(node)}.__contains__)

    def may_be_last(self, node: cst.Call) -> bool:
        """Whether there is another round only if the statement found nothing."""
        if not any(isinstance(part, _LEAVING) for part in self.loop.body):
            return False
        assigned = (n for n in self.loop.body if isinstance(n, (cst.Assign, cst.NamedExpr)))
        given = [n for n in assigned if any(part is node for part in walk(n.value))]
        targets = [t for n in given for t in ([n.target] if isinstance(n, cst.NamedExpr) else n.targets)]
        names = self._answers.union(n.value for t in targets for n in walk(t) if isinstance(n, cst.Name))
        tests = [n for n in self.loop.body if isinstance(n, cst.If)]
        asking = (n for n in tests if mentions([n.test], names.__contains__) or any(p is node for p in walk(n.test)))
        return any(isinstance(part, (*_LEAVING, cst.Continue)) for n in asking for part in walk(n, same_scope))

    def is_parent(self, node: cst.Call) -> bool:
        """Whether the round writes rows that have to wait for what this one answers."""
        known, is_behind = set(self._answers), False
        for part in walk(self.loop.node.body, same_scope):
            is_behind |= part is node
            if isinstance(part, cst.Assign) and is_behind and mentions([part.value], known.__contains__):
                known.update(n.value for t in part.targets for n in walk(t) if isinstance(n, cst.Name))
            elif isinstance(part, cst.Call) and part is not node and terminal(part.func) == "execute":
                if mentions(part.args, known.__contains__):
                    return True
        return False

    @cached_property
    def _calls(self) -> list[cst.Call]:
        return [node for node in self.loop.body if isinstance(node, cst.Call)]

    @cached_property
    def _done(self) -> list[cst.Call]:
        """The calls that are statements: made for their effect."""
        calls = [unawaited(node.value) for node in self.loop.body if isinstance(node, cst.Expr)]
        return [call for call in calls if isinstance(call, cst.Call)]

    def _is_slow(self, node: cst.Call) -> bool:
        function, module = self.loop.function, self.loop.module
        if function is None:
            return False
        callee = self.blocking.resolver.static(node.func, function, module)
        return bool(self.blocking.at(callee, node, function.node.body, module))

    @cached_property
    def _answers(self) -> frozenset[str]:
        """Names of what a statement answered: a row that is made of them has to wait for it."""
        methods = self.loop.answers(self.tell.catalogue)
        assigned = (n for n in self.loop.body if isinstance(n, cst.Assign) and n.value is not self.loop.node.iter)
        given = (a for a in assigned if any(isinstance(n, cst.Attribute) and n.attr.value in methods for n in walk(a)))
        return frozenset(n.value for a in given for t in a.targets for n in walk(t) if isinstance(n, cst.Name))

    def _asked(self, node: cst.Call) -> Iterator[str]:
        """Names of what the same object gives later in the round, for the next one: `parent = db.last_id()`."""
        owner = code(node.func.value) if isinstance(node.func, cst.Attribute) else ""
        after = self.loop.body[self.loop.body.index(node) :]
        for assign in (part for part in after if isinstance(part, cst.Assign)):
            call = assign.value.func if isinstance(assign.value, cst.Call) else None
            if isinstance(call, cst.Attribute) and code(call.value) == owner:
                yield from (n.value for t in assign.targets for n in walk(t) if isinstance(n, cst.Name))


@cache
def _of_containers() -> frozenset[str]:
    """Methods by which a container, or a session as one, is filled and emptied."""
    return frozenset((*words().fills, *words().marks, *words().shrinks))
