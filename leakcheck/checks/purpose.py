"""What a module is for, where that decides whether somebody would act on a finding."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import libcst as cst

from leakcheck.patterns import pattern
from leakcheck.project.project import Project
from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.project.syntax.outline import words_of
from leakcheck.project.syntax.walk import code, same_scope, walk
from leakcheck.settings import Settings
from leakcheck.words import words

_DEFINED = pattern(r"def(?:(?<=\ndef)|(?<=\nasync def)) (\w+)")
_HUMP = pattern(r"(?<=[a-z0-9])(?=[A-Z])")  # `HostsMigration`
_ALTERS = pattern(r"\b(?:ALTER|CREATE|DROP|RENAME)\s+TABLE\b", re.IGNORECASE)
EVER = ("True", "1")
_LEAVES = (cst.Break, cst.Return)
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


def is_put_away(function: FunctionInfo, project: Project) -> bool:
    """Whether nobody calls a private function that migrates something, by its name: somebody ran it once, by hand."""
    name = function.name
    if not name.startswith("_") or not words().of_migrates.search(name):
        return False
    uses = re.findall(rf"\b{name}\b", function.module.source)
    return len(uses) == 1 and is_of_this_file(function, project)


def for_ever(function: FunctionInfo) -> Iterator[frozenset[int]]:
    """The ids of the nodes of each loop that a function never leaves but by an exception."""
    for loop in walk(function.node.body, same_scope):
        if isinstance(loop, cst.While) and code(loop.test) in EVER:
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
