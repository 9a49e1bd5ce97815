"""`espmon share PORT`: monitors a port, and serves it over RFC 2217 to another program of this computer."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from espmon.cli import run
from espmon.cli.command_runner import Exit, command_parser, fail, run_command, say
from espmon.cli.port_options import PORT_HELP, add_port_options, positive_seconds

if TYPE_CHECKING:
    from espmon.session import Session

NOTES = """\
The URL is the first line on standard error. One program at a time can use it,
for example `esptool --port rfc2217://127.0.0.1:4000 flash-id`; what passes is
recorded, and the log goes on when it has left. Every user of this computer can
connect, nobody else; from elsewhere: ssh -L 4000:127.0.0.1:4000 HOST
"""


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser("share", "Monitor a port, and let another program use it meanwhile.", epilog=NOTES)
    result.add_argument("port", metavar="PORT", help=PORT_HELP)
    result.add_argument(
        "--listen",
        metavar="HOST:PORT",
        default="127.0.0.1:0",
        help="an address of this computer; port 0 picks one (default: %(default)s)",
    )
    add_port_options(result)
    result.add_argument("--json", action="store_true", help="one JSON object a record instead of the log")
    result.add_argument("-y", "--yes", action="store_true", help="acquire a labgrid place without asking")
    result.add_argument("--timeout", type=positive_seconds, metavar="S", help="end after S seconds")
    return result


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    return run_command(parser(), arguments, share)


def share(options: argparse.Namespace) -> int:
    """What `espmon run PORT` does, with the port shared."""
    from espmon.session.port_share import ShareError, share_address

    words = run.parser().parse_args([options.port, "--no-stdin"])
    for name, value in vars(options).items():
        setattr(words, name, [value] if name == "port" else value)
    try:
        words.share = partial(_begin, share_address(options.listen))
    except ShareError as error:
        fail(Exit.USAGE, str(error))
    return run.run(words)


async def _begin(address: tuple[str, int], session: Session) -> str:
    """Share the port of a session that has been opened; returns why it cannot be, "" where it is."""
    from espmon.session.port_share import PortShare

    try:
        say(f"Shared at {await PortShare(session, address).start()}")
    except OSError as error:
        return f"The port cannot be shared: {error.strerror or error}"
    return ""
