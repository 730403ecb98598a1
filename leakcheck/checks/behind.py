"""Tasks that run behind the response: what the endpoint was given may still be out until they are done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import libcst as cst

from leakcheck.checks.blocking import Pause
from leakcheck.checks.lending import Lending
from leakcheck.checks.sql import mentions
from leakcheck.flow.core import Site
from leakcheck.flow.holding import Held
from leakcheck.flow.interpreter import Interpreter
from leakcheck.flow.state import Status, Tier
from leakcheck.flow.values import Function, Method, Symbol, Value
from leakcheck.project.module import FunctionInfo
from leakcheck.project.walk import same_scope, walk


@dataclass(frozen=True)
class Task:
    """`tasks.add_task(work, db)`, `BackgroundTask(work, db)`."""

    node: cst.Call
    callee: Value
    arguments: tuple[cst.Arg, ...]

    def parameter(self, name: str) -> str:
        """By which name the work gets what the endpoint calls `name`; "" if it does not."""
        if not isinstance(self.callee, Function):
            return ""
        parameters = self.callee.info.parameters[self.callee.receiver is not None :]
        for index, argument in enumerate(self.arguments):
            if isinstance(argument.value, cst.Name) and argument.value.value == name and not argument.star:
                if argument.keyword is not None:
                    return argument.keyword.value
                return parameters[index].name.value if index < len(parameters) else ""
        return ""


class Behind:
    """For one project."""

    def __init__(self, lending: Lending) -> None:
        self.lending, self.resolver = lending, lending.resolver
        self.names = frozenset(self.resolver.catalogue.web.tasks)
        self._words = frozenset(name.rpartition(".")[2] for name in self.names)

    def tasks(self, function: FunctionInfo) -> Iterator[Task]:
        """Those that an endpoint leaves behind; most leave none, by their words."""
        if not function.mentions(self._words):
            return
        for node in walk(function.node.body, same_scope):
            if isinstance(node, cst.Call) and node.args:
                callee = self.resolver.static(node.func, function, function.module)
                if self.resolver.callee_name(callee) in self.names:
                    work, *rest = node.args
                    yield Task(node, self.resolver.static(work.value, function, function.module), tuple(rest))

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
            given = (argument.value for argument in task.node.args)
            if any(isinstance(part, (cst.Name, cst.Lambda)) and mentions([part], name.__eq__) for part in given):
                yield task.node
