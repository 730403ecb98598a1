"""Tasks that run behind the response: what the endpoint was given may still be out until they are done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import libcst as cst

from leakcheck.checks.held.blocking import Pause
from leakcheck.checks.held.lending import Lending
from leakcheck.checks.sql import mentions
from leakcheck.flow.binding import parameters
from leakcheck.flow.holding import Held
from leakcheck.flow.interpreter import Interpreter
from leakcheck.flow.sites import Site
from leakcheck.flow.state import Status, Tier
from leakcheck.flow.values import Function, Instance, Method, Symbol, Value
from leakcheck.project.syntax.module import FunctionInfo
from leakcheck.project.syntax.walk import same_scope, walk
from leakcheck.records import dataclass

_DEPTH = 2  # of functions that add tasks for an endpoint
_NOBODY = cst.Name("_")


@dataclass(frozen=True)
class Task:
    """`tasks.add_task(work, db)`, `BackgroundTask(work, db)`, or a call of a function that adds one."""

    node: cst.Call
    work: cst.BaseExpression
    callee: Value
    arguments: tuple[cst.Arg, ...]

    def parameter(self, name: str) -> str:
        """By which name the work gets what the endpoint calls `name`; "" if it does not."""
        if not isinstance(self.callee, Function):
            return ""
        filled = parameters(self.callee, self.arguments)
        for filling, argument in zip(filled, self.arguments, strict=True):
            if isinstance(argument.value, cst.Name) and argument.value.value == name and not argument.star:
                return filling
        return ""


class Behind:
    """For one project."""

    def __init__(self, lending: Lending) -> None:
        self.lending, self.resolver = lending, lending.resolver
        self.names = frozenset(self.resolver.catalogue.web.tasks)
        self._words = frozenset(name.rpartition(".")[2] for name in self.names)

    def tasks(self, function: FunctionInfo, depth: int = _DEPTH) -> Iterator[Task]:
        """Those that an endpoint leaves behind, itself or by a function that it gives the list of them."""
        lists = {p.name.value for p in function.parameters if self._is_list(p, function)}
        if not lists and not function.mentions(self._words):
            return
        for node in walk(function.node.body, same_scope):
            if isinstance(node, cst.Call) and node.args:
                callee = self.resolver.static(node.func, function, function.module)
                if self.resolver.callee_name(callee) in self.names:
                    work, *rest = node.args
                    known = self.resolver.static(work.value, function, function.module)
                    yield Task(node, work.value, known, tuple(rest))
                elif depth > 0 and isinstance(callee, Function) and mentions(node.args, lists.__contains__):
                    yield from self._by(callee, node, depth - 1)

    def _is_list(self, parameter: cst.Param, function: FunctionInfo) -> bool:
        """`tasks: BackgroundTasks`."""
        known = self.resolver.parameter(parameter, function)
        return isinstance(known, Instance) and f"{known.type}.add_task" in self.names

    def _by(self, callee: Function, node: cst.Call, depth: int) -> Iterator[Task]:
        """The tasks that a function adds, with what it was given for them."""
        given = dict(zip(parameters(callee, node.args), (argument.value for argument in node.args), strict=True))
        for task in self.tasks(callee.info, depth):
            theirs = ((a, a.value.value if isinstance(a.value, cst.Name) else "") for a in task.arguments)
            ours = tuple(argument.with_changes(value=given.get(name, _NOBODY)) for argument, name in theirs)
            yield Task(node, _NOBODY, task.callee, ours)

    def waits(self, run: Interpreter, site: Site) -> Iterator[tuple[Held, Pause]]:
        """What the tasks of an endpoint wait for while it is not yet taken back."""
        assert run.function is not None
        returns = run.ended.returns if run.ended else ()
        still_out = any(state.resources[site.index, 0].status is Status.LENT for state in returns)
        for task in self.tasks(run.function):
            status, name = Status.LENT if still_out else Status.RESTING, task.parameter(site.name)
            record = Held(site, task.node, task.callee, status, Tier.NONE, bool(name), None, name)
            for pause in self._pauses(task, record, run):
                yield record, replace(pause, chain=((run.module, task.node), *pause.chain))

    def _pauses(self, task: Task, record: Held, run: Interpreter) -> Iterator[Pause]:
        """How the work of one waits."""
        blocking, callee = self.lending.blocking, task.callee
        if isinstance(callee, Function) and record.given and record.site.spec.soft_release:
            yield from self.lending.inside(callee.info, record.given, record)
        elif record.status is Status.RESTING:
            return
        elif isinstance(callee, Function):
            yield from blocking.inside(callee.info)
        elif isinstance(callee, (Symbol, Method)) and run.function is not None:
            found = blocking.at(callee, task.node, run.function.node.body, run.module)
            yield from (replace(pause, chain=pause.chain[1:]) for pause in found)

    def uses(self, function: FunctionInfo, name: str) -> Iterator[cst.Call]:
        """The tasks that get what the endpoint calls so, or whose work is a function of it."""
        for task in self.tasks(function):
            given = (task.work, *(argument.value for argument in task.arguments))
            if any(isinstance(part, (cst.Name, cst.Lambda)) and mentions([part], name.__eq__) for part in given):
                yield task.node
