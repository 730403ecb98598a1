"""`python -m tests.ecosystem.fix_suites`: test suites of other people's packages, before and after all fixes.

Each package is taken as a source distribution, installed into an environment of its own, and tested; then
`leakcheck --fix --unsafe-fixes` rewrites it, tests left out, and it is tested again. Exits 1 if a test ends otherwise.
Takes minutes and the network: not for every change.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from leakcheck.schema import parse_toml

_LIST = Path(__file__).with_name("suites.toml")
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leakcheck-suites"
_RESULT = re.compile(r"^(?P<outcome>PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS) (?P<test>[^\s\[]\S*)", re.MULTILINE)
_FIXED = re.compile(r"Fixed (\d+) finding")
_LEAKS = "LK101,LK102,LK103,LK104"
_TESTS = ("test", "tests", "test_*.py", "conftest.py")


@dataclass(frozen=True)
class Suite:
    """One package: what to fetch, what its tests need, and how they are run."""

    package: str
    needs: tuple[str, ...]
    run: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.package.partition("==")[0]


@dataclass(frozen=True)
class Comparison:
    """How the tests ended before and after, and how many findings were fixed in how many files."""

    before: dict[str, str]
    after: dict[str, str]
    fixed: int
    files: int

    @property
    def changed(self) -> list[str]:
        """The tests that ended otherwise."""
        tests = sorted({*self.before, *self.after})
        return [test for test in tests if self.before.get(test) != self.after.get(test)]

    def __str__(self) -> str:
        ends = ", ".join(f"{n} {outcome.lower()}" for outcome, n in sorted(Counter(self.before.values()).items()))
        return f"{self.fixed} fixed in {self.files} files; {ends}; {len(self.changed)} changed"


def suites() -> list[Suite]:
    """Those of suites.toml."""
    entries = parse_toml(_LIST.read_text("utf-8"), str(_LIST))["suite"]
    return [Suite(each["package"], tuple(each["needs"]), tuple(each["run"])) for each in entries]


def compare(suite: Suite, cache: Path) -> Comparison:
    """Test, fix and test again, in a fresh copy of the package's sources."""
    python, source = _environment(suite, cache), _source(suite, cache)
    folder = cache / "work" / suite.name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)
    before = _tested(suite, python, folder)
    shutil.rmtree(folder)
    shutil.copytree(source, folder)
    command = ["--fix", "--unsafe-fixes", "--select", _LEAKS, "--no-cache", "--output-format", "concise"]
    excluded = [part for name in _TESTS for part in ("--exclude", name)]
    run = subprocess.run(
        [sys.executable, "-m", "leakcheck", *command, *excluded, "."],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if run.returncode == 2:
        print(f"{suite.name}: {run.stderr}", file=sys.stderr)
    fixed = _FIXED.search(run.stdout + run.stderr)
    files = sum(path.read_bytes() != (source / path.relative_to(folder)).read_bytes() for path in folder.rglob("*.py"))
    return Comparison(before, _tested(suite, python, folder), int(fixed[1]) if fixed else 0, files)


def _tested(suite: Suite, python: Path, folder: Path) -> dict[str, str]:
    """How each test ended."""
    environment = os.environ | {"PYTHONPATH": _import_roots(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(python), "-m", *suite.run, "-q", "-rA", "-p", "no:cacheprovider", "-p", "no:randomly"]
    run = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=1200, check=False
    )
    return outcomes(run.stdout)


def outcomes(summary: str) -> dict[str, str]:
    """How each test ended, from what pytest -rA says."""
    return {match["test"]: match["outcome"] for match in _RESULT.finditer(summary)}


def _import_roots(folder: Path) -> str:
    """The copy is imported, not the package as it was installed."""
    return os.pathsep.join(str(path) for path in (folder / "src", folder) if path.is_dir())


def _environment(suite: Suite, cache: Path) -> Path:
    """A Python with the package's dependencies and what its tests need."""
    folder = cache / "environments" / suite.package
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not (folder / "complete").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, suite.package, *suite.needs], check=True)
        (folder / "complete").touch()
    return python


def _source(suite: Suite, cache: Path) -> Path:
    """The unpacked source distribution."""
    folder = cache / "sources" / suite.package
    if not folder.is_dir():
        part = cache / "sources" / f"{suite.package}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*command, "--no-binary", suite.name, "--dest", str(part), suite.package], check=True)
        (archive,) = part.glob("*.tar.gz")
        with tarfile.open(archive) as tar:
            tar.extractall(part, filter="data")
        next(path for path in part.iterdir() if path.is_dir()).rename(folder)
        shutil.rmtree(part)
    return folder


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.ecosystem.fix_suites", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these packages")
    parser.add_argument("--cache", type=Path, default=_CACHE, help="where packages are kept (default: %(default)s)")
    options = parser.parse_args(arguments)
    changed = 0
    for suite in suites():
        if not options.names or suite.name in options.names:
            result = compare(suite, options.cache)
            print(f"{suite.package}: {result}")
            for test in result.changed:
                print(f"  {test}: {result.before.get(test)} became {result.after.get(test)}")
            changed += len(result.changed)
            sys.stdout.flush()
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
