"""Which functions take connections, what they call meanwhile, and where they give them back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from leakcheck.records import dataclass

if TYPE_CHECKING:
    import libcst as cst

    from leakcheck.flow.interpreter import Interpreter
    from leakcheck.flow.sites import Site
    from leakcheck.project.syntax.module import Module

Fate = Literal["released", "handed", "lost"]  # given back; somebody else's from some point on; lost on some path


@dataclass(frozen=True, slots=True)
class Life:
    """One acquire: lines of the call, of the calls made while it is held, of the releases, and of the last of these."""

    line: int
    end: int  # 0: it outlives the function
    callee: str
    name: str  # the variable
    calls: tuple[int, ...]
    releases: tuple[int, ...]
    fate: Fate


@dataclass(frozen=True, slots=True)
class Lifelines:
    """A function that takes connections, with its first and last line; no name: a module's top level."""

    name: str
    first: int
    last: int
    lives: tuple[Life, ...]


def lifelines(module: Module, runs: Sequence[Interpreter]) -> tuple[Lifelines, ...]:
    """In source order."""
    found = [_function(run, module) for run in runs if any(not site.parameter for site in run.sites)]
    return tuple(sorted(found, key=lambda function: (function.first, function.last)))


class _Body:
    """A function's own text, nested functions included: its nodes, and what its `with` statements and stacks enter."""

    def __init__(self, run: Interpreter) -> None:
        import libcst as cst

        from leakcheck.project.syntax.walk import terminal, walk

        self.own: set[int] = set()
        self.blocks: dict[int, cst.With] = {}
        self.stacked: set[int] = set()
        for body in [run.function.node.body] if run.function else run.names.body:
            for node in walk(body):
                self.own.add(id(node))
                if isinstance(node, cst.With):
                    self.blocks.update({id(item.item): node for item in node.items})
                elif isinstance(node, cst.Call) and terminal(node.func) in ("enter_context", "enter_async_context"):
                    self.stacked.update(id(argument.value) for argument in node.args)


def _function(run: Interpreter, module: Module) -> Lifelines:
    body = _Body(run)
    lives = [_life(site, run, body, module) for site in run.sites if not site.parameter]
    lives.sort(key=lambda life: life.line)
    if run.function is None:
        return Lifelines("", 1, module.source.count("\n") + 1, tuple(lives))
    span = module.span(run.function.node)
    return Lifelines(run.function.qualname, span.line, span.end_line, tuple(lives))


def _life(site: Site, run: Interpreter, body: _Body, module: Module) -> Life:
    line = module.span(site.node).line
    nodes = (site.node, *site.releases)
    ends = {module.span(body.blocks[id(node)]).end_line for node in nodes if id(node) in body.blocks}
    given_back = {module.span(node).line for node in site.releases if id(node) in body.own} - {line}
    releases = ends or given_back
    calls = {module.span(held.node).line for held in run.holding.calls.values() if held.site is site} - {line}
    fate: Fate = "released" if releases or any(id(node) in body.stacked for node in nodes) else "handed"
    if any(leak.site is site for leak in run.leaks):
        fate = "lost"
    end = max((line, *releases, *calls)) if fate == "released" and releases else 0
    return Life(line, end, site.callee, site.name, tuple(sorted(calls)), tuple(sorted(releases)), fate)
