"""`espmon screenshot PORT -o FILE`: what the board's display shows, as a PNG file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from espmon.cli.command_runner import Exit, clean, command_parser, fail, print_json, run_command, say
from espmon.cli.output_files import check_output, write_output
from espmon.cli.place_consent import may_acquire
from espmon.cli.port_options import PORT_HELP, default_baud, positive, positive_seconds

if TYPE_CHECKING:
    from espmon.session.picture_request import Picture

DEFAULT_SECONDS = 10.0
"""For a picture to begin; one that comes may take as long as it comes."""

STDOUT = "-"

NOTES = """\
The board gets the setting screenshot_trigger ("screenshot" and Enter, unless
changed) once it is quiet, and answers with a picture (PNG_BEGIN or an
@ESPFRAME of kind png). Nothing else is sent, and it is not reset.
"""


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser(
        "screenshot", "Ask the board for a picture of its display, and save it.", mixed=True, epilog=NOTES
    )
    result.add_argument("-y", "--yes", action="store_true", help="acquire a labgrid place without asking (for scripts)")
    result.add_argument("port", metavar="PORT", help=PORT_HELP)
    result.add_argument("-o", "--output", metavar="FILE", required=True, help="the PNG file; - is standard output")
    result.add_argument("--trigger", metavar="TEXT", help="a line to send instead of the setting screenshot_trigger")
    result.add_argument(
        "--timeout",
        type=positive_seconds,
        default=DEFAULT_SECONDS,
        metavar="S",
        help="wait so long for it to begin (default: %(default)g)",
    )
    result.add_argument(
        "-b", "--baud", type=positive, default=default_baud(), help="rate in baud (default: %(default)s)"
    )
    result.add_argument(
        "--no-reset", action="store_true", help="keep DTR and RTS quiet while opening, as far as possible"
    )
    result.add_argument("--json", action="store_true", help="the picture's record, with the path of its file")
    return result


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit code: 1 damaged or not written, 3 port, 5 no picture came."""
    return run_command(parser(), arguments, screenshot)


def screenshot(options: argparse.Namespace) -> int:
    """Ask, wait, write."""
    to_stdout = options.output == STDOUT
    if to_stdout and options.json:
        fail(Exit.USAGE, "standard output cannot take the picture and the JSON: give -o FILE")
    path = Path(options.output)
    if not to_stdout:
        check_output(path)
    picture = picture_of(options)
    if to_stdout:
        sys.stdout.buffer.write(picture.data)
        return Exit.DONE
    write_output(path, picture.data)
    picture.record.path = str(path.absolute())
    if options.json:
        print_json(picture.record.to_json())
    else:
        say(f"espmon: {picture.record.noun}, {len(picture.data):,} bytes: {clean(path)}")
    return Exit.DONE


def picture_of(options: argparse.Namespace) -> Picture:
    """Open the port, ask, close it. Raises `PortError`; ends the command when no picture came, or a damaged one."""
    from espmon.cli.interruptible import run_interruptible
    from espmon.session import Session, State
    from espmon.session.action import ActionError
    from espmon.session.picture_request import NoPicture, PictureRequest
    from espmon.session.settings import LINE_ENDS
    from espmon.session.settings_sources import effective_settings
    from espmon.session.status import OpenRequest

    found = effective_settings()
    settings = found.settings
    for problem in found.problems:
        say(f"espmon: {problem}")
    if options.trigger is not None:
        settings = replace(settings, screenshot_trigger=options.trigger + LINE_ENDS[settings.eol].decode())
    settings = replace(settings, recording=False, reconnect=False)  # a picture is one file

    acquire = may_acquire(options.port, yes=options.yes)
    request = OpenRequest(options.port, baud=options.baud, no_reset=options.no_reset, acquire=acquire)

    async def work() -> Picture:
        session = Session(settings=settings)
        try:
            await session.open(request)
            if session.state is State.CLOSED:
                fail(Exit.PORT, session.status.reason, session.status.hint)
            return await PictureRequest(session).take(options.timeout)
        except ActionError as error:
            fail(Exit.LIMIT if isinstance(error, NoPicture) else Exit.FAILED, error.message, error.hint)
        finally:
            await session.close()

    return run_interruptible(work())
