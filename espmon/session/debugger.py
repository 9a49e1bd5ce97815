"""A stopped board's debug stub, spoken to over a lease of the port that was open anyway."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from espmon.postmortem.gdb_target import (
    Stop,
    check,
    parse_memory,
    parse_registers,
    parse_stop,
    parse_threads,
)
from espmon.postmortem.rsp import Exchange, Packet, Parser, RspError, encode

REPLY_SECONDS = 1.0
"""Longest wait for a reply before the request is sent again."""

MEMORY_PIECE = 64
"""Bytes asked for at once: the stubs' packet buffers are small."""

MOST_MEMORY = 64 << 10
"""Bytes read by one call at most."""

MOST_THREADS = 256


class Wire(Protocol):
    """What the debugger needs of a lease."""

    async def read(self, timeout: float | None = None) -> bytes:
        """Bytes, or b"" after `timeout` seconds."""
        ...

    async def write(self, data: bytes, timeout: float = 5.0) -> None:
        """Send."""
        ...


@dataclass(frozen=True, slots=True)
class Thread:
    """One thread as the stub lists it."""

    id: str
    name: str


class Debugger:
    """Requests and replies, one at a time.

    Args:
        wire: the lease.
        machine: ELF machine number when an ELF or a chip is known, else None.
        loops: False on chips without loop registers (ESP32-S2).
    """

    def __init__(self, wire: Wire, *, machine: int | None = None, loops: bool = True) -> None:
        self._wire = wire
        self._machine = machine
        self._loops = loops
        self._parser = Parser()
        self._leftover = bytearray()
        self._lock = asyncio.Lock()

    async def request(self, payload: bytes, timeout: float = REPLY_SECONDS) -> bytes:
        """Send a request and return the reply's payload. Raises `RspError` when there is none, and `PortError`."""
        async with self._lock:
            exchange = Exchange(payload)
            await self._wire.write(exchange.start())
            while exchange.result is None:
                data = await self._wire.read(timeout)
                if not data:
                    await self._wire.write(exchange.again())
                    continue
                for item in self._parser.feed(data):
                    answer = exchange.feed(item) if exchange.result is None else b""
                    if answer:
                        await self._wire.write(answer)
            self._leftover += exchange.noise
            return exchange.result

    async def stop_reason(self) -> Stop:
        """Why the target stopped (`?`)."""
        reply = await self.request(b"?")
        stop = parse_stop(reply)
        if stop is None:
            raise RspError(f"The debug stub did not say why it stopped: {reply[:40]!r}")
        return stop

    async def registers(self) -> dict[str, int]:
        """Registers of the selected thread (`g`)."""
        return parse_registers(check(await self.request(b"g"), "reading registers"), self._machine, loops=self._loops)

    async def register(self, number: int) -> bytes:
        """One register by gdb's number (`p`), as the target's bytes."""
        return parse_memory(await self.request(b"p%x" % number))

    async def memory(self, address: int, length: int) -> bytes:
        """Memory from `address` (`m`), at most `MOST_MEMORY` bytes; ends early where the target refuses."""
        data = bytearray()
        length = min(length, MOST_MEMORY)
        while len(data) < length:
            piece = min(MEMORY_PIECE, length - len(data))
            try:
                part = parse_memory(await self.request(b"m%x,%x" % (address + len(data), piece)))
            except RspError:
                if not data:
                    raise
                break
            if not part:
                break
            data += part
        return bytes(data)

    async def threads(self) -> list[Thread]:
        """All threads, with the name that the stub gives them; empty where it knows none."""
        ids: list[str] = []
        part = parse_threads(await self.request(b"qfThreadInfo"))
        while part and len(ids) < MOST_THREADS:
            ids += part
            part = parse_threads(await self.request(b"qsThreadInfo"))
        threads = []
        for identity in ids[:MOST_THREADS]:
            extra = await self.request(b"qThreadExtraInfo,%s" % identity.encode())
            try:
                name = bytes.fromhex(extra.decode("ascii")).decode("utf-8", "backslashreplace")
            except ValueError:
                name = ""
            threads.append(Thread(identity, name))
        return threads

    async def select(self, thread: str) -> None:
        """Make `thread` the one whose registers are read (`Hg`)."""
        check(await self.request(b"Hg" + thread.encode("ascii", "replace")), f"selecting thread {thread}")

    async def step(self) -> Stop:
        """Execute one instruction (`s`)."""
        stop = parse_stop(await self.request(b"s"))
        if stop is None:
            raise RspError("The debug stub did not stop after a step")
        return stop

    async def resume(self, command: bytes = b"c") -> bytes:
        """Let the target run (`c`) or detach (`D`); returns what it has said since, which is log."""
        await self._wire.write(encode(command))
        data = bytearray()
        deadline = asyncio.get_running_loop().time() + REPLY_SECONDS
        while b"+" not in data and asyncio.get_running_loop().time() < deadline:
            data += await self._wire.read(0.1)
        _, found, rest = bytes(data).partition(b"+")
        return rest if found else bytes(data)


class Bridge:
    """Lets one debugger on this machine speak to the leased port over TCP, and says when it has gone.

    Args:
        wire: the lease.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._server: asyncio.Server | None = None
        self._client: asyncio.Task[None] | None = None
        self.gone = asyncio.Event()
        """Set when the debugger has disconnected."""
        self.problem: Exception | None = None
        """What ended the bridge, when that was not the debugger."""
        self.last = b""
        """The debugger's last request: `D` and `k` say that the board runs again."""

    async def start(self) -> int:
        """Listen on the loopback interface; returns the TCP port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._client is not None:
            writer.close()
            return
        self._client = asyncio.current_task()

        async def outward() -> None:
            while data := await self._wire.read(None):
                writer.write(data)
                await writer.drain()

        async def inward() -> None:
            parser = Parser()
            while data := await reader.read(4096):
                await self._wire.write(data)
                for item in parser.feed(data):
                    if isinstance(item, Packet):
                        self.last = item.payload

        try:
            await first_of(outward(), inward())
        except Exception as error:
            self.problem = error
            raise
        finally:
            self.gone.set()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def stop(self) -> None:
        """Close the listener and the connection."""
        if self._server is not None:
            self._server.close()
        if self._client is not None and not self._client.done():
            self._client.cancel()
            await asyncio.wait([self._client], timeout=REPLY_SECONDS)
        self.gone.set()


async def first_of(*work: Awaitable[None]) -> None:
    """Run until the first ends, cancel the others; raises what the first raised."""
    tasks = [asyncio.ensure_future(item) for item in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
