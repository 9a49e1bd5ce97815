"""Lends the leased port to a real gdb of the same user on this machine."""

from __future__ import annotations

import asyncio
import contextlib

from espmon.port import PortError
from espmon.port.platform import PrivateListener, listen_privately
from espmon.postmortem.gdb_target import parse_stop
from espmon.postmortem.rsp import Packet, Parser
from espmon.session.gdb_client import DETACHED, MAX_RECEIVED, Wire

STOP_SECONDS = 1.0
"""Longest wait for the connection's end."""

LETS_RUN = (b"c", b"C", b"s", b"S", b"vCont;", b"D", b"k", b"R")
"""Requests after which the program runs until the next stop reply."""


class Bridge:
    """Lets one debugger of this user's speak to the leased port, and says when it has gone.

    Args:
        wire: the lease.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._listener: PrivateListener | None = None
        self._client: asyncio.Task[None] | None = None
        self._ways: list[asyncio.Task[None]] = []
        self._answers = Parser()
        self._log = bytearray()
        self.gone = asyncio.Event()
        """Set when the debugger has disconnected, or the port was lost."""
        self.problem: PortError | None = None
        """What ended the bridge, when that was the port."""
        self.last = b""
        """The debugger's last request."""
        self.running = False
        """Whether the board runs: it was let go and has not reported a stop since."""

    @property
    def log(self) -> bytes:
        """What the board printed since it runs: the tail of what was received."""
        return bytes(self._log).removeprefix(b"+").removeprefix(DETACHED) if self.running else b""

    async def start(self) -> str:
        """Listen where only this user's programs reach it; returns what gdb is told to connect to. Raises OSError."""
        self._listener = await listen_privately(self._serve)
        return self._listener.address

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._client is not None:
            writer.close()
            return
        self._client = asyncio.current_task()
        self._ways = [asyncio.create_task(self._outward(writer)), asyncio.create_task(self._inward(reader))]
        try:
            done, _ = await asyncio.wait(self._ways, return_when=asyncio.FIRST_COMPLETED)
            for way in done:
                error = None if way.cancelled() else way.exception()
                if isinstance(error, PortError):
                    self.problem = error
                elif error is not None and not isinstance(error, OSError):
                    raise error
        finally:
            for way in self._ways:
                way.cancel()
            await asyncio.gather(*self._ways, return_exceptions=True)
            self.gone.set()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _outward(self, writer: asyncio.StreamWriter) -> None:
        while True:
            data = await self._wire.read(None)
            self._heard(data)
            writer.write(data)
            await writer.drain()

    def _heard(self, data: bytes) -> None:
        if not self.running:
            return
        self._log += data
        del self._log[:-MAX_RECEIVED]
        answers = [item.payload for item in self._answers.feed(data) if isinstance(item, Packet) and item.ok]
        if self.last[:1] == b"D":
            stays = any(answer == b"" or answer[:1] == b"E" for answer in answers)
        else:
            stays = self.last[:1] != b"k" and any(answer == b"" or parse_stop(answer) for answer in answers)
        if stays:
            self.running = False

    async def _inward(self, reader: asyncio.StreamReader) -> None:
        parser = Parser()
        while data := await reader.read(4096):
            for item in parser.feed(data):
                if isinstance(item, Packet) and item.ok:
                    self.last = item.payload
                    if item.payload.startswith(LETS_RUN):
                        self.running = True
                        self._answers = Parser()
                        self._log.clear()
            await self._wire.write(data)

    async def stop(self) -> None:
        """Close the listener and the connection."""
        if self._listener is not None:
            self._listener.close()
        if self._client is not None and not self._client.done():
            for way in self._ways:  # not the connection's own task: a cancelled one is reported as an error
                way.cancel()
            await asyncio.wait([self._client], timeout=STOP_SECONDS)
        self.gone.set()
