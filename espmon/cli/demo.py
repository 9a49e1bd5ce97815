"""`espmon demo`: the full screen on a simulated board, in one process, without hardware."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from importlib.util import find_spec

from espmon.cli.command_runner import Exit, command_parser, fail, run_command
from espmon.cli.screen_checks import screen_problem


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    from espmon.sim.simulated_chips import CHIPS

    result = command_parser(
        "demo",
        "Full screen on a simulated board: no hardware, no toolchain.",
        epilog=f"chips: {', '.join(CHIPS)}",
    )
    result.add_argument("--chip", metavar="NAME", default="esp32c3", help="chip to simulate (default: %(default)s)")
    result.add_argument(
        "--probe", action=argparse.BooleanOptionalAction, default=True, help="offer to identify the chip"
    )
    from espmon.cli.monitor import add_start_options

    add_start_options(result)
    return result


def main(arguments: Sequence[str]) -> int:
    """Run the demo; returns the exit code."""
    from espmon.sim import ListenError

    return run_command(parser(), arguments, demo, {ListenError: int(Exit.PORT)})


def demo(options: argparse.Namespace) -> int:
    """Start the board and the screen."""
    from espmon.sim.simulated_chips import CHIPS

    if options.chip not in CHIPS:
        fail(Exit.USAGE, f"no chip {options.chip!r}; there are {', '.join(CHIPS)}")
    if problem := screen_problem():
        fail(Exit.USAGE, problem)
    if find_spec("esp32_mock_bootloader") is None:
        fail(Exit.USAGE, "the simulated board needs the extra: pip install 'espmon[demo]'")
    from espmon.cli.demo_board import start_board
    from espmon.cli.monitor import demo_in, run_screen

    paths: dict[str, str] = {}
    with ExitStack() as boards:
        request = replace(start_board(boards, paths, options.chip), probe=options.probe)
        return run_screen(request, path_map=paths, start_in=options.start_in, demo=demo_in(boards))
