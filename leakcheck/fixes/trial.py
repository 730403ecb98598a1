"""Tries rewrites out before anybody sees them: the changed text must be clean where it was changed."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from leakcheck.checks.leaks.exits import verdicts
from leakcheck.diagnostics import Confidence
from leakcheck.fixes.scene import Scene
from leakcheck.fixes.text import Draft, Refused
from leakcheck.flow.interpreter import Interpreter, analyse, summaries_for
from leakcheck.flow.resolve import Resolver
from leakcheck.project.project import Project
from leakcheck.project.syntax.module import FunctionInfo, Module

Found = tuple[str, Confidence, int]  # rule, how sure, line of the acquire
Tried = tuple[Scene, Draft]


class Trial:
    """For one module. Its project does not notice."""

    def __init__(self, module: Module, project: Project) -> None:
        self._module, self._project = module, project
        self._fork: Project | None = None
        self._before: dict[Interpreter, list[int]] = {}

    def clean(self, tried: Sequence[Tried]) -> None:
        """Raises Refused unless all the findings that the rewrites are for are gone and no new one came."""
        whole = Draft.together([draft for _, draft in tried])
        text = whole.text()
        try:
            ast.parse(text)
        except (SyntaxError, ValueError):
            raise Refused("the rewrite would not parse") from None
        if text == self._module.source:
            raise Refused("the rewrite would change nothing")
        scenes = [scene for scene, _ in tried]
        known = Counter(line for run in {scene.run for scene in scenes} for line in self._lines(run))
        origins = whole.came_from()
        for code, confidence, line in (each for run in self._runs(text, scenes) for each in findings(run)):
            if confidence != "low":
                if not known[origins.get(line, 0)]:
                    raise Refused(f"the rewrite would lead to another finding ({code})")
                known[origins[line]] -= 1
        if Counter(self._module.span(scene.site.node).line for scene in scenes) - known:
            raise Refused("the rewrite would not be enough")

    def _lines(self, run: Interpreter) -> list[int]:
        """Where a run of the interpreter over the original found something."""
        if run not in self._before:
            self._before[run] = [line for _, _, line in findings(run)]
        return self._before[run]

    def again(self, text: str, scene: Scene) -> Interpreter | None:
        """A run over the scene's function in a changed text of the module."""
        return next(iter(self._runs(text, [scene])), None)

    def _runs(self, text: str, scenes: Sequence[Scene]) -> list[Interpreter]:
        """Runs over the functions of these scenes in a changed text of the module."""
        self._fork = self._fork or self._project.fork()
        module = self._fork.add(text, self._module.filename, at_once=len(self._module.chunks) == 1)
        self._fork.memo.clear()
        resolver = Resolver(self._fork)
        summaries = summaries_for(resolver, self._project.settings.may_raise == "strict")
        trusted = {scene.site.callee: scene.site.certainty for scene in scenes}
        twins = _twins(module, {scene.run.function for scene in scenes})
        runs = [_trusting(analyse(twin, module, resolver, summaries), trusted) for twin in twins]
        if module.error is not None:
            raise Refused("the rewrite would not parse")
        return runs


def findings(run: Interpreter) -> Iterator[Found]:
    """What a run found, without the words for it."""
    for verdict in verdicts(run):
        yield verdict.code, verdict.confidence, run.module.span(verdict.leak.site.node).line
    for site in dict.fromkeys(misuse.site for misuse in run.misuses):
        if not site.parameter:
            yield "LK107", site.certainty, run.module.span(site.node).line


def _twins(module: Module, functions: Iterable[FunctionInfo | None]) -> Iterator[FunctionInfo | None]:
    """The same functions in a changed text; None is the module's top level."""
    for function in functions:
        twin = function and _twin(module, function)
        if twin or function is None:
            yield twin


def _twin(module: Module, function: FunctionInfo) -> FunctionInfo | None:
    """Of several functions with one name, the one that stands where the original does."""
    old, new = (list(_of_name(each, function.qualname)) for each in (function.module, module))
    rank = next((n for n, each in enumerate(old) if each is function), 0)
    return new[rank] if rank < len(new) else None


def _of_name(module: Module, qualname: str) -> Iterator[FunctionInfo]:
    top = qualname.partition(".")[0]
    for chunk in module.chunks:
        if chunk.name == top or (chunk.kind == "compound" and top in chunk.words):
            found = (d for part in chunk.parts for d in part.definitions)
            yield from (d for d in found if isinstance(d, FunctionInfo) and d.qualname == qualname)


def _trusting(run: Interpreter, trusted: dict[str, Confidence]) -> Interpreter:
    """What was believed about an acquirer before the rewrite still is."""
    for site in run.sites:
        if site.certainty == "low":
            site.certainty = trusted.get(site.callee, "low")
    return run
