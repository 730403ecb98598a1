"""No crash and no hang on any file of the standard library and of what is installed beside it."""

from __future__ import annotations

import sys
import sysconfig
import time
from pathlib import Path

import pytest

from leakcheck import runner
from leakcheck.project.discovery import find
from leakcheck.settings import Settings


@pytest.mark.slow
@pytest.mark.parametrize("name", ["stdlib", "purelib"])
def test_everything_installed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(sysconfig.get_paths()[name])
    settings = Settings(root=folder)
    files = find([str(folder)], settings).files
    start = time.perf_counter()
    outcome = runner.run(files, settings)
    seconds = time.perf_counter() - start
    with capsys.disabled():
        print(f"\n{name}: {outcome.files} files, {outcome.findings} findings, {seconds:.0f} s, {sys.version[:7]}")
    assert [report for report in outcome.errors if "internal error" in (report.error or "")] == []
