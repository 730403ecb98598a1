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
        except OSError as error:  # a full disk
            status = _told(f"{error.filename or 'output'}: {error.strerror or error}")
        if standalone_mode:
            sys.exit(status)
        return status


def end_at_once(status: object) -> None:
    """End the process with what `sys.exit` was told, and leave it to the system to take the memory back: Python would
    go through all objects first, which takes longer than checking a file or two."""
    code = status if isinstance(status, int) else FAILED if status else CLEAN
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError:  # nobody reads it, or there is no room
            code = FAILED
    os._exit(code)


def _told(message: str) -> int:
    click.echo(f"leakcheck: {' '.join(message.split())}", err=True)
    return FAILED
