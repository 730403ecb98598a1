"""Exit statuses, and errors told in one line."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from leakcheck.toml import CatalogueError

CLEAN, FINDINGS, FAILED, INTERRUPTED = 0, 1, 2, 130


class OneLineErrors(click.Command):
    """Says in one line what was wrong with the call, and exits 2."""

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run and exit."""
        run: Any = super().main
        try:
            status = run(*args, standalone_mode=False, **extra)
        except click.ClickException as error:
            status = _told(error.format_message())
        except CatalogueError as error:
            status = _told(str(error))
        except (click.Abort, KeyboardInterrupt):
            click.echo("leakcheck: interrupted", err=True)
            status = INTERRUPTED
        except BrokenPipeError:  # `leakcheck | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            status = FAILED
        if standalone_mode:
            sys.exit(status)
        return status


def _told(message: str) -> int:
    click.echo(f"leakcheck: {' '.join(message.split())}", err=True)
    return FAILED
