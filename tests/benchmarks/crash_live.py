"""From the last line of a panic to its decoded report, and from the stub to a backtrace, on the simulated board.

Run: `python -m tests.benchmarks.crash_live [--rounds 10]`. Every round is a new board and a new session over TCP, so
that nothing is cached; the ELF is loaded when the board crashes.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.status import Change, EventAdded, LinesAppended, OpenRequest
from espmon.sim import BoardServer, SimulatedBoard
from espmon.time_limit import time_limit
from tests.session.fakes import shown

LAST_LINE = b"ELF file SHA256"
BAUD = 115200
BITS_A_BYTE = 10


class Clock:
    """When the last line of the panic was stored, and when its report was there."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._seen = 0
        self.line = 0.0
        self.reported = 0.0
        self.wake = asyncio.Event()

    def __call__(self, change: Change) -> None:
        """Look at one change."""
        if isinstance(change, LinesAppended):
            for number in range(self._seen, change.count):
                if LAST_LINE.decode() in self._session.store.record(number).text:
                    self.line = time.perf_counter()
            self._seen = change.count
        elif isinstance(change, EventAdded) and change.entry.record.type == "panic" and change.entry.report:
            self.reported = self.reported or time.perf_counter()
        self.wake.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that a change brings."""
        async with time_limit(20):
            while not condition():
                self.wake.clear()
                await self.wake.wait()


async def one(command: str) -> tuple[float, dict[str, float]]:
    """Seconds from the last line to the report, and for the stub what its steps took."""
    board = SimulatedBoard("esp32c3")
    async with BoardServer(board, "socket://127.0.0.1:0") as server:
        with tempfile.TemporaryDirectory() as folder:
            session = Session(settings=Settings(), folder=Path(folder))
            clock = Clock(session)
            session.subscribe(clock)
            try:
                await session.open(OpenRequest(server.url, elf=(board.elf,)))
                await clock.until(lambda: prompt(session) and session.status.elf_state in ("match", "unverified"))
                await session.send(f"{command}\r\n".encode())
                await clock.until(lambda: bool(clock.reported))
                figures = await debugged(session, clock) if command == "gdbstub" else {}
                before = len(session.store)
                await clock.until(lambda: len(session.store) > before)
            finally:
                await session.close()
    return clock.reported - clock.line, figures


def prompt(session: Session) -> bool:
    """Whether the console is there."""
    return any("esp>" in text for text in shown(session.store))


async def debugged(session: Session, clock: Clock) -> dict[str, float]:
    """Inspect, look at another thread, step, go on."""
    await clock.until(lambda: any(entry.record.type == "gdb" for entry in session.events))
    figures: dict[str, float] = {}
    before = session.connection.link.received
    began = time.perf_counter()
    await session.debugging.start()
    figures["inspect, ms"] = 1000 * (time.perf_counter() - began)
    figures["inspect, ms of wire at 115200"] = 1000 * BITS_A_BYTE * (session.connection.link.received - before) / BAUD
    began = time.perf_counter()
    await session.debugging.select("3")
    figures["thread, ms"] = 1000 * (time.perf_counter() - began)
    began = time.perf_counter()
    await session.debugging.step()
    figures["step, ms"] = 1000 * (time.perf_counter() - began)
    await session.debugging.resume()
    return figures


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    for command in ("panic", "abort", "assert", "stack", "gdbstub"):
        results = [asyncio.run(one(command)) for _ in range(rounds)]
        delays = [1000 * delay for delay, _ in results]
        print(f"{command:8} report {statistics.median(delays):6.1f} ms after its last line, {max(delays):.1f} at most")
        for name in results[0][1]:
            values = [figures[name] for _, figures in results]
            print(f"{'':8} {name}: {statistics.median(values):.1f}, {max(values):.1f} at most")


if __name__ == "__main__":
    main()
