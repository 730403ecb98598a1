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
from leakcheck.project.walk import code, same_scope, walk
from leakcheck.settings import Settings
from leakcheck.words import words

_DEFINED = re.compile(r"def(?:(?<=\ndef)|(?<=\nasync def)) (\w+)")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")  # `HostsMigration`
_ALTERS = re.compile(r"\b(?:ALTER|CREATE|DROP|RENAME)\s+TABLE\b", re.IGNORECASE)
_MAIN = "__main__"
_EVER = ("True", "1")
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
    """The same, also by way of other functions of the file, none of which calls the next in a round."""
    if ends_with_the_process(function, project):
        return True
    module, name = function.module, function.name
    if function.parent is not None or _MAIN not in module.source or depth <= 0:
        return False
    callers = [chunk.info for chunk in module.chunks if name in chunk.words and chunk.name != name]
    if not callers or not is_of_this_file(function, project):
        return False
    for caller in callers:
        if not isinstance(caller, FunctionInfo) or not _calls_at_once(caller, name):
            return False
        if caller.name not in words().commands and not is_part_of_a_script(caller, project, depth - 1):
            return False
    return True


def _calls_at_once(caller: FunctionInfo, name: str) -> bool:
    """Whether a function uses a name for nothing but to call it, in no round."""
    once = walk(caller.node.body, lambda n: same_scope(n) and not isinstance(n, _ROUNDS))
    called = {id(n.func) for n in once if isinstance(n, cst.Call)}
    used = {id(n) for n in walk(caller.node) if isinstance(n, cst.Name) and n.value == name}
    return bool(used) and used <= called


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
