"""`espmon [PORT]`: the full screen. Parses the command line before anything heavy is imported."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espmon.cli.command_runner import Exit, clean, command_parser, fail, run_command, say
from espmon.cli.help_texts import commands_help
from espmon.cli.place_consent import may_acquire
from espmon.cli.platformio_project import take_project
from espmon.cli.port_options import PORT_HELP, add_port_options, check_elf_files, print_filter_of, request_for
from espmon.cli.screen_checks import PLAIN_WAY, log_problem, screen_problem
from espmon.version import __version__

if TYPE_CHECKING:
    from espmon.session import Session
    from espmon.session.log_memory import LogMemory
    from espmon.session.replay.replay import Replay
    from espmon.session.status import OpenRequest

SWITCH_SECONDS = 0.001
"""Longest time that the screen's thread keeps the session's from a key, or from a byte, once it has come."""

MORE_HELP = "`espmon COMMAND --help` tells more. Keys: Ctrl-T H in the monitor."


def parser() -> argparse.ArgumentParser:
    """The options of the full screen."""
    result = command_parser(
        "",
        "Full-screen serial monitor for ESP32-family boards that shows why they crashed.",
        epilog=f"{commands_help()}\n\n{MORE_HELP}",
    )
    result.add_argument(
        "port",
        nargs="*",
        metavar="PORT",
        help=f"{PORT_HELP}; none opens the picker, several have a tab each",
    )
    add_port_options(result)
    result.add_argument(
        "--probe",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="identify the chip first (asks before it resets the board)",
    )
    result.add_argument("--reset", action="store_true", help="restart the board once the port is open (asks)")
    result.add_argument("-y", "--yes", action="store_true", help="do not ask (for scripts)")
    result.add_argument("--log", type=Path, metavar="FILE", help="also write the log text to FILE")
    result.add_argument(
        "--raw-escapes", action="store_true", help="leave the device's control sequences in FILE as they came"
    )
    result.add_argument("--ws", metavar="URL", help="tell an IDE of debug stubs and core dumps over a WebSocket")
    result.add_argument("--timestamps", action="store_true", help="show host time")
    result.add_argument(
        "--look-on", action="store_true", help="where another espmon of yours holds PORT, look on without a question"
    )
    add_start_options(result)
    result.add_argument("--version", action="version", version=f"espmon {__version__}")
    return result


def add_start_options(parser: argparse.ArgumentParser) -> None:
    """Where keys go at first; what the full screen and the demo have in common."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--start-in",
        choices=("input", "log", "raw"),
        help="where keys go at first: to the input line (the default), to the log, or all to the board",
    )
    group.add_argument("--input", dest="start_in", action="store_const", const="input", help="same as --start-in input")
    group.add_argument("--raw", dest="start_in", action="store_const", const="raw", help="same as --start-in raw")


def main(arguments: Sequence[str]) -> int:
    """Run the full screen; returns the exit code."""
    return run_command(parser(), arguments, monitor)


def monitor(options: argparse.Namespace) -> int:
    """Look at what was asked for, and show the screen; a port whose log goes into a pipe or a file is run without."""
    if problem := screen_problem():
        if options.port and not sys.stdout.isatty():
            return run_instead(options)
        fail(Exit.USAGE, problem)
    taken = take_project(options)
    check_elf_files(options)
    check_ports(options)
    if options.log is not None and (problem := log_problem(options.log)):
        fail(Exit.USAGE, problem)
    if options.reset and options.port and not options.yes:
        from espmon.cli.consent import require_consent

        ports = clean(", ".join(options.port))
        require_consent(f"This resets the board on {ports}.", doing="--reset resets the board")

    def asked_of(port: str) -> OpenRequest:
        return replace(
            request_for(options, port),
            reset=options.reset,
            acquire=may_acquire(port, yes=options.yes),
            probe=options.probe,
            log=options.log,
            print_filter=print_filter_of(options),
        )

    requests = [asked_of(port) for port in options.port or [""]]
    with ExitStack() as boards:
        return run_screen(
            requests[0] if options.port else None,
            defaults=requests[0],
            more=requests[1:],
            timestamps=options.timestamps,
            ws=options.ws,
            raw_escapes=options.raw_escapes,
            start_in=options.start_in,
            demo=demo_in(boards),
            look_on=options.look_on,
            notices=[taken] if taken else [],
        )


def check_ports(options: argparse.Namespace) -> None:
    """End the command when several ports are given and something is asked for that only one can have."""
    if len(options.port) < 2:
        return
    from espmon.tui.board_tabs import MAX_BOARDS

    if len(set(options.port)) != len(options.port):
        fail(Exit.USAGE, "a port is named twice")
    if len(options.port) > MAX_BOARDS:
        fail(Exit.USAGE, f"no more than {MAX_BOARDS} ports at once")
    if options.log is not None:
        fail(Exit.USAGE, "--log writes the text of one board; with several, Ctrl-T L does in the tab of each")


def run_instead(options: argparse.Namespace) -> int:
    """`espmon PORT | grep wifi`: what `espmon run PORT` does, but for standard input, which nobody offered the board.

    Ends the command where something was asked for that only the screen has.
    """
    from espmon.cli import run

    words = run.parser().parse_args([*options.port, "--no-stdin"])
    known, usual = vars(words), vars(parser().parse_args(options.port))
    asked = [name for name, value in vars(options).items() if name not in known and value != usual[name]]
    if asked:
        names = ", ".join("--" + name.replace("_", "-") for name in asked)
        fail(Exit.USAGE, f"{names} is for the full screen, which needs a terminal; {PLAIN_WAY}")
    say("espmon: no terminal to draw on: going on as `espmon run PORT`, where --help tells more")
    for name, value in vars(options).items():
        setattr(words, name, value)
    return run.run(words)


def demo_in(boards: ExitStack) -> Callable[[dict[str, str]], OpenRequest] | None:
    """What starts a simulated board that runs until `boards` is closed; None where the extra is not installed."""
    from importlib.util import find_spec

    if find_spec("esp32_mock_bootloader") is None:
        return None

    def start(path_map: dict[str, str]) -> OpenRequest:
        from espmon.cli.demo_board import start_board
        from espmon.sim import ListenError

        try:
            return start_board(boards, path_map)
        except ListenError as error:
            raise OSError(str(error)) from error

    return start


def run_screen(
    request: OpenRequest | None,
    *,
    defaults: OpenRequest | None = None,
    timestamps: bool = False,
    ws: str | None = None,
    raw_escapes: bool = False,
    start_in: str | None = None,
    demo: Callable[[dict[str, str]], OpenRequest] | None = None,
    path_map: Mapping[str, str] | None = None,
    notices: Sequence[str] = (),
    replay: Replay | None = None,
    look_on: bool = False,
    more: Sequence[OpenRequest] = (),
) -> int:
    """Start a session on its own thread and show it; returns the exit code when the user leaves.

    Args:
        request: what to open; None shows the list of ports.
        defaults: what the list of ports offers.
        timestamps: show host times from the start.
        ws: an IDE to tell of debug stubs and core dumps.
        raw_escapes: leave the device's control sequences in log files.
        start_in: where keys go at first; None: as the settings say.
        demo: starts the simulated board, adding to the path map where its sources are.
        path_map: entries beyond the user's own.
        notices: shown when the screen comes up, and once more when it is left.
        replay: what is shown is no board.
        look_on: where another espmon holds the port, look on at its session without a question.
        more: what to open beside `request`, each in a tab of its own.
    """
    from espmon.tui import configured
    from espmon.tui.terminal import take_terminal

    sys.setswitchinterval(SWITCH_SECONDS)
    found = configured.in_folder()
    settings, problems = found.settings, [*found.problems, *notices]
    if settings.elf:
        request, defaults = (with_elf(known, settings.elf, problems) for known in (request, defaults))
        more = [with_elf(known, settings.elf, problems) or known for known in more]
    wanted = request or defaults
    if wanted is not None and wanted.log is not None and not settings.recording:
        fail(Exit.USAGE, "no log is written while the setting `recording` is false")
    # One dictionary for the session and the screen, so that a board started later can say where its sources are.
    paths = {**settings.path_map, **(path_map or {})}
    settings = replace(
        settings,
        path_map=paths,
        raw_escapes=settings.raw_escapes or raw_escapes,
        start_in=start_in or settings.start_in,
    )

    def first_picture(width: int, height: int) -> str | None:
        from espmon.tui.opening.first_picture import first_picture

        return first_picture(request, settings, (width, height)) if replay is None and not more else None

    memory: LogMemory | None = None
    """Of all boards together."""

    def make() -> Session:
        # Imported on the session's thread, while the screen paints its first frame.
        from espmon.session import Session
        from espmon.session.ide import Ide
        from espmon.session.log_memory import LogMemory

        nonlocal memory
        if memory is None:
            # What is loaded by now stays: to find that out again and again stops the screen for a tenth of a second.
            gc.freeze()
        if replay is not None:
            return replay.begin(settings, app.supersede)
        from espmon.session.share_state import Grants

        shared = Grants.WHEN_ALLOWED if settings.share else None
        memory = memory or LogMemory(settings.store_bytes)
        ide = Ide(ws) if ws else None
        return Session(settings=settings, ide=ide, builds=Path(), shared=shared, memory=memory)

    # What takes long to import comes behind the first picture.
    with take_terminal(first_picture) as taken:
        from espmon.cli.exit_watch import ExitWatch
        from espmon.cli.process_end import last_words
        from espmon.session import LoopThread
        from espmon.session.replay.past_recordings import PastRecordings
        from espmon.session.settings import state_folder
        from espmon.session.viewing.holder_finder import HolderFinder
        from espmon.tui.app import EspmonApp
        from espmon.tui.choices_file import choices_file
        from espmon.tui.terminal import terminal_driver

        with LoopThread() as runner:
            app = EspmonApp(
                runner,
                make,
                request,
                settings=settings,
                timestamps=timestamps,
                notices=problems,
                history=state_folder() / "history",
                choices=choices_file(),
                discover=discover,
                demo=(lambda: demo(paths)) if demo is not None else None,
                defaults=defaults,
                driver_class=terminal_driver(),
                taken=taken,
                replay=None if replay is None else replay.first_state,
                past=PastRecordings(settings),
                finder=None if replay is not None else HolderFinder(settings, unasked=look_on),
                more=more,
                another=make if replay is None else None,
            )
            with ExitWatch(app.leave_now, app.salvage) as watch:
                app.on_hangup = watch.hang_up
                result = app.run() or (Exit.PORT if app.never_opened else Exit.DONE)
                for problem in [*problems, *([app.kept.problem] if app.kept.problem else [])]:
                    last_words(f"espmon: {problem}", sys.stderr)
                for folder in app.recordings:
                    last_words(f"Recorded in {folder}", sys.stdout)
                if app.exit_message:
                    last_words(f"espmon: {clean(app.exit_message)}", sys.stderr)
    return app.return_code or int(result or 0) or int(Exit.FAILED if app.exit_message else Exit.DONE)


def with_elf(request: OpenRequest | None, elf: str, problems: list[str]) -> OpenRequest | None:
    """The request with the ELF of the settings, where it names none; one that is not there is told once."""
    if request is None or request.elf:
        return request
    if not os.path.isfile(elf):
        problem = f"the ELF of the settings is not there: {elf}"
        problems += [problem] if problem not in problems else []
        return request
    return replace(request, elf=(Path(elf),))


def discover() -> Sequence[Any]:
    """Ports for the picker; runs in a thread."""
    from espmon.port import list_ports

    return list_ports()
