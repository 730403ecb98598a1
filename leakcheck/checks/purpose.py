"""What a module is for, where that decides whether somebody would act on a finding."""

from __future__ import annotations

import os
import re

from leakcheck.project.module import FunctionInfo, Module
from leakcheck.settings import Settings
from leakcheck.words import words

_DEFINED = re.compile(r"^(?:async )?def (\w+)", re.MULTILINE)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")  # `HostsMigration`
_SEVERAL = 3  # functions named after tests


def is_test(module: Module, settings: Settings) -> bool:
    """Whether it is one, by its path, or helps tests, by the names of several of its functions."""
    if words().of_tests.search(settings.relative(module.filename).replace(os.sep, "/")):
        return True
    named = (name for name in _DEFINED.findall(module.source) if words().of_tests.search(name))
    return len(list(named)) >= _SEVERAL


def is_migration(function: FunctionInfo | None, module: Module) -> bool:
    """Whether code runs once in a database's life, by its path or the names of the functions and classes around it."""
    if words().of_migrations.search(module.filename):
        return True
    around = function.qualname.split(".") if function is not None else ()
    return any(words().of_migrating.search(_HUMP.sub("_", name)) for name in around)
