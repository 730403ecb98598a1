"""What people who read the source said of sampled findings: `judgements.tsv`, one line each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from tests.ecosystem.findings import Finding
from tests.ecosystem.packages import HERE

VERDICTS = ("right", "wrong", "debatable")


@dataclass(frozen=True)
class Judgement:
    """A finding by package, path, line and code, and whether it is right."""

    package: str
    path: str
    line: int
    code: str
    verdict: str
    why: str

    @property
    def key(self) -> tuple[str, str, int, str]:
        return (self.package, self.path, self.line, self.code)


def judgements() -> list[Judgement]:
    rows = (line.split("\t") for line in (HERE / "judgements.tsv").read_text("utf-8").splitlines())
    return [Judgement(package, path, int(line), code, *rest) for package, path, line, code, *rest in rows]


def standing(findings: Collection[Finding]) -> Iterator[str]:
    """The share of right ones among the judged findings: of all that were judged, and of those still reported."""
    reported = {found.key for found in findings}
    for family, title in (("LK1", "leaks (LK1)"), ("", "other rules")):
        judged = [j for j in judgements() if (j.code[:3] == "LK1") == (family == "LK1")]
        yield f"{title}: {_share(judged)} judged; {_share([j for j in judged if j.key in reported])} still reported"


def _share(judged: list[Judgement]) -> str:
    """Debatable ones count for neither side."""
    count = Counter(j.verdict for j in judged)
    right, decided = count["right"], count["right"] + count["wrong"]
    return f"{right} of {decided} right ({right / max(decided, 1):.2f}, {count['debatable']} debatable)"
