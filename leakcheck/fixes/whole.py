"""A module as a whole: what every rule finds in it, and in the text that a rewrite would leave."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Sequence

from leakcheck.diagnostics import Diagnostic
from leakcheck.fixes.text import Refused
from leakcheck.project.project import Project
from leakcheck.project.syntax.module import Module

Examine = Callable[[Module, Project], Sequence[Diagnostic]]  # all findings of a module


class Whole:
    """`found` is all that was found in the module, before the settings and comments chose."""

    def __init__(self, module: Module, project: Project, found: Sequence[Diagnostic], examine: Examine) -> None:
        self.module, self.project, self._examine = module, project, examine
        self.before = self._counts(found)

    def after(self, text: str) -> Counter[str]:
        """How often each rule would be broken in the new text. Raises Refused if it would not parse."""
        try:
            compile(text, self.module.filename, "exec", ast.PyCF_ONLY_AST)
        except (SyntaxError, ValueError):
            raise Refused("the rewrite would not parse") from None
        fork = self.project.fork()
        fork.memo.clear()
        module = fork.add(text, self.module.filename, at_once=len(self.module.chunks) == 1)
        return self._counts(self._examine(module, fork))

    def _counts(self, found: Sequence[Diagnostic]) -> Counter[str]:
        """By rule; what is off, or not sure enough to be shown, does not count."""
        return Counter(d.code for d in found if d.confidence != "low" and self.project.settings.selects(d.code))
