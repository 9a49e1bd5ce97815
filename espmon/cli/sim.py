"""`espmon sim`: the simulated board alone, for other tools."""

from __future__ import annotations

import argparse
import asyncio
import signal
from importlib.util import find_spec
from pathlib import Path

from espmon.cli.command_runner import Exit, command_parser, fail, run_command, say
from espmon.sim.board import SimulatedBoard
from espmon.sim.board_events import EventLog
from espmon.sim.scenarios import SCENARIOS
from espmon.sim.server import DEFAULT_LISTEN, BoardServer, ListenError
from espmon.sim.simulated_chips import CHIPS
from espmon.sim.terminal import BoardTerminal

PSEUDO_TERMINAL = "pty:"
DEFAULT_SETTLE_SECONDS = 0.5


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    scenarios = "\n".join(f"  {row.name:<12} {row.description}" for row in SCENARIOS.values())
    result = command_parser(
        "sim",
        "A simulated board behind a network port. The first line on stdout is its URL.",
        epilog=f"scenarios:\n{scenarios}\n\nchips: {', '.join(CHIPS)}",
    )
    result.add_argument(
        "--listen",
        metavar="URL",
        default=DEFAULT_LISTEN,
        help="rfc2217://HOST:PORT (with DTR and RTS) or socket://HOST:PORT, port 0 picks one; pty: makes a "
        "pseudo-terminal (default: %(default)s)",
    )
    result.add_argument("--chip", metavar="NAME", choices=list(CHIPS), default="esp32c3", help="default: %(default)s")
    result.add_argument(
        "--scenario", metavar="NAME", choices=list(SCENARIOS), default="demo", help="see below (default: %(default)s)"
    )
    result.add_argument(
        "--replay",
        metavar="FILE",
        type=Path,
        help="send these bytes instead, from the start at each boot; then stay connected and silent",
    )
    result.add_argument(
        "--rate", metavar="BAUD", type=int, help="line rate of the replay (default: as fast as the client reads)"
    )
    result.add_argument(
        "--pace", action="store_true", help="everything takes its line time at the rate the client has set"
    )
    result.add_argument(
        "--settle",
        metavar="SECONDS",
        type=float,
        default=DEFAULT_SETTLE_SECONDS,
        help="from the first connection to the first byte: many clients drop what comes while they open the port "
        "(default: %(default)s)",
    )
    result.add_argument(
        "--events", metavar="FILE", type=Path, help="write connects, line and mode changes as JSON lines"
    )
    return result


async def _serve(board: SimulatedBoard, listen: str) -> int:
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[int] = loop.create_future()

    def ask(code: int) -> None:
        if not stop.done():
            stop.set_result(code)

    def catch(number: int, code: int) -> None:
        try:
            loop.add_signal_handler(number, ask, code)
        except NotImplementedError:
            # Event loops without signal support: the interpreter's own handler, woken by the loop.
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(ask, code))

    catch(signal.SIGINT, Exit.INTERRUPTED)
    catch(signal.SIGTERM, Exit.DONE)
    front = BoardTerminal(board) if listen == PSEUDO_TERMINAL else BoardServer(board, listen)
    async with front as server:
        print(server.url, flush=True)
        return await stop


async def _run(options: argparse.Namespace, replay: bytes | None) -> int:
    board = SimulatedBoard(
        options.chip,
        options.scenario,
        replay=replay,
        rate=options.rate,
        pace=options.pace,
        power_delay=max(0.0, options.settle),
        events=EventLog(options.events),
    )
    return await _serve(board, options.listen)


def main(arguments: list[str]) -> int:
    """Serve until SIGINT or SIGTERM.

    Exit codes: 0 stopped by SIGTERM, 130 by Ctrl-C, 2 wrong usage or unreadable file, 3 cannot listen.
    """
    return run_command(parser(), arguments, simulate)


def simulate(options: argparse.Namespace) -> int:
    """Make the board and serve it."""
    if options.rate is not None and options.rate < 1:
        fail(Exit.USAGE, "--rate must be at least 1 baud")
    if find_spec("esp32_mock_bootloader") is None:
        say("espmon: no ROM loader without the extra: pip install 'espmon[demo]'")
    try:
        replay = options.replay.read_bytes() if options.replay else None
        return asyncio.run(_run(options, replay))
    except ListenError as error:
        fail(Exit.USAGE if error.wrong_usage else Exit.PORT, str(error))
    except OSError as error:
        fail(Exit.USAGE, f"{error.filename}: {error.strerror}")
