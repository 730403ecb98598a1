"""What the command line does for `--health`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from leakcheck.console import tell_errors, use_colour, write
from leakcheck.health.checkup import examine
from leakcheck.health.show import as_json, as_text
from leakcheck.report import coloured, plain
from leakcheck.status import CLEAN, FAILED, FINDINGS

if TYPE_CHECKING:
    from leakcheck.options import Options
    from leakcheck.runner import Outcome
    from leakcheck.settings import Settings


def report(outcome: Outcome, settings: Settings, options: Options) -> int:
    """Write the check-up of a run, then the errors, and give the exit status."""
    health = examine(outcome, settings)
    paint = coloured if options.output_file is None and use_colour(sys.stdout) else plain
    write(as_json(health) if options.output_format == "json" else as_text(health, paint), options.output_file)
    if tell_errors(outcome.errors) == FAILED:
        return FAILED
    return FINDINGS if health.failed and not options.exit_zero else CLEAN
