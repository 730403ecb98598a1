"""What the text of a class tells about the fields of its objects: a guess that spares most classes a parse."""

from __future__ import annotations

import re

from leakcheck.patterns import pattern
from leakcheck.project.syntax.outline import words_of
from leakcheck.project.triage.facts import RELEASING

_STORED = pattern(r"self\.\w+[^=\n(]*=(?!=)([^\n]*\()")  # `self.a, self.b = …` among others
_KEPT = pattern(r"self\.\w+[^=\n(]*=[ \t]*(\w+)[ \t]*(?:#[^\n]*)?\r?$", re.MULTILINE)
_LOCAL = pattern(r"(?<=[ \t])(\w+)[ \t]*(?::[^=\n(]*)?=(?!=)([^\n]*\()")
_FIELD = pattern(r"\.[\s\\]*(\w+)[\s\\]*(=(?!=)|:)")
_CLOSES = pattern(RELEASING)


def stored(text: str) -> frozenset[str]:
    """Where it has a way to release what it keeps: the words in what it stores in its fields, at once or by way of a
    local name."""
    if not _CLOSES.search(text):
        return frozenset()
    found = [m[1] for m in _STORED.finditer(text) if _begins(text, m.start())]
    if kept := frozenset(_KEPT.findall(text)):
        found += [m[2] for m in _LOCAL.finditer(text) if m[1] in kept]
    return words_of(" ".join(found))


def assigned(text: str) -> frozenset[str]:
    """The names `x` of every `self.x = …` and `self.x: …` that may be in it."""
    return frozenset(m[1] for m in _FIELD.finditer(text) if m[2] == "=" or _is_declared(text, m.start()))


def _begins(text: str, at: int) -> bool:
    """Whether a statement may begin there: only a colon or a semicolon may be before it in its line."""
    before = text[text.rfind("\n", 0, at) + 1 : at].strip()
    return not before or before.endswith((":", ";"))


def _is_declared(text: str, dot: int) -> bool:
    """Whether a colon after the attribute at a dot may be that of a type: in a test there is more before it."""
    before = text[text.rfind("\n", 0, dot) + 1 : dot].strip(" \t\\")
    return not before or before in ("self", "cls") or before.endswith((":self", ": self", ";self", "; self", "cls"))
