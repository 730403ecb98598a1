"""What a module is for, where that decides whether somebody would act on a finding."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import libcst as cst

from leakcheck.checks.sql import mentions
from leakcheck.project.module import Chunk, FunctionInfo, Module
from leakcheck.project.outline import words_of
from leakcheck.project.project import Project
from leakcheck.project.walk import code, dotted, same_scope, terminal, walk
from leakcheck.settings import Settings
from leakcheck.words import words

_DEFINED = re.compile(r"def(?:(?<=\ndef)|(?<=\nasync def)) (\w+)")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")  # `HostsMigration`
_ALTERS = re.compile(r"\b(?:ALTER|CREATE|DROP|RENAME)\s+TABLE\b", re.IGNORECASE)
_MAIN = "__main__"
_EVER = ("True", "1")
_GOES_ON = re.compile(r"^\s*(?:while|async)\b", re.MULTILINE)
_LEAVES = (cst.Break, cst.Return)
_ROUNDS = (cst.For, cst.While, cst.BaseComp)
_DEPTH = 3  # of functions between a script's block and what it leads to
_SEVERAL = 3  # functions named after tests


def is_test(module: Module, settings: Settings) -> bool:
    """Whether it is one, by its path, or helps tests, by the names of several of its functions."""
    if words().of_tests.search(settings.relative(module.filename).replace(os.sep, "/")):
        return True
    named = (name for name in _DEFINED.findall(f"\n{module.source}") if words().of_tests.search(name))
    return len(list(named)) >= _SEVERAL


def is_migration(function: FunctionInfo | None, module: Module) -> bool:
    """Whether code runs once in a database's life, by its path or the names of the functions and classes around it."""
    if words().of_migrations.search(module.filename):
        return True
    if words().of_migrating_files.search(module.filename) and _ALTERS.search(module.source):
        return True
    return function is not None and words().of_migrating.search(_HUMP.sub("_", function.qualname)) is not None


def ends_with_the_process(function: FunctionInfo, project: Project) -> bool:
    """Whether `if __name__ == "__main__":` calls a function, in no round, and nothing else in sight does."""
    module, name = function.module, function.name
    if function.parent is not None or _MAIN not in module.source:
        return False
    callers = [chunk for chunk in module.chunks if name in chunk.words and chunk.name != name]
    return bool(callers) and all(_starts(chunk, name) for chunk in callers) and is_of_this_file(function, project)


def is_part_of_a_script(function: FunctionInfo, project: Project, depth: int = _DEPTH) -> bool:
    """The same, also by way of commands and of other functions of the file, none of which calls the next in a round."""
    if ends_with_the_process(function, project):
        return True
    module, name = function.module, function.name
    if function.parent is not None or depth <= 0:
        return False
    chunks = [chunk for chunk in module.chunks if name in chunk.words and chunk.name != name]
    if not chunks or not is_of_this_file(function, project):
        return False
    for caller in (chunk.info for chunk in chunks if not _starts(chunk, name)):
        if not isinstance(caller, FunctionInfo) or not (uses := _uses(caller, name)):
            return False
        uses -= _started(caller)  # what a process of its own runs ends with that, whoever starts it
        if uses - _called_at_once(caller):
            return False
        if uses and not is_command(caller) and not is_part_of_a_script(caller, project, depth - 1):
            return False
    return True


def is_command(function: FunctionInfo) -> bool:
    """Whether the process ends with a function: the `main` of a script, or one that a decorator makes a command."""
    if any(name.rpartition(".")[2] in words().commands for name in function.decorators):
        return not function.is_async  # a bot's answers many
    return function.name in words().commands and _MAIN in function.module.source


def is_run_in_processes(function: FunctionInfo) -> bool:
    """Whether its file gives it to a pool of processes, which ends when the work is done."""
    name, targets = function.name, function.module.imports.values()
    if not set(targets) & set(words().process_pools) or any("Thread" in target for target in targets):
        return False
    for caller in (chunk.info for chunk in function.module.chunks if name in chunk.words and chunk.name != name):
        calls = walk(caller.node.body, same_scope) if isinstance(caller, FunctionInfo) else ()
        maps = (n for n in calls if isinstance(n, cst.Call) and n.args and terminal(n.func) in words().maps)
        if any(isinstance(n.args[0].value, cst.Name) and n.args[0].value.value == name for n in maps):
            return True
    return False


def _uses(caller: FunctionInfo, name: str) -> set[int]:
    """The ids of the nodes by which a function reads a name: `db.connect` reads no `connect`."""
    parts = list(walk(caller.node))
    others = {id(n.attr) for n in parts if isinstance(n, cst.Attribute)}
    others |= {id(n.keyword) for n in parts if isinstance(n, cst.Arg) and n.keyword is not None}
    return {id(n) for n in parts if isinstance(n, cst.Name) and n.value == name} - others


def _called_at_once(caller: FunctionInfo) -> set[int]:
    """The ids of what a function calls in no round."""
    once = walk(caller.node.body, lambda n: same_scope(n) and not isinstance(n, _ROUNDS))
    return {id(n.func) for n in once if isinstance(n, cst.Call)}


def _started(caller: FunctionInfo) -> set[int]:
    """The ids of what a function has a new process run: `Process(target=work)`."""
    calls = (n for n in walk(caller.node.body, same_scope) if isinstance(n, cst.Call))
    processes = (call for call in calls if _is_process(call, caller.module))
    return {id(a.value) for call in processes for a in call.args if a.keyword and a.keyword.value == "target"}


def _is_process(call: cst.Call, module: Module) -> bool:
    first, _, rest = (dotted(call.func) or "").partition(".")
    target = module.imports.get(first, "")
    return (f"{target}.{rest}" if rest else target) in words().processes


def for_ever(function: FunctionInfo) -> Iterator[frozenset[int]]:
    """The ids of the nodes of each loop that a function never leaves but by an exception."""
    for loop in walk(function.node.body, same_scope):
        if isinstance(loop, cst.While) and code(loop.test) in _EVER:
            inside = list(walk(loop.body, same_scope))
            if not any(isinstance(node, _LEAVES) for node in inside):
                yield frozenset(map(id, inside))


def is_of_this_file(function: FunctionInfo, project: Project) -> bool:
    """Whether no other file in sight mentions a function together with its module, as who imports it does."""
    return is_only_in(function.module, function.name, project)


def is_only_in(module: Module, name: str, project: Project) -> bool:
    """Whether no other file in sight mentions a name together with its module."""
    both = {module.name.rpartition(".")[2], name}
    texts = (text for text in project.texts_around(module) if text != module.source)
    return not any(both <= words_of(text) for text in texts if all(word in text for word in both))  # most say no


def is_brief_script(module: Module) -> bool:
    """Whether a file is run as a script, and has nothing by which one runs on and on."""
    if _MAIN not in module.source or _GOES_ON.search(module.source):
        return False
    return any(_main_block(chunk) is not None for chunk in module.chunks)


def is_script(node: cst.CSTNode, module: Module) -> bool:
    """Whether a statement stands below `if __name__ == "__main__":`."""
    chunk = module.chunk_of(node) if _MAIN in module.source else None
    return chunk is not None and _main_block(chunk) is not None


def _starts(chunk: Chunk, name: str) -> bool:
    """Whether this is the block of a script, and uses the name in no round."""
    head = _main_block(chunk)
    if head is None:
        return False
    rounds = (node for node in walk(head) if isinstance(node, _ROUNDS))
    return not any(mentions([node], name.__eq__) for node in rounds)


def _main_block(chunk: Chunk) -> cst.If | None:
    head = chunk.tree.body[0] if chunk.kind == "compound" and _MAIN in chunk.words else None
    return head if isinstance(head, cst.If) and _MAIN in code(head.test) else None
