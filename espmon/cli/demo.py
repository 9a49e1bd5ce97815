"""`espmon demo`: the full screen on a simulated board, in one process, without hardware."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from espmon.cli.screen_checks import screen_problem


def main(arguments: Sequence[str]) -> int:
    """Run the demo; returns the exit code."""
    from espmon.sim.simulated_chips import CHIPS

    parser = argparse.ArgumentParser(
        prog="espmon demo",
        description="Full screen on a simulated board: no hardware, no toolchain.",
        epilog=f"chips: {', '.join(CHIPS)}",
    )
    parser.add_argument("--chip", metavar="NAME", default="esp32c3", help="chip to simulate (default: %(default)s)")
    parser.add_argument(
        "--probe", action=argparse.BooleanOptionalAction, default=True, help="offer to identify the chip"
    )
    parser.add_argument("--debug", action="store_true", help="show a traceback when something fails")
    options = parser.parse_args(list(arguments))
    if options.chip not in CHIPS:
        print(f"espmon demo: no chip {options.chip!r}; there are {', '.join(CHIPS)}", file=sys.stderr)
        return 2
    if problem := screen_problem():
        print(f"espmon demo: {problem}", file=sys.stderr)
        return 2
    try:
        import esp32_mock_bootloader as _  # noqa: F401
    except ImportError:
        print("espmon demo: the simulated board needs the extra: pip install 'espmon[demo]'", file=sys.stderr)
        return 2
    from espmon.cli.demo_board import start_board
    from espmon.cli.monitor import run_screen
    from espmon.sim import ListenError

    paths: dict[str, str] = {}
    try:
        with ExitStack() as boards:
            request = replace(start_board(boards, paths, options.chip), probe=options.probe)
            return run_screen(request, path_map=paths)
    except ListenError as error:
        print(f"espmon demo: {error}", file=sys.stderr)
        return 3
