"""Holds leakcheck's findings against what was observed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.execution.oracle import Observation, Program, Site, observe

LEAK_CODES = frozenset({"LK101", "LK102", "LK103", "LK104"})
Findings = dict[int, str]  # line -> code
Checker = Callable[[str], Findings]
Kind = Literal["validated", "noisy", "missing", "wrong", "quiet", "open"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line: what was seen, what was said. `open` is what either may be said about."""

    kind: Kind
    line: int
    truth: str
    said: str

    @property
    def disagrees(self) -> bool:
        return self.kind in ("noisy", "missing", "wrong")


@dataclass(slots=True)
class Score:
    """Counts over many programs."""

    counts: Counter[Kind] = field(default_factory=Counter)
    programs: int = 0

    def add(self, verdicts: Iterable[Verdict]) -> None:
        self.programs += 1
        self.counts.update(verdict.kind for verdict in verdicts)

    @property
    def precision(self) -> float:
        return self._ratio(self.hits, self.counts["noisy"])

    @property
    def recall(self) -> float:
        return self._ratio(self.hits, self.counts["missing"])

    @property
    def accuracy(self) -> float:
        return self._ratio(self.counts["validated"], self.counts["wrong"])

    @property
    def hits(self) -> int:
        return self.counts["validated"] + self.counts["wrong"]

    @staticmethod
    def _ratio(good: int, bad: int) -> float:
        return good / (good + bad) if good + bad else 1.0

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.counts.items()))
        return (
            f"{self.programs} programs: precision {self.precision:.4f}, recall {self.recall:.4f}, "
            f"class {self.accuracy:.4f} ({kinds})"
        )


def leakcheck(source: str) -> Findings:
    """The findings of leakcheck's leak family, by line."""
    from leakcheck.engine import check
    from leakcheck.settings import Settings

    report = check(source, "program.py", Settings(root=Path("/nowhere")))
    if report.error:
        raise RuntimeError(report.error)
    return {found.span.line: found.code for found in report.diagnostics if found.code in LEAK_CODES | {"LK105"}}


def compare(observation: Observation, findings: Findings) -> list[Verdict]:
    """One verdict a line where a connection was, or was said to be, lost."""
    sites = observation.sites()
    found = dict(findings)
    verdicts = [_judged(line, site, _finding(line, site, found)) for line, site in sorted(sites.items())]
    explained = {line for site in sites.values() if site.tier != "never" for line in site.lines}
    known = set(sites) | explained
    extra = [Verdict("noisy", line, "never", code) for line, code in found.items() if line not in known]
    return verdicts + [verdict for verdict in extra if verdict.said != "LK105"]


def _finding(line: int, site: Site, found: Findings) -> str:
    """The finding about a site: on its line or, for a connection kept in an object, where the object took it."""
    if line in found or site.tier == "never":
        return found.get(line, "").replace("LK105", "")
    return next((found[other] for other in sorted(site.lines, reverse=True) if other in found), "")


def _judged(line: int, site: Site, said: str) -> Verdict:
    if site.tier == "maybe":
        return Verdict("open", line, "maybe", said)
    if site.tier == "never":
        return Verdict("noisy" if said else "quiet", line, "never", said)
    if not said:
        return Verdict("missing", line, site.tier, said)
    return Verdict("validated" if said in expected(site) else "wrong", line, site.tier, said)


def expected(site: Site) -> set[str]:
    """The codes that describe a leak well."""
    codes = {"LK101", "LK105"} if site.tier == "normal" else {"LK102", "LK105"}
    if "with" in site.notes:
        codes.add("LK103")
    if site.notes & {"wrong-release", "guard"}:
        codes.add("LK104")
    return codes


def judge(program: Program, checker: Checker = leakcheck) -> list[Verdict]:
    """Run and check one program."""
    return compare(observe(program), checker(program.source))


def disagreements(programs: Iterable[Program], checker: Checker, score: Score) -> Iterator[tuple[Program, Verdict]]:
    """Go through programs, keep the score, and give what is not agreed."""
    for program in programs:
        verdicts = judge(program, checker)
        score.add(verdicts)
        yield from ((program, verdict) for verdict in verdicts if verdict.disagrees)
