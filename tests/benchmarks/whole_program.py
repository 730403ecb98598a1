"""`python -m tests.benchmarks.whole_program FOLDER …`: what it costs that a file's imports are followed.

Both modes check the same folder in this process, in turn, and the least CPU time of several rounds counts. In
single-file mode every file is alone: no import leads to another one, and only files that name a database are read.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from leakcheck import batches, checking, runner
from leakcheck.diagnostics import Report
from leakcheck.project.discovery import find
from leakcheck.project.project import Project
from leakcheck.project.syntax.module import Module
from leakcheck.project.triage.facts import facts_of
from leakcheck.project.triage.vocabulary import Vocabulary, vocabulary_for
from leakcheck.settings import Settings


class Alone(Project):
    """A project of which each file sees itself only."""

    def find(self, name: str, asker: Module) -> Module | None:
        return None

    def submodule(self, package: Module, name: str) -> Module | None:
        return None

    def texts_around(self, module: Module) -> list[str]:
        return []


def whole_program(files: Sequence[str], settings: Settings) -> int:
    """As the command does it, in one process."""
    batches.forget()
    return runner.run(files, settings, jobs=1).findings


def single_files(files: Sequence[str], settings: Settings) -> int:
    vocabulary = vocabulary_for(settings)
    texts = {file: data for file in files if _counts(data := Path(file).read_bytes(), vocabulary)}
    project = Alone(settings)

    def check() -> list[Report]:
        read = ((file, text.decode("utf-8", "replace")) for file, text in texts.items())
        return [checking.check_text(text, file, settings, project) for file, text in read]

    return sum(len(report.diagnostics) for report in checking.with_room(check))


def _counts(data: bytes, vocabulary: Vocabulary) -> bool:
    """Whether a file may have a finding by its own words and imports."""
    facts = facts_of(data, vocabulary)
    near = not facts.imported.isdisjoint(vocabulary.drivers)
    return not facts.used.isdisjoint(vocabulary.telling) or (bool(facts.used) and near)


def _measured(work: Callable[[], int], seconds: list[float]) -> int:
    start = time.process_time()
    findings = work()
    seconds.append(time.process_time() - start)
    return findings


def compare(folder: Path, rounds: int) -> str:
    settings = Settings(root=folder, fix="off")
    files = find([str(folder)], settings).files
    lines = sum(Path(file).read_bytes().count(b"\n") for file in files)
    whole: list[float] = []
    single: list[float] = []
    for _ in range(rounds):
        found_alone = _measured(lambda: single_files(files, settings), single)
        found = _measured(lambda: whole_program(files, settings), whole)
    return (
        f"{folder.name}: {lines:,} lines; whole program {min(whole):.2f} s, {found} findings; "
        f"single files {min(single):.2f} s, {found_alone} findings; ratio {min(whole) / min(single):.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.whole_program", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for folder in options.folders:
        print(compare(folder.resolve(), options.rounds), flush=True)


if __name__ == "__main__":
    main()
