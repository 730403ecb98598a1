"""The command line, as click read it: plain data for whoever carries it out."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Options(NamedTuple):
    """The command line, as click read it."""

    paths: tuple[str, ...]
    select: tuple[str, ...]
    ignore: tuple[str, ...]
    extend_select: tuple[str, ...]
    config: Path | None
    exclude: tuple[str, ...]
    force_exclude: bool
    stdin_filename: str | None
    output_format: str
    output_file: Path | None
    statistics: bool
    health: bool
    exit_zero: bool
    fix: bool
    unsafe_fixes: bool
    diff: bool
    fix_only: bool
    add_noqa: bool
    reason: str
    write_baseline: Path | None
    prune_baseline: bool
    diff_base: str | None
    watch: bool
    explain: str | None
    list_rules: bool
    show_files: bool
    lsp: bool
    show_settings: Path | None
    demo: bool
    jobs: int
    no_cache: bool
    cache_dir: Path | None
    quiet: bool
    verbose: bool

    @property
    def fixes(self) -> bool:
        """Whether fixes are to be made or shown."""
        return self.fix or self.diff or self.fix_only

    @property
    def decides(self) -> bool:
        """Whether it is to be written down which findings to live with."""
        return self.add_noqa or self.write_baseline is not None or self.prune_baseline

    @property
    def examines(self) -> bool:
        """Whether the health of the whole service is asked for."""
        return self.health or self.output_format == "html"

    @property
    def shows_health(self) -> bool:
        """Whether nothing else is: in HTML it is a part of the report."""
        return self.health and self.output_format != "html"
