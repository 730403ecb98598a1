"""Words and places for findings: the same subject, verb and steps for every rule."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from leakcheck.catalogue import Catalogue
from leakcheck.diagnostics import Confidence, Diagnostic, Span, Step, StepKind
from leakcheck.flow.sites import Site
from leakcheck.project.syntax.module import FunctionInfo, Module
from leakcheck.project.syntax.walk import code

_LONGEST = 60

_REOPENED = " (nobody keeps the generator, which closes it at once: the next use opens it again)"
# What garbage collection does for a resource nobody gave back, where that is worth knowing.
_COLLECTED = {
    "never": " (garbage collection never gives it back)",
    "cycle": " (else it stays until some garbage collection)",
}


def quoted(text: str) -> str:
    """Code in a message, shortened in the middle of nowhere rather than wrapped."""
    return f"`{text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…'}`"


def named(function: FunctionInfo) -> str:
    """A function as it is called in a message: of what objects are made with, the class too."""
    is_special = function.cls is not None and function.name.startswith("__")
    return quoted(f"{function.cls.name}.{function.name}" if function.cls and is_special else function.name)


class Teller:
    """For one module."""

    def __init__(self, module: Module, catalogue: Catalogue) -> None:
        self.module, self.catalogue = module, catalogue

    def text(self, node: cst.CSTNode) -> str:
        return code(node)

    def callee(self, node: cst.CSTNode) -> str:
        """What raises, without its arguments."""
        return code(node.func) if isinstance(node, cst.Call) else code(node)

    def done(self, site: Site) -> str:
        """The participle of a release: closed, or returned (to its pool)."""
        return "returned" if site.is_pooled else "closed"

    def does(self, site: Site) -> str:
        return "returns" if site.is_pooled else "closes"

    def do(self, site: Site) -> str:
        return "return" if site.is_pooled else "close"

    def subject(self, site: Site, article: bool = True) -> str:
        """`conn` from `psycopg2.connect`."""
        if site.name:
            return f"{quoted(site.name)} from {quoted(site.callee)}"
        return f"the connection from {quoted(site.callee)}" if article else quoted(site.callee)

    def step(self, kind: StepKind, node: cst.CSTNode, message: str, module: Module | None = None) -> Step:
        return Step(kind, (module or self.module).span(node), message)

    def acquired(self, site: Site, which: str = "") -> list[Step]:
        """The acquire, and through which functions of the project it came; of several, which one it is."""
        return self._acquired(site, which, "")

    def lost(self, site: Site) -> list[Step]:
        """The same, with what garbage collection does for one that nobody gives back."""
        return self._acquired(site, "", _REOPENED if site.reopened else _COLLECTED.get(site.spec.gc, ""))

    def _acquired(self, site: Site, which: str, why: str) -> list[Step]:
        verb = "checked out here" if site.is_pooled else "opened here"
        verb = "made here" if site.opens_late else verb
        steps = [self.step("acquire", site.node, f"{which}{verb}{why}")]
        for wrapper in site.wrappers:
            steps.append(self._through(wrapper))
        return steps

    def _through(self, wrapper: FunctionInfo) -> Step:
        return self.step("via", wrapper.place, f"{quoted(wrapper.name)} hands it to its caller", wrapper.module)

    def diagnostic(
        self, rule: str, confidence: Confidence, message: str, site: Site, steps: tuple[Step, ...]
    ) -> Diagnostic:
        document = self.catalogue.rules[rule]
        return Diagnostic(rule, document.name, document.severity, confidence, message, self._place(site), steps)

    def at(
        self, rule: str, confidence: Confidence, message: str, node: cst.CSTNode, steps: Sequence[Step] = ()
    ) -> Diagnostic:
        """A finding about a statement rather than an acquire."""
        document = self.catalogue.rules[rule]
        place = self.module.span(node)
        return Diagnostic(rule, document.name, document.severity, confidence, message, place, tuple(steps))

    def _place(self, site: Site) -> Span:
        return self.module.span(site.node)
