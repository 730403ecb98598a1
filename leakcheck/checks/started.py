"""What is started and not called: as a command, as a task, or in a process of its own. The process ends with it."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.project.syntax.walk import dotted, same_scope, terminal, walk
from leakcheck.words import words

MAIN = "__main__"


def is_command(function: FunctionInfo) -> bool:
    """Whether the process ends with a function: the `main` of a script, or one that a decorator makes a command."""
    if any(_is_last_of(name, words().commands) for name in function.decorators):
        return is_made_a_command(function)
    return function.name in words().commands and MAIN in function.module.source


def is_made_a_command(function: FunctionInfo) -> bool:
    """Whether a decorator makes it one."""
    named = [name for name in function.decorators if _is_last_of(name, words().commands)]
    return bool(named) and (not function.is_async or any(_runs_coroutines(n, function.module) for n in named))


def is_task(function: FunctionInfo) -> bool:
    """Whether a decorator makes it a task, which runs in a process of its own: `@task`, `@task.virtualenv`."""
    targets = (f"{qualified(name, function.module)}." for name in function.decorators)
    return any(target.startswith(f"{task}.") for target in targets for task in words().tasks)


def started(node: cst.CSTNode, module: Module, tasks: bool = False) -> set[int]:
    """The ids of what a part of a file hands over to be run as a command or in a process, or also as a task."""
    return {id(value) for call in _calls(node) for value in _handed(call, module, tasks)}


def qualified(name: str, module: Module) -> str:
    """A dotted name with what is imported for its first part."""
    first, _, rest = name.partition(".")
    target = module.imports.get(first, "")
    return f"{target}.{rest}" if rest else target


def _calls(node: cst.CSTNode) -> Iterator[cst.Call]:
    return (part for part in walk(node, same_scope) if isinstance(part, cst.Call))


def _handed(call: cst.Call, module: Module, tasks: bool) -> Iterator[cst.BaseExpression]:
    """`work` of `Process(target=work)`, `parser.set_defaults(run=work)`, `app.command()(work)`; or of an operator."""
    if isinstance(call.func, cst.Call) and terminal(call.func.func) in words().commands:
        yield from (argument.value for argument in call.args)
    keys = {"target"} if qualified(dotted(call.func) or "", module) in words().processes else set()
    keys |= set(words().task_arguments) if tasks else set()
    is_parser = terminal(call.func) in words().command_setters
    for argument in call.args:
        if argument.keyword is not None and (is_parser or argument.keyword.value in keys):
            yield argument.value


def _runs_coroutines(name: str, module: Module, depth: int = 3) -> bool:
    """Whether a decorator is of a library, or of a group of commands, that runs coroutines as commands: those of a bot
    answer many."""
    first = name.partition(".")[0]
    if module.imports.get(first, "").partition(".")[0] in words().async_commands:
        return True
    group = module.definition(first) if depth > 0 else None
    made = group.decorators if isinstance(group, FunctionInfo) else ()
    return any(_is_last_of(each, words().commands) and _runs_coroutines(each, module, depth - 1) for each in made)


def _is_last_of(name: str, names: tuple[str, ...]) -> bool:
    return name.rpartition(".")[2] in names
