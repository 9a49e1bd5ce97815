"""`espmon serve`: a board's session in browsers; each tab looks on, and may ask to write."""

from __future__ import annotations

import argparse
import asyncio
import shlex
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING

from espmon.cli.command_runner import Exit, clean, command_parser, fail, run_command, say
from espmon.cli.port_options import add_port_options, check_elf_files, positive, request_for

if TYPE_CHECKING:
    from espmon.session import Session
    from espmon.session.settings import Settings
    from espmon.session.status import OpenRequest

LOOPBACK = "127.0.0.1"
"""Where it listens: others come by `ssh -L`."""

DEFAULT_PORT = 8000


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser(
        "serve",
        "The session of a port in browsers on this computer, for everybody who has the URL that is printed. "
        "From elsewhere: ssh -L 8000:127.0.0.1:8000 this-computer, then the same URL.",
    )
    result.add_argument(
        "port", metavar="PORT", help="device path, nickname or URL; or `demo`, a simulated board (extra demo)"
    )
    add_port_options(result)
    result.add_argument(
        "--listen", type=positive, metavar="N", default=DEFAULT_PORT, help="TCP port (default: %(default)s)"
    )
    return result


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    from espmon.session.sharing.share_protocol import ShareError

    return run_command(parser(), arguments, serve, {ShareError: int(Exit.PORT)})


def serve(options: argparse.Namespace) -> int:
    """Hold the port, unless another espmon does, and serve until a signal comes."""
    if sys.platform == "win32":
        from espmon.port.platform import NOT_HERE

        fail(Exit.USAGE, NOT_HERE)
    if find_spec("textual_serve") is None:
        fail(Exit.USAGE, "the browser's screen needs the extra: pip install 'espmon[web]'")
    check_elf_files(options)
    from espmon.cli.interruptible import run_interruptible

    with ExitStack() as boards:
        request = _request(options, boards)
        try:
            run_interruptible(serve_until_cancelled(request, options))
        except KeyboardInterrupt:
            return Exit.DONE
    return Exit.DONE


def _request(options: argparse.Namespace, boards: ExitStack) -> OpenRequest:
    if options.port == "demo":
        if find_spec("esp32_mock_bootloader") is None:
            fail(Exit.USAGE, "the simulated board needs the extra: pip install 'espmon[demo]'")
        from espmon.cli.demo_board import start_board

        return start_board(boards, {})
    return request_for(options, options.port)


async def serve_until_cancelled(request: OpenRequest, options: argparse.Namespace) -> None:
    """Hold the port unless another espmon does, print the URL, and serve."""
    from espmon.cli.token_server import TokenServer
    from espmon.session.settings import load_settings
    from espmon.session.viewing.holder_finder import HolderFinder

    settings, problems = load_settings()
    for problem in problems:
        say(f"espmon: {problem}")
    held = await HolderFinder(settings).find(request.url)
    session: Session | None = None
    if held is None:
        session = await _open(request, settings)
    else:
        say(f"espmon: {held.holder} holds {clean(request.url)}: the tabs look on at its session")
        await held.close()
    words = [sys.executable, "-m", "espmon", request.url, "--look-on", *(f"--elf={path}" for path in request.elf)]
    title = f"espmon {clean(request.name or request.url)}"
    server = TokenServer(shlex.join(words), LOOPBACK, options.listen, title)
    try:
        try:
            url = await server.start()
        except OSError as error:
            fail(Exit.USAGE, f"cannot listen on {LOOPBACK}:{options.listen}: {error.strerror or error}")
        print(url, flush=True)
        say("espmon: whoever has this URL sees the session, and may write to the board; Ctrl-C ends it")
        await asyncio.Event().wait()
    finally:
        await server.stop()
        if session is not None:
            await session.close()


async def _open(request: OpenRequest, settings: Settings) -> Session:
    """Hold the port, without a screen. Whoever asks may write: nobody sits here."""
    from espmon.session import Session
    from espmon.session.share_state import Grants
    from espmon.session.state import State

    session = Session(settings=settings, shared=Grants.ALWAYS)
    await session.open(request)
    if session.state is State.CLOSED:
        status = session.status
        await session.close()
        fail(Exit.PORT, status.reason, status.hint)
    return session
