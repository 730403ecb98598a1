"""`python -m tests.execution --count 5000 --seed 1 --show 10`: how leakcheck does on generated programs."""

from __future__ import annotations

import argparse
import warnings
from collections import Counter
from functools import partial

from tests.execution.generator import generate, sane
from tests.execution.oracle import Program, observe
from tests.execution.shrink import shrunk
from tests.execution.verdicts import Score, Verdict, disagreements, judge, leakcheck

Key = tuple[str, str, str]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.execution", description=__doc__)
    parser.add_argument("--count", type=int, default=500, help="how many programs")
    parser.add_argument("--seed", type=int, default=1, help="the first program's seed")
    parser.add_argument("--show", type=int, default=0, help="how many disagreements of a kind to shrink and print")
    parser.add_argument("--print", action="store_true", help="print the programs instead")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", "coroutine .* was never awaited")
    programs = (generate(seed) for seed in range(options.seed, options.seed + options.count))
    if options.print:
        for program in programs:
            print(f"# {program.origin}\n{annotated(program)}\n")
        return
    score = Score()
    found = list(disagreements(programs, leakcheck, score))
    print(score)
    _grouped(found, options.show)


def _grouped(found: list[tuple[Program, Verdict]], show: int) -> None:
    kinds = Counter(_key(verdict) for _, verdict in found)
    for key, count in kinds.most_common():
        print(f"\n== {key[0]}: {key[1]} was seen, {key[2] or 'nothing'} was said ({count})")
        group = [(program, verdict) for program, verdict in found if _key(verdict) == key]
        idioms = Counter(program.origin.partition("/")[0] for program, _ in group)
        print("   " + ", ".join(f"{name} {count}" for name, count in idioms.most_common(12)))
        for text, times in shrunk_group(group, show).most_common():
            print(f"\n-- {times} like this\n{text}")


def shrunk_group(group: list[tuple[Program, Verdict]], most: int) -> Counter[str]:
    """Up to `most` shrunk programs, equal ones counted together."""
    texts: Counter[str] = Counter()
    for program, verdict in group[:most]:
        small = shrunk(program, partial(_still, _key(verdict)))
        texts[f"# {small.origin}\n{annotated(small)}"] += 1
    return texts


def _still(key: Key, program: Program) -> bool:
    return sane(program) and key in map(_key, judge(program))


def annotated(program: Program) -> str:
    """The program, with what was observed beside each acquire."""
    lines = program.source.rstrip().split("\n")
    for line, site in observe(program).sites().items():
        lines[line - 1] += f"  # {site.tier}"
    return "\n".join(lines)


def _key(verdict: Verdict) -> Key:
    return (verdict.kind, verdict.truth, verdict.said)


if __name__ == "__main__":
    main()
