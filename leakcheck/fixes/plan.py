"""Which rewrite mends a finding, if one does: each is tried in turn, and the first that holds is taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from leakcheck.checks.leaks import Verdict, judge, leaks
from leakcheck.checks.misuse import misuses
from leakcheck.checks.telling import Teller
from leakcheck.diagnostics import Diagnostic, Fix, Span
from leakcheck.fixes.blocks import close_after_block, drop_await, return_after_block
from leakcheck.fixes.cleanup import release_anyway
from leakcheck.fixes.handover import guard_hand_over
from leakcheck.fixes.scene import File, Proposal, Scene
from leakcheck.fixes.stack import close_on_stack
from leakcheck.fixes.text import Refused
from leakcheck.fixes.unnamed import close_at_once, close_unused, name_it
from leakcheck.fixes.validate import validate
from leakcheck.fixes.wrap import wrap
from leakcheck.fixes.wrong import drop_guard, use_right_release
from leakcheck.flow.core import Leak, Site
from leakcheck.flow.interpreter import Interpreter, analyse, summaries_for
from leakcheck.flow.resolve import Resolver
from leakcheck.project.module import FunctionInfo, Module
from leakcheck.project.project import Project
from leakcheck.settings import Settings

Rewrite = Callable[[Scene], Proposal]

FIXABLE = frozenset({"LK101", "LK102", "LK103", "LK104"})
REWRITES: tuple[Rewrite, ...] = (
    drop_await,
    return_after_block,
    close_after_block,
    use_right_release,
    drop_guard,
    guard_hand_over,
    wrap,
    release_anyway,
    close_at_once,
    close_unused,
    name_it,
    close_on_stack,
)


def with_fixes(
    found: Sequence[Diagnostic], runs: Sequence[Interpreter], module: Module, project: Project
) -> list[Diagnostic]:
    """The findings of a module, each leak with its fix or the reason why there is none."""
    if not any(d.code in FIXABLE for d in found):
        return list(found)
    try:
        mender = Mender(module, project, runs)
    except Refused as refusal:
        return [replace(d, not_fixed=str(refusal)) if d.code in FIXABLE else d for d in found]
    return [mender.mended(d) if d.code in FIXABLE else d for d in found]


class Mender:
    """For one module."""

    def __init__(self, module: Module, project: Project, runs: Sequence[Interpreter]) -> None:
        self._file, self._trial, self._settings = File(module), Trial(module, project), project.settings
        self._verdicts: dict[tuple[str, Span], tuple[Verdict, Interpreter]] = {}
        for run in runs:
            by_site: dict[Site, list[Leak]] = {}
            for leak in run.leaks:
                by_site.setdefault(leak.site, []).append(leak)
            for site, its_leaks in by_site.items():
                verdict = judge(site, its_leaks)
                self._verdicts[verdict.code, module.span(site.node)] = (verdict, run)

    def mended(self, found: Diagnostic) -> Diagnostic:
        """The finding with its fix."""
        known = self._verdicts.get((found.code, found.span))
        if known is None:
            return found
        try:
            proposal = _plan(Scene(self._file, *known), self._trial)
        except Refused as refusal:
            return replace(found, not_fixed=str(refusal))
        except Exception as error:  # a finding without a fix is worth more than no finding
            return replace(found, not_fixed=f"internal error: {type(error).__name__}: {error}")
        trusted = self._settings.trusts(found.code)
        fix = Fix(
            proposal.title, "safe" if trusted else proposal.applicability, proposal.draft.edits(self._file.filename)
        )
        return replace(found, fix=fix, not_fixed=f"unsafe: {proposal.doubt}" if proposal.doubt else None)


def _plan(scene: Scene, trial: Trial) -> Proposal:
    """The first safe proposal, else the first at all."""
    refusals: list[str] = []
    doubtful: Proposal | None = None
    before = trial.findings(scene.run)
    for rewrite in REWRITES:
        try:
            proposal = rewrite(scene)
            validate(scene, proposal, trial.examine, before)
        except Refused as refusal:
            refusals.append(str(refusal))
            continue
        if not proposal.doubt:
            return proposal
        doubtful = doubtful or proposal
    if doubtful is None:
        raise Refused(next((r for r in refusals if r), "no rewrite fits"))
    return doubtful


class Trial:
    """Checks changed texts of one module as if they were its own, without the project noticing."""

    def __init__(self, module: Module, project: Project) -> None:
        self._module, self._project = module, project
        self._fork: Project | None = None

    def findings(self, run: Interpreter) -> list[Diagnostic]:
        """What a run of the interpreter found."""
        tell = Teller(run.module, self._project.catalogue)
        return [*leaks(run, tell), *misuses(run, tell)]

    def examine(self, text: str, scene: Scene) -> list[Diagnostic]:
        """The findings of the scene's function in a changed text of the module."""
        self._fork = self._fork or self._project.fork()
        module = self._fork.add(text, self._module.filename, at_once=len(self._module.chunks) == 1)
        self._fork.memo.clear()
        resolver = Resolver(self._fork)
        summaries = summaries_for(resolver, self._settings.may_raise == "strict")
        words = summaries.wrappers.words(module)
        function = scene.run.function
        if function is None:
            return self.findings(_trusting(analyse(None, module, resolver, summaries), scene))
        return [
            found
            for twin in module.scopes(words | {function.name})
            if twin.qualname == function.qualname and _same_rank(twin, module, function)
            for found in self.findings(_trusting(analyse(twin, module, resolver, summaries), scene))
        ]

    @property
    def _settings(self) -> Settings:
        return self._project.settings


def _same_rank(twin: FunctionInfo, module: Module, function: FunctionInfo) -> bool:
    """Of several functions with one name, the one that stands where the original does."""
    return _rank(twin, module) == _rank(function, function.module)


def _rank(function: FunctionInfo, module: Module) -> int:
    chunks = module.mentioning(frozenset({function.name}))
    same = [d for chunk in chunks for d in chunk.definitions if d.qualname == function.qualname]
    return next((n for n, d in enumerate(same) if d is function), 0)


def _trusting(run: Interpreter, scene: Scene) -> Interpreter:
    """What was believed about an acquirer before the rewrite still is."""
    for site in run.sites:
        if site.callee == scene.site.callee and site.certainty == "low":
            site.certainty = scene.site.certainty
    return run
