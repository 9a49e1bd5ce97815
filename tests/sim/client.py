"""A client of the simulated board for tests: bytes in and out, lines as raw RFC 2217 controls."""

from __future__ import annotations

import asyncio
from types import TracebackType

from espmon.port.rfc2217_server import Data, Rfc2217Server
from espmon.port.telnet import escape

CONTROLS = {("dtr", True): 8, ("dtr", False): 9, ("rts", True): 11, ("rts", False): 12}
LIMIT = 10.0


class Client:
    """Connects to `rfc2217://` or `socket://`; `received` is everything so far, telnet taken out."""

    def __init__(self, url: str) -> None:
        scheme, _, address = url.partition("://")
        self._telnet = Rfc2217Server() if scheme == "rfc2217" else None
        self._host, _, port = address.partition(":")
        self._port = int(port)
        self._seen = 0
        self.received = bytearray()

    async def __aenter__(self) -> Client:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.transport.abort()

    async def read(self) -> bool:
        """Wait for some bytes; False at the end."""
        data = await asyncio.wait_for(self._reader.read(65536), LIMIT)
        if self._telnet is None:
            self.received += data
        else:
            for event in self._telnet.receive(data):
                if isinstance(event, Data):
                    self.received += event.content
        return bool(data)

    async def until(self, wanted: bytes) -> bytes:
        """Everything up to and with `wanted`, from where the last call ended."""
        while (found := self.received.find(wanted, self._seen)) < 0:
            assert await self.read(), f"the wire was cut before {wanted!r}: {bytes(self.received[-200:])!r}"
        start, self._seen = self._seen, found + len(wanted)
        return bytes(self.received[start : self._seen])

    async def write(self, data: bytes) -> None:
        self._writer.write(escape(data) if self._telnet else data)
        await self._writer.drain()

    async def command(self, line: str) -> bytes:
        """Type a line at the prompt and return the answer up to the next prompt."""
        await self.write(line.encode() + b"\r")
        await self.until(b"\r\n")
        answer = await self.until(b"esp> ")
        return answer.removesuffix(b"esp> ")

    async def lines(self, *moves: tuple[str, bool]) -> None:
        """Move lines, all in one segment."""
        self._writer.write(b"".join(bytes((255, 250, 44, 5, CONTROLS[move], 255, 240)) for move in moves))
        await self._writer.drain()

    async def classic_reset(self) -> None:
        """Into the loader, both lines in one segment as a native client does it."""
        await self.lines(("dtr", False), ("rts", True))
        await self.lines(("dtr", True), ("rts", False))

    async def hard_reset(self) -> None:
        """Into the application."""
        await self.lines(("dtr", False), ("rts", True))
        await self.lines(("rts", False))
