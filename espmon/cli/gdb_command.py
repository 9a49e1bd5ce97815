"""`espmon gdb PORT`: monitors a port; gdb or an IDE gets the board whenever it halts in its debug stub."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from espmon.cli import run
from espmon.cli.command_runner import command_parser, run_command, say
from espmon.cli.port_options import PORT_HELP, add_port_options, port_number, positive_seconds

if TYPE_CHECKING:
    from espmon.session import Session

NOTES = """\
The log is printed; when the board halts in its debug stub, gdb starts in this
terminal, or what is connected to the port of --listen gets it. `continue` and
`detach` let the board go on, and the log with it: after a panic ESP-IDF's stub
then restarts it. A debugger that only disconnects leaves the board halted.
"""


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser("gdb", "Monitor a port, and debug the board when it halts in its debug stub.", epilog=NOTES)
    result.add_argument("port", metavar="PORT", help=PORT_HELP)
    result.add_argument(
        "--listen",
        type=port_number,
        metavar="PORT",
        help="serve the board to gdb and IDEs on this TCP port of this computer (0: any free one; asks: every user of "
        "this computer can connect, and write the board's memory)",
    )
    result.add_argument(
        "--now", action="store_true", help="the board has halted already: start gdb at once, not at its next stop"
    )
    add_port_options(result)
    result.add_argument("-y", "--yes", action="store_true", help="do not ask (for scripts)")
    result.add_argument("--timeout", type=positive_seconds, metavar="S", help="end after S seconds")
    return result


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    return run_command(parser(), arguments, gdb)


def gdb(options: argparse.Namespace) -> int:
    """What `espmon run PORT` does, with a debugger beside it."""
    if options.listen is not None and not options.yes:
        from espmon.cli.consent import require_consent

        question = (
            "Every user of this computer can connect, and do to a halted board what gdb can: write, let it go on."
        )
        require_consent(question, doing="who connects gets the board")
    words = run.parser().parse_args([options.port, "--no-stdin"])
    for name, value in vars(options).items():
        setattr(words, name, [value] if name == "port" else value)
    words.share = StubDebugging(options.listen, now=options.now)
    return run.run(words)


class StubDebugging:
    """Beside a run: serves the board whenever it halts.

    Args:
        listen: the TCP port; None to start a gdb in this terminal.
        now: the board has halted already.

    Attributes:
        has_terminal: gdb runs in it; Ctrl-C is gdb's then.
    """

    def __init__(self, listen: int | None, *, now: bool = False) -> None:
        self._listen = listen
        self._now = now
        self._task: asyncio.Task[None] | None = None
        self.has_terminal = False

    async def __call__(self, session: Session) -> str:
        """Begin for a session that has been opened; returns why it cannot be, "" where it is."""
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._serve(session, ready), name="espmon-gdb")
        return await ready

    async def _serve(self, session: Session, ready: asyncio.Future[str]) -> None:
        from espmon.session.debug_lease import DebugError, find_gdb
        from espmon.session.stub_server import StubServer

        server = StubServer(session)
        try:
            if self._listen is not None:
                async with server.listening(self._listen) as number:
                    say(f"target remote 127.0.0.1:{number}")
                    ready.set_result("")
                    await asyncio.Event().wait()  # the run ends it
            find_gdb(None)
            async with server.listening_privately() as address:
                ready.set_result("")
                await self._start_gdb_at_stops(session, address)
        except (DebugError, OSError) as error:
            why = getattr(error, "strerror", None) or str(error)
            if ready.done():
                say(f"espmon: no debugger: {why}")
            else:
                ready.set_result(f"No debugger can be let in: {why}")

    async def _start_gdb_at_stops(self, session: Session, address: str) -> None:
        """Start gdb once at each stop, and wait for its end."""
        from espmon.programs import start
        from espmon.session.status import Activity, Change, ElfState

        ready, activity = asyncio.Event(), session.status.activity
        halted = self._now or activity is Activity.HALTED

        def look(change: Change | None = None) -> None:
            nonlocal activity, halted
            status = session.status
            if status.activity is not activity:
                activity = status.activity
                halted = activity is Activity.HALTED and not status.debugger
            if halted and status.elf_state is not ElfState.LOADING:
                ready.set()

        look()
        unsubscribe = session.subscribe(look)
        try:
            while True:
                await ready.wait()
                ready.clear()
                halted = False
                say("espmon: the board has halted in its debug stub: gdb gets it")
                self.has_terminal = True
                process = start(session.debugging.gdb_command(address), terminal=True)
                try:
                    await asyncio.to_thread(process.wait)
                finally:
                    if process.poll() is None:
                        process.kill()
                    self.has_terminal = False
                still = session.status.activity is Activity.HALTED
                say(f"espmon: gdb has ended; {'the board still waits in its stub' if still else 'the log goes on'}")
        finally:
            unsubscribe()
