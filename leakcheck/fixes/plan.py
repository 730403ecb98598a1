"""Which findings of a module can be fixed, and how; for the others, why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from leakcheck.checks.leaks.exits import Verdict, verdicts
from leakcheck.diagnostics import Diagnostic, Fix, Span
from leakcheck.fixes.quest import Quest, settle
from leakcheck.fixes.scene import File, Scene, file_of
from leakcheck.fixes.style import style_for
from leakcheck.fixes.syntax import CROWDED
from leakcheck.fixes.text import Draft, Refused
from leakcheck.fixes.together import wrong_ones
from leakcheck.fixes.trial import Trial
from leakcheck.fixes.unfold import edits_between, unfolded
from leakcheck.fixes.whole import Whole
from leakcheck.flow.interpreter import Interpreter

FIXABLE = frozenset({"LK101", "LK102", "LK103", "LK104"})
_KEPT = "an object keeps the connection: which of its methods should close it is for its class to say"


def with_fixes(found: Sequence[Diagnostic], runs: Sequence[Interpreter], whole: Whole) -> list[Diagnostic]:
    """The findings of a module, each leak with its fix or the reason why there is none."""
    if not any(d.code in FIXABLE for d in found):
        return list(found)
    try:
        mender = Mender(runs, whole)
    except Refused as refusal:
        return [replace(d, not_fixed=str(refusal)) if d.code in FIXABLE else d for d in found]
    return mender.mended(found)


class Mender:
    """For one module."""

    def __init__(self, runs: Sequence[Interpreter], whole: Whole) -> None:
        self._whole, module, project = whole, whole.module, whole.project
        self._file = file_of(module, style_for(module, project))
        self._trial, self._settings = Trial(module, project), project.settings
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
        settle([quest for quest in quests.values() if quest.advance()], self._trial)
        self._note_harmful([quest for quest in quests.values() if quest.proposal and quest.proposal.longer])
        return [self._told(d, quests[n]) if n in quests else _untold(d) for n, d in enumerate(found)]

    def _note_harmful(self, quests: list[Quest]) -> None:
        """Refuse the rewrites that keep a connection longer, and by that lead to a finding of another kind."""
        drafts = [quest.proposal.draft for quest in quests if quest.proposal]
        for number, code in wrong_ones(drafts, lambda numbers: self._worse([drafts[n] for n in numbers])).items():
            quests[number].give_up(f"the rewrite would lead to another finding ({code})")

    def _worse(self, drafts: list[Draft]) -> str:
        """The first rule that would be broken more often, if one is."""
        return min(self._whole.after(Draft.together(drafts).text()) - self._whole.before, default="")

    def _told(self, found: Diagnostic, quest: Quest) -> Diagnostic:
        """The finding with its fix, or why there is none. Statements that share a line may have to be parted first."""
        name, proposal = self._file.filename, quest.proposal
        edits = proposal.draft.edits(name) if proposal else ()
        if proposal is None and CROWDED in quest.refusals and (apart := self._apart(quest.scene)):
            proposal = apart.proposal
            assert proposal is not None
            edits = edits_between(self._file.source, proposal.draft.text(), name)
        if proposal is None:
            return replace(found, not_fixed=quest.reason)
        safe = not proposal.doubt or self._settings.trusts(found.code)
        fix = Fix(proposal.title, "safe" if safe else "unsafe", edits)
        return replace(found, fix=fix, not_fixed=f"unsafe: {proposal.doubt}" if proposal.doubt else None)

    def _apart(self, scene: Scene) -> Quest | None:
        """The quest of a finding in the text where each statement has its own line, if that succeeds."""
        text = unfolded(scene)
        run = self._trial.again(text, scene) if text else None
        for verdict in verdicts(run) if run else ():
            if verdict.leak.site.index == scene.site.index and run:
                quest = Quest(File(run.module, self._file.style), verdict, run)
                settle([quest] if quest.advance() else [], Trial(run.module, run.resolver.project))
                return quest if quest.proposal else None
        return None


def _untold(found: Diagnostic) -> Diagnostic:
    """A finding that is not about the paths of one function: if it is a leak, it is one of an object's field."""
    return replace(found, not_fixed=_KEPT) if found.code in FIXABLE else found
