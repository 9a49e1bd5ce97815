"""A stopped board's debug stub, spoken to over a lease of the port that was open anyway."""

from __future__ import annotations

import asyncio
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
from espmon.postmortem.rsp import Exchange, Parser, RspError, TargetGone, encode, gone
from espmon.time_limit import time_limit

REPLY_SECONDS = 1.0
"""Longest wait for a sign of a reply before the request is sent again."""

REQUEST_SECONDS = 30.0
"""Longest time for one request, whatever arrives."""

SETTLE_SECONDS = 0.05
"""Silence after which a second answer to a repeated request is not expected any more."""

MEMORY_PIECE = 256
"""Bytes asked for at once: 45 ms at 115200 baud. A stub may send less."""

MAX_MEMORY = 64 << 10
"""Bytes read by one call at most."""

MAX_THREADS = 256
"""Threads listed at most; each costs one request more for its name."""

MAX_RECEIVED = 64 << 10
"""Bytes kept that may turn out to be log."""

UNSUPPORTED = b"$#00"
"""The answer to a request that a stub does not know."""

DETACHED = b"$OK#9a"
"""The answer to a detach; some stubs send none."""


class Wire(Protocol):
    """What the debugger needs of a lease."""

    async def read(self, timeout: float | None = None) -> bytes:
        """Bytes, or b"" after `timeout` seconds."""

    async def write(self, data: bytes, timeout: float = 5.0) -> None:
        """Send."""


@dataclass(frozen=True, slots=True)
class Thread:
    """One thread as the stub lists it."""

    id: str
    name: str


class GdbClient:
    """Requests and replies, one at a time.

    Args:
        wire: the lease.
        machine: ELF machine number when an ELF is known, else None.
    """

    def __init__(self, wire: Wire, *, machine: int | None = None) -> None:
        self._wire = wire
        self._machine = machine
        self._parser = Parser(text=True)
        self._received = bytearray()
        self._repeated = False
        self._lock = asyncio.Lock()
        self.console = bytearray()
        """What the stopped program printed through the stub."""

        self.heard = True
        """Whether anything came when it was told to go on."""

    async def request(self, payload: bytes, timeout: float = REPLY_SECONDS, *, once: bool = False) -> bytes:
        """Send a request and return the reply's payload.

        Args:
            payload: the request.
            timeout: seconds without a sign of a reply after which it is sent again.
            once: do not send it again once the stub has acknowledged it.

        Raises:
            RspError: there is no reply; `TargetGone` when the board runs or was reset.
            PortError: the port is gone.
        """
        async with self._lock:
            await self._settle()
            exchange = Exchange(payload, once=once)
            self._parser.begin()
            try:
                async with time_limit(REQUEST_SECONDS):
                    await self._exchange(exchange, timeout)
            except TimeoutError:
                raise gone(bytes(self._received)) or RspError("The debug stub does not answer") from None
            except RspError as error:
                if b"\n" in exchange.noise and not isinstance(error, TargetGone):
                    raise TargetGone(f"{error}: it prints log text", bytes(self._received)) from error
                raise
            finally:
                self._repeated = exchange.repeated
                self.console += exchange.console
                del self.console[:-MAX_RECEIVED]
            assert exchange.result is not None
            del self._received[: self._received.rfind(b"#") + 3]
            return exchange.result

    async def _settle(self) -> None:
        """Answers to a request that was repeated must not be taken for answers to the next one."""
        wait = SETTLE_SECONDS if self._repeated else 0.0
        deadline = asyncio.get_running_loop().time() + REPLY_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            data = await self._wire.read(wait)
            if not data:
                break
            self._keep(data)
        if found := gone(bytes(self._received)):
            raise found
        self._received.clear()
        self._parser.pending()

    def _keep(self, data: bytes) -> None:
        self._received += data
        del self._received[:-MAX_RECEIVED]

    async def _exchange(self, exchange: Exchange, timeout: float) -> None:
        await self._wire.write(exchange.start())
        now = asyncio.get_running_loop().time
        deadline = now() + timeout
        while exchange.result is None:
            data = await self._wire.read(max(0.0, deadline - now()))
            if not data:
                self._parser.pending()
                self._parser.begin()
                await self._wire.write(exchange.again())
                deadline = now() + timeout
                continue
            self._keep(data)
            for item in self._parser.feed(data):
                answer = exchange.feed(item) if exchange.result is None else b""
                if answer:
                    await self._wire.write(answer)
                    deadline = now() + timeout
            if exchange.result is None and (found := gone(bytes(self._received))):
                raise found
            if self._parser.inside:
                deadline = now() + timeout

    async def watch(self) -> None:
        """Between requests: return never, and raise `TargetGone` when the board is reset, `PortError` when it leaves.

        Cancel it before the next request.
        """
        while True:
            self._keep(await self._wire.read(None))
            if found := gone(bytes(self._received)):
                raise found

    async def stop_reason(self) -> Stop:
        """Why the target stopped (`?`)."""
        reply = await self.request(b"?")
        stop = parse_stop(reply)
        if stop is None:
            raise RspError(f"The debug stub did not say why it stopped: {reply[:40]!r}")
        return stop

    async def registers(self) -> dict[str, int]:
        """Registers of the selected thread (`g`)."""
        return parse_registers(check(await self.request(b"g"), "reading registers"), self._machine)

    async def register(self, number: int) -> bytes:
        """One register by gdb's number (`p`; from `g` where the stub has no `p`), as the target's bytes."""
        what = f"reading register {number}"
        reply = await self.request(b"p%x" % number)
        if not reply:
            reply = check(await self.request(b"g"), what)[8 * number : 8 * number + 8]
        return parse_memory(reply, what)

    async def memory(self, address: int, length: int) -> bytes:
        """Memory from `address` (`m`), at most `MAX_MEMORY` bytes; ends early where the target refuses."""
        data = bytearray()
        length = min(length, MAX_MEMORY)
        while len(data) < length:
            piece = min(MEMORY_PIECE, length - len(data))
            try:
                part = parse_memory(await self.request(b"m%x,%x" % (address + len(data), piece)))[:piece]
            except TargetGone:
                raise
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
        while part and len(ids) < MAX_THREADS:
            ids += part
            part = parse_threads(await self.request(b"qsThreadInfo"))
        threads = []
        for identity in ids[:MAX_THREADS]:
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
        reply = check(await self.request(b"s", once=True), "a step")
        stop = parse_stop(reply)
        if stop is None:
            words = "the program has ended" if reply[:1] in b"WX" else "it did not say where it stopped"
            raise RspError(f"The debug stub did not stop after a step: {words}")
        return stop

    async def resume(self, command: bytes = b"c") -> bytes:
        """Let the target run (`c`) or detach (`D`); returns what it has said since, which is log."""
        packet = encode(command)
        for _ in range(2):
            await self._wire.write(packet)
            data = bytearray()
            deadline = asyncio.get_running_loop().time() + REPLY_SECONDS
            while not data and asyncio.get_running_loop().time() < deadline:
                data += await self._wire.read(REPLY_SECONDS)
            if data[:1] != b"-":
                break
        self.heard = bool(data)
        rest = bytes(data).removeprefix(b"+")
        if command[:1] != b"D":
            return rest
        while len(rest) < len(DETACHED) and (DETACHED.startswith(rest) or UNSUPPORTED.startswith(rest)):
            more = await self._wire.read(SETTLE_SECONDS)
            if not more:
                break
            rest += more
        if rest.startswith(UNSUPPORTED):
            return await self.resume()  # a stub that cannot be detached from can be told to go on
        return rest.removeprefix(DETACHED)
