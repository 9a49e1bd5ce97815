"""`espmon open`: the full screen on a recorded session, or on any log file."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from espmon.cli.command_runner import Exit, clean, command_parser, fail, run_command
from espmon.cli.port_options import check_elf_files
from espmon.cli.screen_checks import screen_problem

MAX_SPEED = 1e6
"""Times real time beyond which `--speed` says nothing."""


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser("open", "The full screen on a recorded session or any log file. Nothing can be sent.")
    result.add_argument(
        "session",
        metavar="SESSION|FILE",
        help="a session's name or a part of it, `last`, or its folder; or a log file: plain, gzip, script, asciinema, "
        "PuTTY",
    )
    result.add_argument("--elf", action="append", type=Path, default=[], help="ELF with the symbols; may be repeated")
    result.add_argument("--rom-elf", type=Path, metavar="ELF", help="the chip's ROM ELF")
    result.add_argument(
        "--speed", type=speed, metavar="N", help="as the bytes came, N times as fast; all at once when not given"
    )
    result.add_argument("--follow", action="store_true", help="go on when the file grows, or is replaced (tail -F)")
    result.add_argument("--start", action="store_true", help="show the beginning first")
    result.add_argument("--print-filter", metavar="F", default="", help='log lines to show, such as "wifi:W *:I"')
    result.add_argument("--timestamps", action="store_true", help="show host time")
    return result


def speed(text: str) -> float:
    """A speed. Raises ValueError."""
    number = float(text)
    if not 0 < number <= MAX_SPEED:
        raise ValueError(text)
    return number


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    from espmon.session.archive.past_sessions import SessionError
    from espmon.session.replay.moment import SourceError

    return run_command(parser(), arguments, show, {SourceError: int(Exit.USAGE), SessionError: int(Exit.USAGE)})


def show(options: argparse.Namespace) -> int:
    """Find it, and show the screen."""
    from espmon.session.archive.past_sessions import find_session
    from espmon.session.replay.opened_source import open_source
    from espmon.session.settings import data_folder

    if problem := screen_problem():
        way = "" if sys.stdout.isatty() else "; `espmon decode FILE` needs none"
        fail(Exit.USAGE, problem + way)
    check_elf_files(options)
    path = find_session(os.path.expanduser(options.session), data_folder() / "sessions")
    source = open_source(path, follow=options.follow)
    if options.speed is not None and not source.timed:
        source.close()
        fail(Exit.USAGE, f"{clean(path)} does not say when its bytes came ({source.kind}): there is no speed to it")
    from dataclasses import replace

    from espmon.cli.monitor import run_screen
    from espmon.session.replay.replay import Replay, ReplayWish, request_of

    wish = ReplayWish(options.speed, follow=options.follow, start=options.start)
    request = replace(
        request_of(path, source, tuple(options.elf)),
        print_filter=options.print_filter,
        rom_elf=options.rom_elf,
        at_start=options.start,
    )
    return run_screen(request, timestamps=options.timestamps, replay=Replay(source, wish))
