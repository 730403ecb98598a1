"""`python -m tests.ecosystem`: findings by package and rule; exits 1 if they differ from the counts kept here."""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.ecosystem import findings
from tests.ecosystem.findings import Finding
from tests.ecosystem.judgements import judgements, standing
from tests.ecosystem.packages import pinned, unpacked

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leakcheck-ecosystem"


def main() -> int:
    options = _options()
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each runs the command, in a process of its own
        reports = pool.map(lambda package: findings.check(package, unpacked(package, options.cache)), pinned())
        found = [one for report in reports for one in report]
    if options.sample:
        print(*_sample(found, options), sep="\n\n")
        return 0
    counts = findings.counted(found)
    print(findings.table(counts), "", *standing(found), sep="\n")
    if options.update:
        findings.commit(counts)
    changed = findings.difference(findings.committed(), counts)
    print(*changed, sep="\n", end="\n" if changed else "")
    return 1 if changed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.ecosystem", description=__doc__)
    parser.add_argument("--cache", type=Path, default=_CACHE, help="where the packages are kept (default: %(default)s)")
    parser.add_argument("--update", action="store_true", help="keep these counts")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="print N findings at random, to be judged")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--select", default="LK", metavar="PREFIX", help="sample codes that begin so (a list: LK2,LK3)")
    parser.add_argument("--unjudged", action="store_true", help="sample only findings that nobody has judged")
    return parser.parse_args()


def _sample(found: Sequence[Finding], options: argparse.Namespace) -> list[Finding]:
    judged = {j.key for j in judgements()} if options.unjudged else set()
    prefixes = tuple(options.select.split(","))
    eligible = [one for one in found if one.code.startswith(prefixes) and one.key not in judged]
    return sorted(random.Random(options.seed).sample(eligible, min(options.sample, len(eligible))))


if __name__ == "__main__":
    sys.exit(main())
