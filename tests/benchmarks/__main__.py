"""Build the trees and the peers' environment, run everything in turn, print Markdown tables.

    python -m tests.benchmarks FOLDER [--rounds 5] [--only service --only hook]

The first run downloads some hundred megabytes into FOLDER. The tree under test is the one installed for this Python.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import count
from pathlib import Path

import click

from tests.benchmarks.timing import Command, Run, in_turn
from tests.benchmarks.trees import SERVICE, download, grow, package, repeated

PEERS = ("ruff==0.14.6", "flake8==7.3.0", "pylint==4.0.3")
GROWTH = (50_000, 100_000, 500_000, 1_000_000, 2_500_000, 5_000_000)
REPEATED = (100, 200, 400, 800)
MARK = b"\n# changed in round "


class Bench:
    """The folder with the trees, and the commands to run on them."""

    def __init__(self, folder: Path, rounds: int) -> None:
        self.folder, self.rounds = folder.resolve(), rounds

    @cached_property
    def wheels(self) -> list[Path]:
        """What the trees are made of."""
        return download(self.folder / "wheels")

    @cached_property
    def peers(self) -> Path:
        """Where the other linters are."""
        home = self.folder / "peers"
        if not home.exists():
            venv.create(home, with_pip=True)
            subprocess.run([home / "bin" / "pip", "install", "--quiet", *PEERS], check=True)
        return home / "bin"

    def tree(self, name: str, packages: tuple[str, ...] = (), most: float = float("inf")) -> tuple[Path, int]:
        """A tree of some packages, or of all up to a number of lines; and how many it has."""
        folder = self.folder / "trees" / name
        wheels = [wheel for wheel in self.wheels if not packages or package(wheel) in packages]
        lines = grow(wheels, folder, most)
        (folder / "pyproject.toml").write_text("[tool.leakcheck]\n", encoding="utf-8")
        return folder, lines

    def leakcheck(self, folder: Path, *arguments: str) -> Command:
        """A cold run, or one with a warm cache if `--no-cache` is not among the arguments."""
        return Command((sys.executable, "-m", "leakcheck", "--quiet", *arguments), folder)

    def ruff(self, folder: Path) -> Command:
        """The fastest of the peers, with the nearest of its rules."""
        only = ("-q", "--no-cache", "--isolated", "--select", "SIM115")
        return Command((str(self.peers / "ruff"), "check", *only), folder)

    def flake8(self, folder: Path, *files: str) -> Command:
        """As it comes."""
        return Command((str(self.peers / "flake8"), "--isolated", *(files or (".",))), folder)

    def pylint(self, folder: Path) -> Command:
        """Only its rule about resources."""
        only = ("--disable=all", "--enable=R1732", "--recursive=y", "--persistent=n", "-j", str(os.cpu_count()))
        return Command((str(self.peers / "pylint"), *only, "."), folder)


def big(bench: Bench) -> Iterator[str]:
    """Millions of lines of mixed packages."""
    folder, lines = bench.tree("big")
    commands = {
        "ruff SIM115": bench.ruff(folder),
        "leakcheck, cold": bench.leakcheck(folder, "--no-cache"),
        "leakcheck, warm": bench.leakcheck(folder),
    }
    yield from _table(f"{lines:,} lines of mixed packages", in_turn(commands, bench.rounds), "ruff SIM115")


def service(bench: Bench) -> Iterator[str]:
    """A database-heavy service."""
    folder, lines = bench.tree("service", SERVICE)
    commands = {
        "flake8": bench.flake8(folder),
        "pylint R1732": bench.pylint(folder),
        "leakcheck, cold": bench.leakcheck(folder, "--no-cache"),
        "leakcheck, warm": bench.leakcheck(folder),
        "python -c pass": Command((sys.executable, "-c", "pass"), folder),
    }
    yield from _table(f"{lines:,} lines that use databases", in_turn(commands, bench.rounds), "flake8")


def single(bench: Bench) -> Iterator[str]:
    """One file without database code."""
    folder = bench.folder / "trees" / "single"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "one.py").write_text("print('hello')\n", encoding="utf-8")
    commands = {
        "python -c 'import click'": Command((sys.executable, "-c", "import click"), folder),
        "leakcheck, cold": bench.leakcheck(folder, "--no-cache", "one.py"),
        "leakcheck, warm": bench.leakcheck(folder, "one.py"),
    }
    yield from _table("one file without database code", in_turn(commands, bench.rounds), "python -c 'import click'")


def hook(bench: Bench) -> Iterator[str]:
    """Ten changed files of the service in a commit hook."""
    folder, lines = bench.tree("service", SERVICE)
    files = [str(file.relative_to(folder)) for file in sorted(folder.rglob("*.py")) if file.stat().st_size > 2_000]
    changed = files[:: max(1, len(files) // 10)][:10]

    rounds = count()

    def change() -> None:
        number = next(rounds)
        for name in changed:
            text = (folder / name).read_bytes().partition(MARK)[0]
            (folder / name).write_bytes(text + MARK + b"%d\n" % number)

    commands = {
        "flake8": bench.flake8(folder, *changed),
        "leakcheck, cold": bench.leakcheck(folder, "--no-cache", *changed),
        "leakcheck, after a change": Command((sys.executable, "-m", "leakcheck", "--quiet", *changed), folder, change),
    }
    yield from _table(f"ten changed files of {lines:,} lines", in_turn(commands, bench.rounds), "flake8")


def growth(bench: Bench) -> Iterator[str]:
    """Time and memory as a tree grows."""
    yield from ("| lines, cold | seconds | CPU | peak a process |", "|---:|---:|---:|---:|")
    for most in GROWTH:
        folder, lines = bench.tree(f"growth-{most}", most=most)
        run = in_turn({"cold": bench.leakcheck(folder, "--no-cache")}, max(1, bench.rounds // 2))["cold"]
        yield f"| {lines:,} | {run.wall:.2f} | {run.cpu:.2f} | {run.peak / 1e6:.0f} MB |"
        shutil.rmtree(folder)


def findings(bench: Bench) -> Iterator[str]:
    """Time and memory as the findings of one file grow."""
    folder = bench.folder / "trees" / "findings"
    yield from ("| functions of one file, each with two findings | seconds | CPU | peak |", "|---:|---:|---:|---:|")
    for number in REPEATED:
        name = repeated(folder, number)
        run = in_turn({"cold": bench.leakcheck(folder, "--no-cache", name)}, max(1, bench.rounds // 2))["cold"]
        yield f"| {number:,} | {run.wall:.2f} | {run.cpu:.2f} | {run.peak / 1e6:.0f} MB |"


def _table(what: str, medians: dict[str, Run], peer: str) -> Iterator[str]:
    yield from (f"| {what} | seconds | of {peer} | CPU | peak a process |", "|---|---:|---:|---:|---:|")
    for name, run in medians.items():
        ratio = run.wall / medians[peer].wall
        yield f"| {name} | {run.wall:.2f} | {ratio:.2f} | {run.cpu:.2f} | {run.peak / 1e6:.0f} MB |"


SCENES: dict[str, Callable[[Bench], Iterator[str]]] = {
    f.__name__: f for f in (big, service, single, hook, growth, findings)
}


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--rounds", default=5, show_default=True)
@click.option("--only", type=click.Choice(list(SCENES)), multiple=True)
def main(folder: Path, rounds: int, only: tuple[str, ...]) -> None:
    """Medians of runs in turn, and how they compare."""
    bench = Bench(folder, rounds)
    machine = (f"{os.cpu_count()} cores", platform.platform(), f"Python {platform.python_version()}", *PEERS)
    click.echo(", ".join(machine) + "\n")
    for name in only or SCENES:
        for line in SCENES[name](bench):
            click.echo(line)
        click.echo()


if __name__ == "__main__":
    main()
