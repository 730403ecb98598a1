"""Regular expressions that are compiled when they are first used: a run uses few of all."""

from __future__ import annotations

import re
from typing import Any, cast


class _Late:
    def __init__(self, *made_of: Any) -> None:
        self._made_of = made_of

    def __getattr__(self, name: str) -> Any:
        found = self.__dict__[name] = getattr(re.compile(*self._made_of), name)
        return found


def pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """As `re.compile`, for what a module makes when it is imported."""
    return cast("re.Pattern[str]", _Late(text, flags))
