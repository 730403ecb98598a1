"""Rewrites for what is held too long, sent row by row or built to fail: which one mends a finding, if one does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from leakcheck.checks.leaks.cursors import pinning
from leakcheck.checks.pools.configured import dictionaries
from leakcheck.checks.pools.constructors import Constructors
from leakcheck.diagnostics import Diagnostic, Fix
from leakcheck.fixes.backoff import back_off
from leakcheck.fixes.batches import batch_rows
from leakcheck.fixes.cursors import close_cursor
from leakcheck.fixes.hoist import hoist
from leakcheck.fixes.keywords import enlarge, make_resilient
from leakcheck.fixes.narrow import narrow
from leakcheck.fixes.rounds import SHOWS
from leakcheck.fixes.scene import File, Proposal, file_of
from leakcheck.fixes.spot import Spot, Surroundings
from leakcheck.fixes.style import style_for
from leakcheck.fixes.text import Draft, Refused
from leakcheck.fixes.together import wrong_ones
from leakcheck.fixes.whole import Whole
from leakcheck.flow.interpreter import Interpreter
from leakcheck.flow.resolve import Resolver

AMENDMENTS: dict[str, Callable[[Spot], Proposal]] = {
    "LK108": close_cursor,
    "LK201": narrow,
    "LK202": narrow,
    "LK301": batch_rows,
    "LK303": hoist,
    "LK401": enlarge,
    "LK402": make_resilient,
    "LK502": back_off,
}

_Tried = tuple[int, Proposal]


def with_amendments(found: Sequence[Diagnostic], runs: Sequence[Interpreter], whole: Whole) -> list[Diagnostic]:
    """The findings of a module, those of these rules with their fix or the reason why there is none."""
    if not any(d.code in AMENDMENTS for d in found):
        return list(found)
    try:
        file = file_of(whole.module, style_for(whole.module, whole.project))
    except Refused as refusal:
        return [replace(d, not_fixed=str(refusal)) if d.code in AMENDMENTS else d for d in found]
    return Amender(file, runs, whole).amended(found)


class Amender:
    """For one module."""

    def __init__(self, file: File, runs: Sequence[Interpreter], whole: Whole) -> None:
        module, project = whole.module, whole.project
        self._file, self._project, self._whole = file, project, whole
        self._around = Surroundings(
            project.catalogue,
            project.settings,
            {module.span(site.node): site for run in runs for site in run.sites if not site.parameter},
            {module.span(built.node): built for built in Constructors(Resolver(project)).of(module)},
            {module.span(found.node): found.model for found in pinning(module, Resolver(project))},
            {module.span(found.node): found for found in dictionaries(module, project)},
        )
        self._reasons: dict[int, str] = {}

    def amended(self, found: Sequence[Diagnostic]) -> list[Diagnostic]:
        """Each finding told what was found out."""
        proposals = [(n, p) for n, d in enumerate(found) if d.code in AMENDMENTS and (p := self._proposal(n, d))]
        drafts = [proposal.draft for _, proposal in proposals]
        wrong = wrong_ones(drafts, lambda numbers: self._wrong([proposals[n] for n in numbers], found))
        self._reasons |= {proposals[n][0]: why for n, why in wrong.items()}
        held = {n: proposal for n, proposal in proposals if n not in self._reasons}
        return [self._told(n, d, held.get(n)) if d.code in AMENDMENTS else d for n, d in enumerate(found)]

    def _proposal(self, number: int, found: Diagnostic) -> Proposal | None:
        try:
            return AMENDMENTS[found.code](Spot(self._file, found, self._around))
        except Refused as refusal:
            self._reasons[number] = str(refusal)
        except Exception as error:  # a finding without a fix is worth more than no finding
            self._reasons[number] = f"internal error: {type(error).__name__}: {error}"
        return None

    def _wrong(self, batch: list[_Tried], found: Sequence[Diagnostic]) -> str:
        """What speaks against the new text: it does not parse, a finding stays, or another one comes."""
        text = Draft.together([proposal.draft for _, proposal in batch]).text()
        try:
            every = self._whole.after(text)
        except Refused as refusal:
            return str(refusal)
        before, mended = self._whole.before, Counter(found[number].code for number, _ in batch)
        shown = {code for each in mended for code in SHOWS.get(each, ())}
        after = Counter({code: count for code, count in every.items() if code not in shown})
        if worse := after - before:
            return f"the rewrite would lead to another finding ({min(worse)})"
        return "the rewrite would not be enough" if after - (before - mended) else ""

    def _told(self, number: int, found: Diagnostic, proposal: Proposal | None) -> Diagnostic:
        if proposal is None:
            return replace(found, not_fixed=self._reasons.get(number, "no rewrite fits"))
        safe = not proposal.doubt or self._project.settings.trusts(found.code)
        fix = Fix(proposal.title, "safe" if safe else "unsafe", proposal.draft.edits(self._file.filename))
        return replace(found, fix=fix, not_fixed=f"unsafe: {proposal.doubt}" if proposal.doubt else None)
