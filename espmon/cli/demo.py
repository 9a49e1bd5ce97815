"""`espmon demo`: the full screen on a simulated board, in one process, without hardware."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace


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
    try:
        import esp32_mock_bootloader as _  # noqa: F401
    except ImportError:
        print("espmon demo: the simulated board needs the extra: pip install 'espmon[demo]'", file=sys.stderr)
        return 2
    from espmon.cli.monitor import run_screen
    from espmon.session.view import OpenRequest
    from espmon.sim import BoardThread, ListenError, SimulatedBoard
    from espmon.sim.chips import CHIPS
    from espmon.sim.image import SOURCE_PREFIX, SOURCES

    if options.chip not in CHIPS:
        print(f"espmon demo: no chip {options.chip!r}; there are {', '.join(CHIPS)}", file=sys.stderr)
        return 2
    try:
        with BoardThread(lambda: SimulatedBoard(options.chip)) as server:
            request = OpenRequest(
                url=server.url,
                probe=options.probe,
                name=f"Simulated {CHIPS[options.chip].title}",
                elf=(server.board.elf,) if CHIPS[options.chip].riscv else (),
            )
            return run_screen(
                request,
                adjust=lambda settings: replace(settings, path_map={**settings.path_map, SOURCE_PREFIX: str(SOURCES)}),
            )
    except ListenError as error:
        print(f"espmon demo: {error}", file=sys.stderr)
        return 3
