"""Unplugs the board again and again, and looks at what is lost and how soon it is back.

    python -m tests.torture.unplugging [--times N] [--kind pty|socket|rfc2217]

A pseudo-terminal is unplugged with whatever it holds; a server is closed, refuses connections for a while, and is
opened at the same address. What was sent while somebody could read it must be recorded, in order; the port must be
open again within 100 ms of its return.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
import tty
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from espmon.port import PortIdentity
from espmon.port.opening import open_handle
from espmon.port.watch import wait_for_port
from espmon.session import Session
from espmon.session.connection import PortAccess
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import OpenRequest
from tests.session.fakes import Watch

BACK_SECONDS = 0.1
"""From the port's return to its being open again."""

LIMIT = 30.0


@dataclass
class Tally:
    """What a schedule showed."""

    tried: int = 0
    late: int = 0
    lost: int = 0
    times: list[float] = field(default_factory=list)

    def line(self) -> str:
        """In one sentence."""
        times = sorted(self.times)
        median, share = times[len(times) // 2], times[len(times) * 95 // 100]
        return (
            f"tried {self.tried}, {self.lost} bytes lost, {self.late} later than {BACK_SECONDS * 1e3:.0f} ms; "
            f"back after {median * 1e3:.0f} ms p50, {share * 1e3:.0f} ms p95, {times[-1] * 1e3:.0f} ms at most"
        )


class Unpluggable:
    """A board on a pseudo-terminal, by a name that stays."""

    def __init__(self, folder: Path) -> None:
        self.url = str(folder / "board")
        self._master = self._slave = -1

    async def plug(self) -> None:
        """It is there."""
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.symlink(os.ttyname(self._slave), self.url)

    async def send(self, data: bytes) -> None:
        """Send, to whoever reads."""
        os.write(self._master, data)

    async def unplug(self) -> None:
        """It is gone."""
        os.unlink(self.url)
        os.close(self._slave)
        os.close(self._master)


class Server:
    """A board behind a TCP server; `telnet` answers what a client of RFC 2217 asks."""

    def __init__(self, telnet: bool) -> None:
        self._telnet = telnet
        self._port = 0
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{'rfc2217' if self._telnet else 'socket'}://127.0.0.1:{self._port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            while data := await reader.read(1 << 12):
                if self._telnet:
                    writer.write(answers(data))

    async def plug(self) -> None:
        """It accepts connections."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def send(self, data: bytes) -> None:
        """Send, to whoever is connected."""
        self._writers[-1].write(data)
        await self._writers[-1].drain()

    async def unplug(self) -> None:
        """It refuses connections."""
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.close()
        self._writers.clear()


IAC, DONT, DO, WONT, WILL, SB, SE, COM_PORT = 255, 254, 253, 252, 251, 250, 240, 44


def answers(data: bytes) -> bytes:
    """What a server of RFC 2217 answers: agreed to everything, every value as asked."""
    reply, at = bytearray(), 0
    while at < len(data):
        if data[at] != IAC or at + 1 >= len(data):
            at += 1
        elif data[at + 1] in (WILL, DO) and at + 2 < len(data):
            agreed = DO if data[at + 1] == WILL else WILL
            reply += bytes([IAC, agreed, data[at + 2]])
            at += 3
        elif data[at + 1] == SB:
            end = data.find(bytes([IAC, SE]), at)
            if end < 0:
                break
            if data[at + 2] == COM_PORT:
                reply += bytes([IAC, SB, COM_PORT, data[at + 3] + 100]) + data[at + 4 : end] + bytes([IAC, SE])
            at = end + 2
        else:
            at += 3 if data[at + 1] in (WONT, DONT) else 2
    return bytes(reply)


async def unplug(kind: str, times: int, folder: Path, seed: int = 1, away: float = 0.3) -> Tally:
    """Run a schedule; see the module."""
    chance = random.Random(seed)
    board = Unpluggable(folder) if kind == "pty" else Server(kind == "rfc2217")
    await board.plug()
    session = Session(
        settings=Settings(),
        folder=folder / "sessions",
        access=PortAccess(opener=open_handle, waiter=wait_for_port, resolver=str, identifier=PortIdentity),
    )
    watch = Watch()
    session.subscribe(watch)
    await session.open(OpenRequest(board.url))
    assert session.state is State.MONITORING, session.status.reason
    tally, sent = Tally(), bytearray()
    for number in range(times):
        for part in range(chance.randrange(1, 6)):
            data = b"%06d.%d " % (number, part) + b"x" * chance.randrange(400) + b"\n"
            sent += data
            await board.send(data)
        await watch.until(received(session, len(sent)), LIMIT)
        await board.unplug()
        await watch.until(lambda: session.state is State.LOST, LIMIT)
        await asyncio.sleep(chance.uniform(0, away))
        begin = time.monotonic()
        await board.plug()
        await watch.until(lambda: session.state is State.MONITORING, LIMIT)
        tally.times.append(seconds := time.monotonic() - begin)
        tally.tried += 1
        tally.late += seconds > BACK_SECONDS
    assert session.status.recording is not None
    stream = session.status.recording / "stream.bin"
    await session.close()
    await board.unplug()
    recorded = await asyncio.to_thread(stream.read_bytes)
    tally.lost = len(sent) - len(recorded) if bytes(sent).startswith(recorded) else len(sent)
    return tally


def received(session: Session, count: int) -> Callable[[], bool]:
    """Whether the session has read that many bytes."""
    return lambda: session.connection.link.received >= count


def main() -> int:
    """Run the schedules; the exit code says whether everything held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=1000, help="unplugs of each kind (default: %(default)s)")
    parser.add_argument("--kind", choices=["pty", "socket", "rfc2217"])
    options = parser.parse_args()
    held = True
    for kind in [options.kind] if options.kind else ["pty", "socket", "rfc2217"]:
        with tempfile.TemporaryDirectory() as folder:
            tally = asyncio.run(unplug(kind, options.times, Path(folder)))
        print(f"{kind}: {tally.line()}; load {os.getloadavg()[0]:.1f}", flush=True)
        held = held and not tally.lost and not tally.late
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
