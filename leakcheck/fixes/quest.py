"""The search for a finding's fix: each rewrite is tried in turn, and the first that holds is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from leakcheck.checks.leaks.exits import Verdict
from leakcheck.fixes.blocks import close_after_block, drop_await, return_after_block
from leakcheck.fixes.cleanup import release_anyway
from leakcheck.fixes.handover import guard_hand_over
from leakcheck.fixes.scene import File, Proposal, Scene
from leakcheck.fixes.stack import close_on_stack
from leakcheck.fixes.text import Draft, Refused
from leakcheck.fixes.together import wrong_ones
from leakcheck.fixes.trial import Trial
from leakcheck.fixes.unnamed import close_at_once, close_unused, name_it
from leakcheck.fixes.validate import same_work
from leakcheck.fixes.wrap import wrap
from leakcheck.fixes.wrong import drop_guard, use_right_release
from leakcheck.flow.interpreter import Interpreter

Rewrite = Callable[[Scene], Proposal]

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

_BY_NAME = ("eval", "exec", "locals", "vars")  # with them a name is used that is not to be seen


class Quest:
    """The search for one finding's fix: `proposal` is what is tried now. Safe ones come before doubtful ones."""

    def __init__(self, file: File, verdict: Verdict, run: Interpreter) -> None:
        self.scene: Scene
        self.proposal: Proposal | None = None
        self.refusals: list[str] = []
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

    def give_up(self, why: str) -> None:
        """The proposal holds, and there is something else against it."""
        self.refusals.insert(0, why)
        self.proposal = None

    def _note(self, why: Exception) -> None:
        expected = isinstance(why, Refused)
        self.refusals.append(str(why) if expected else f"internal error: {type(why).__name__}: {why}")

    @property
    def reason(self) -> str:
        """Why there is no fix."""
        return next((reason for reason in self.refusals if reason), "no rewrite fits")

    def _proposals(self, file: File, verdict: Verdict, run: Interpreter) -> Iterator[Proposal]:
        scene = self.scene = Scene(file, verdict, run)
        if scene.site.may_be_given and not scene.site.releases:
            raise Refused(f"`{scene.site.callee}` may give back a connection it is given, which is not ours to close")
        if scene.site.closed_in_vain:
            raise Refused(f"the block that calls `{scene.site.closed_in_vain}()` has to go")
        if scene.site.is_part and not scene.name:
            raise Refused(f"the connection is part of what `{scene.site.callee}` gives")
        if scene.site.is_answered_for and scene.site.releases:
            raise Refused(f"an object that is given what `{scene.site.callee}` gives may release it")
        if scene.site.opens_late:
            raise Refused("it is opened later: until then there may be nothing that could be closed")
        doubtful = []
        for rewrite in REWRITES:
            try:
                proposal = rewrite(scene)
                same_work(scene, proposal)
            except Refused as refusal:
                self.refusals.append(str(refusal))
                continue
            if scene.site.may_be_other and not proposal.anyway:
                self.refusals.insert(0, f"`{scene.site.callee}` may also give something that is no connection")
                continue
            if scene.site.may_be_anything and not proposal.doubt and not proposal.anyway:
                doubt = f"`{scene.site.callee}` may also give something that cannot be closed"
                proposal = replace(proposal, doubt=doubt)
            if not proposal.doubt and any(scene.tree.naming(scene.function, name) for name in _BY_NAME):
                proposal = replace(proposal, doubt=f"`{scene.name}` may be used by its name in a text")
            if proposal.doubt:
                doubtful.append(proposal)
            else:
                yield proposal
        yield from doubtful


def settle(waiting: list[Quest], trial: Trial) -> None:
    """Try proposals until each holds, or there is no other one."""
    while waiting:
        wrong = wrong_ones([_draft(quest) for quest in waiting], partial(_problem, waiting, trial))
        waiting = [waiting[number] for number, error in wrong.items() if waiting[number].refuse(error)]


def _problem(quests: list[Quest], trial: Trial, numbers: list[int]) -> Exception | None:
    """What is wrong with the proposals of some of them, made at once."""
    try:
        trial.clean([(quests[number].scene, _draft(quests[number])) for number in numbers])
    except Exception as error:
        return error
    return None


def _draft(quest: Quest) -> Draft:
    assert quest.proposal is not None
    return quest.proposal.draft
