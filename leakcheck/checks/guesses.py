"""What leakcheck had to guess: acquirers known by their names alone, and the lines that would teach it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import libcst as cst

from leakcheck.diagnostics import Diagnostic
from leakcheck.flow.interpreter import Interpreter
from leakcheck.flow.naming import GUESSED
from leakcheck.flow.sites import Site
from leakcheck.models import Release
from leakcheck.project.syntax.walk import terminal


def hints(runs: Iterable[Interpreter], found: Sequence[Diagnostic]) -> tuple[str, ...]:
    """How to teach the first acquirer that a finding rests on and whose name alone spoke for it."""
    reported = {diagnostic.span for diagnostic in found}
    for run in runs:
        for site in run.sites:
            if can_be_taught(site) and run.module.span(site.node) in reported:
                return (_hint(site),)
    return ()


def is_guess(site: Site) -> bool:
    """Whether nothing but a name says that the call acquires."""
    return site.spec.library == GUESSED and not site.parameter and not site.wrappers


def can_be_taught(site: Site) -> bool:
    """Whether it is a guess that settings can replace: not of `engine.begin()`, whose block alone gives back."""
    return is_guess(site) and bool(site.spec.release)


def lesson(site: Site) -> str:
    """The lines of pyproject.toml that say of an acquirer what was guessed."""
    return (
        "[[tool.leakcheck.connection]]\n"
        f'acquire = ["{_pattern(site)}"]\n'
        f'release = ["{_release(site)}"]\n'
        'with = "nothing"'
    )


def _hint(site: Site) -> str:
    lines = "\n".join(f"    {line}" for line in lesson(site).splitlines())
    return (
        f"that `{site.callee}` acquires is guessed from its name; "
        f"if it does, and this is how to give back, say so in pyproject.toml:\n{lines}"
    )


def _pattern(site: Site) -> str:
    """The acquirer as settings name it: `*pool.acquire` where the receiver has a name."""
    func = site.node.func if isinstance(site.node, cst.Call) else None
    owner = func.value if isinstance(func, cst.Attribute) else None
    receiver = terminal(owner.func if isinstance(owner, cst.Call) else owner) if owner is not None else ""
    return f"*{receiver}.{site.callee.rpartition('.')[2]}"


def _release(site: Site) -> Release:
    """The form the code itself uses, else the usual one."""
    used = {terminal(node.func) for node in site.releases if isinstance(node, cst.Call)}
    return next((form for form in site.spec.release if form.method in used), site.spec.release[0])
