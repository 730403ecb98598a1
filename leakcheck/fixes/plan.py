"""Which rewrite mends a finding, if one does: each is tried in turn, and the first that holds is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from leakcheck.checks.leaks import Verdict, verdicts
from leakcheck.diagnostics import Diagnostic, Fix, Span
from leakcheck.fixes.blocks import close_after_block, drop_await, return_after_block
from leakcheck.fixes.cleanup import release_anyway
from leakcheck.fixes.handover import guard_hand_over
from leakcheck.fixes.scene import File, Proposal, Scene
from leakcheck.fixes.stack import close_on_stack
from leakcheck.fixes.text import Draft, Refused
from leakcheck.fixes.trial import Trial
from leakcheck.fixes.unnamed import close_at_once, close_unused, name_it
from leakcheck.fixes.validate import same_work
from leakcheck.fixes.wrap import wrap
from leakcheck.fixes.wrong import drop_guard, use_right_release
from leakcheck.flow.interpreter import Interpreter
from leakcheck.project.module import Module
from leakcheck.project.project import Project

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
    return mender.mended(found)


class Quest:
    """The search for one finding's fix: `proposal` is what is tried now. Safe ones come before doubtful ones."""

    def __init__(self, file: File, verdict: Verdict, run: Interpreter) -> None:
        self.scene: Scene
        self.proposal: Proposal | None = None
        self._refusals: list[str] = []
        self._untried = self._proposals(file, verdict, run)

    def advance(self) -> bool:
        """Go on to the next proposal, if there is one."""
        try:
            self.proposal = next(self._untried, None)
        except Exception as error:  # a finding without a fix is worth more than no finding
            self._note(error)
        return self.proposal is not None

    def refuse(self, why: Exception) -> bool:
        """The proposal does not hold; whether there is another one."""
        self._note(why)
        self.proposal = None
        return self.advance()

    def _note(self, why: Exception) -> None:
        expected = isinstance(why, Refused)
        self._refusals.append(str(why) if expected else f"internal error: {type(why).__name__}: {why}")

    @property
    def reason(self) -> str:
        """Why there is no fix."""
        return next((reason for reason in self._refusals if reason), "no rewrite fits")

    def _proposals(self, file: File, verdict: Verdict, run: Interpreter) -> Iterator[Proposal]:
        scene = self.scene = Scene(file, verdict, run)
        doubtful = []
        for rewrite in REWRITES:
            try:
                proposal = rewrite(scene)
                same_work(scene, proposal)
            except Refused as refusal:
                self._refusals.append(str(refusal))
                continue
            if proposal.doubt:
                doubtful.append(proposal)
            else:
                yield proposal
        yield from doubtful


class Mender:
    """For one module."""

    def __init__(self, module: Module, project: Project, runs: Sequence[Interpreter]) -> None:
        self._file, self._trial, self._settings = File(module), Trial(module, project), project.settings
        self._verdicts: dict[tuple[str, Span], tuple[Verdict, Interpreter]] = {}
        for run in runs:
            for verdict in verdicts(run):
                self._verdicts[verdict.code, module.span(verdict.leak.site.node)] = (verdict, run)

    def mended(self, found: Sequence[Diagnostic]) -> list[Diagnostic]:
        """The findings, those that can be fixed with their fixes."""
        quests: dict[int, Quest] = {}
        for number, diagnostic in enumerate(found):
            known = self._verdicts.get((diagnostic.code, diagnostic.span))
            if diagnostic.code in FIXABLE and known is not None:
                quests[number] = Quest(self._file, *known)
        self._settle([quest for quest in quests.values() if quest.advance()])
        return [self._told(d, quests[n]) if n in quests else d for n, d in enumerate(found)]

    def _settle(self, waiting: list[Quest]) -> None:
        """Try proposals together as far as they do not touch: trying costs as much for many as for one."""
        while waiting:
            batch: list[Quest] = []
            rest: list[Quest] = []
            for quest in waiting:
                apart = all(_draft(quest).agrees(_draft(other)) for other in batch)
                (batch if apart else rest).append(quest)
            waiting = rest + self._failing(batch)

    def _failing(self, batch: list[Quest]) -> list[Quest]:
        """Those whose proposal does not hold and that have another one."""
        try:
            self._trial.clean([(quest.scene, _draft(quest)) for quest in batch])
        except Exception as error:
            if len(batch) == 1:
                return [quest for quest in batch if quest.refuse(error)]
            half = len(batch) // 2
            return self._failing(batch[:half]) + self._failing(batch[half:])
        return []

    def _told(self, found: Diagnostic, quest: Quest) -> Diagnostic:
        proposal = quest.proposal
        if proposal is None:
            return replace(found, not_fixed=quest.reason)
        safe = not proposal.doubt or self._settings.trusts(found.code)
        fix = Fix(proposal.title, "safe" if safe else "unsafe", proposal.draft.edits(self._file.filename))
        return replace(found, fix=fix, not_fixed=f"unsafe: {proposal.doubt}" if proposal.doubt else None)


def _draft(quest: Quest) -> Draft:
    assert quest.proposal is not None
    return quest.proposal.draft
