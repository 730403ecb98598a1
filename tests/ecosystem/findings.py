"""What leakcheck reports on a package, and how often; the counts that are kept in counts.tsv."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.ecosystem.packages import HERE

COUNTS = HERE / "counts.tsv"
Counts = Counter[tuple[str, str]]  # (package, code)


@dataclass(frozen=True, order=True)
class Finding:
    """One report; the first four say which."""

    package: str
    path: str
    line: int
    code: str
    message: str
    steps: tuple[tuple[int, str], ...]

    @property
    def key(self) -> tuple[str, str, int, str]:
        """What a judgement is recorded under."""
        return (self.package, self.path, self.line, self.code)

    def __str__(self) -> str:
        steps = "".join(f"\n    {line}: {message}" for line, message in self.steps)
        return f"{self.package} {self.path}:{self.line}: {self.code} {self.message}{steps}"


def check(package: str, folder: Path) -> list[Finding]:
    """The findings of the default rules, as the command reports them."""
    command = [sys.executable, "-m", "leakcheck", ".", "--output-format", "json", "--no-cache", "--jobs", "1"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False)
    for error in run.stderr.splitlines():  # a template that is no Python: the rest of the package was checked
        print(f"{package}: {error}", file=sys.stderr)
    return sorted(_finding(package, found) for found in json.loads(run.stdout))


def _finding(package: str, found: dict[str, object]) -> Finding:
    match found:
        case {"filename": str(path), "location": {"row": int(line)}, "code": str(code), "message": str(message)}:
            return Finding(package, path, line, code, message, tuple(_steps(found["steps"])))
    raise ValueError(found)


def _steps(steps: object) -> Iterator[tuple[int, str]]:
    assert isinstance(steps, list)
    yield from ((step["location"]["row"], step["message"]) for step in steps)


def counted(findings: Iterable[Finding]) -> Counts:
    return Counter((found.package, found.code) for found in findings)


def committed() -> Counts:
    rows = (line.split("\t") for line in COUNTS.read_text("utf-8").splitlines())
    return Counter({(package, code): int(number) for package, code, number in rows})


def commit(counts: Counts) -> None:
    lines = (f"{package}\t{code}\t{number}\n" for (package, code), number in sorted(counts.items()))
    COUNTS.write_text("".join(lines), "utf-8")


def difference(old: Counts, new: Counts) -> list[str]:
    """One line for each package and rule whose number changed."""
    changed = sorted(key for key in old | new if old[key] != new[key])
    return [f"{package} {code}: {old[package, code]} -> {new[package, code]}" for package, code in changed]


def table(counts: Counts) -> str:
    """Findings by package and rule, with totals."""
    codes = sorted({code for _, code in counts})
    rows = [("", *codes, "all")]
    for package in sorted({package for package, _ in counts}):
        numbers = [counts[package, code] for code in codes]
        rows.append((package, *(str(number or "") for number in numbers), str(sum(numbers))))
    totals = [sum(number for (_, code), number in counts.items() if code == column) for column in codes]
    rows.append(("all", *map(str, totals), str(sum(totals))))
    width = max(len(row[0]) for row in rows)
    return "\n".join(row[0].ljust(width) + "".join(cell.rjust(7) for cell in row[1:]) for row in rows)
