"""`python -m leakcheck`, and the command."""

from leakcheck.cli import main
from leakcheck.status import end_at_once


def run() -> None:
    """Run as a process of its own."""
    try:
        main(prog_name="leakcheck")
    except SystemExit as end:
        end_at_once(end.code)


if __name__ == "__main__":
    run()
