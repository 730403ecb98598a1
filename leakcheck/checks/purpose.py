"""What a module is for, where that decides whether somebody would act on a finding."""

from __future__ import annotations

import os
import re

from leakcheck.project.module import Module
from leakcheck.settings import Settings
from leakcheck.words import words

_DEFINED = re.compile(r"^(?:async )?def (\w+)", re.MULTILINE)
_SEVERAL = 3  # functions named after tests


def is_test(module: Module, settings: Settings) -> bool:
    """Whether it is one, by its path, or helps tests, by the names of several of its functions."""
    if words().of_tests.search(settings.relative(module.filename).replace(os.sep, "/")):
        return True
    named = (name for name in _DEFINED.findall(module.source) if words().of_tests.search(name))
    return len(list(named)) >= _SEVERAL
