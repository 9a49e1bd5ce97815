"""`espmon demo`: the full screen on a simulated board, in one process, without hardware."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Run the demo; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="espmon demo", description="Full screen on a simulated board: no hardware, no toolchain."
    )
    parser.add_argument("--chip", default="esp32c3", help="chip to simulate (default: %(default)s)")
    parser.add_argument(
        "--probe", action=argparse.BooleanOptionalAction, default=True, help="offer to identify the chip"
    )
    parser.add_argument("--debug", action="store_true", help="show a traceback when something fails")
    options = parser.parse_args(list(arguments))
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("espmon demo: the full screen needs a terminal", file=sys.stderr)
        return 2
    from espmon.cli.monitor import run_screen
    from espmon.session.view import OpenRequest
    from espmon.sim import SimError, application_elf, serve

    try:
        with serve(chip=options.chip) as board:
            elf = application_elf(options.chip)
            request = OpenRequest(
                url=board.url,
                probe=options.probe,
                name=f"Simulated {options.chip}",
                elf=(elf,) if elf else (),
            )
            return run_screen(request)
    except SimError as error:
        print(f"espmon demo: {error}", file=sys.stderr)
        return 2
