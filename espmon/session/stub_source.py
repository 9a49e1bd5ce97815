"""A board that halted in its debug stub, as what a debugger is served: asked over the session's debug lease."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from espmon.postmortem.gdb_target import Stop, check, parse_thread_title, parse_words
from espmon.postmortem.remote_target import FIRST, UNKNOWN, Resumed, TargetThread
from espmon.postmortem.rsp import RspError
from espmon.session.debug_lease import DebugError, DebugLease
from espmon.session.gdb_client import GdbClient

Interrupt = Callable[[], Awaitable[object]]

PACKET_BYTES = 0x400
"""Longest packet: what a debugger reads at once takes 0.1 s at 115200 baud, far below the 2 s that it waits."""

RUNS = "The board runs, and its log goes on in espmon. It comes back here when it halts in its debug stub again.\n"


class StubSource:
    """See `TargetSource`.

    Args:
        debugging: the session's debug lease, not taken.
        interrupt: what a debugger sends to a program that runs goes to the board by this.

    Attributes:
        holds: the board stands still for the debugger: its lease is out.
    """

    def __init__(self, debugging: DebugLease, interrupt: Interrupt) -> None:
        self._debugging = debugging
        self._interrupt = interrupt
        self._stop: Stop | None = None
        self._ids: Sequence[str] = ()
        self._threads: Sequence[TargetThread] = ()
        self._selected: str | None = None
        self.holds = False

    @property
    def packet_bytes(self) -> int:
        """See `TargetSource`."""
        return PACKET_BYTES

    async def begin(self) -> None:
        """Take the port of a board that has halted. Raises `DebugError`, `PortError`."""
        self._stop = await self._debugging.begin()
        self._forget()
        self.holds = True

    def _forget(self) -> None:
        self._ids, self._threads, self._selected = (), (), None

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[GdbClient]:
        """Raises `RspError` for what the stub does not do, `DebugError` when the board has left its stub."""
        try:
            async with self._debugging.asking() as debugger:
                yield debugger
        except DebugError as error:
            if self._debugging.active:
                raise RspError(str(error)) from error
            raise

    async def stop_reason(self) -> Stop:
        """Why it halted; the thread by its place in the list."""
        assert self._stop is not None
        await self.thread_list()
        at = self._ids.index(self._stop.thread) if self._stop.thread in self._ids else 0
        return Stop(self._stop.signal, f"{at + FIRST:x}")

    async def thread_list(self) -> Sequence[TargetThread]:
        """The tasks as the stub lists them, asked for once a stop; one without a name where it lists none."""
        if not self._threads:
            async with self._asking() as debugger:
                found = await debugger.threads()
            self._ids = [thread.id for thread in found]
            self._threads = [TargetThread(*parse_thread_title(thread.name)) for thread in found] or [TargetThread("")]
        return self._threads

    async def _select(self, debugger: GdbClient, thread: int) -> None:
        identity = self._ids[thread - FIRST] if self._ids else None
        if identity is not None and identity != self._selected:
            await debugger.select(identity)
            self._selected = identity

    async def register_words(self, thread: int) -> Sequence[int | None]:
        """Those of a task, in the stub's order, which is gdb's."""
        await self.thread_list()
        async with self._asking() as debugger:
            await self._select(debugger, thread)
            return parse_words(check(await debugger.request(b"g"), "reading registers"))

    async def read_memory(self, address: int, size: int) -> bytes:
        """The board's memory."""
        async with self._asking() as debugger:
            return await debugger.memory(address, size)

    async def change(self, request: str, thread: int) -> bytes:
        """What the stub can do of it; ESP-IDF's for panics writes memory, and knows no breakpoints."""
        if request[:1] == "X":
            return UNKNOWN  # a debugger writes in hexadecimal then
        async with self._asking() as debugger:
            if request[:1] in "GP":
                await self._select(debugger, thread)
            return await debugger.request(request.encode("ascii"))

    async def resume(self, request: str, thread: int) -> Resumed:
        """One instruction, where the stub can; or on, and the log with it."""
        if request == "s":
            try:
                async with self._asking() as debugger:
                    self._stop = await debugger.step()
            except RspError as error:
                return Resumed(self._stop, f"{error}\n")
            self._forget()
            return Resumed(self._stop)
        self.holds = False
        await self._debugging.resume()
        return Resumed(None, RUNS)

    async def interrupt(self) -> None:
        """What ESP-IDF's stub for a running program (`CONFIG_ESP_SYSTEM_GDBSTUB_RUNTIME`) stops at."""
        await self._interrupt()

    async def leave(self) -> None:
        """The board goes on, and the log with it."""
        if self.holds:
            self.holds = False
            await self._debugging.resume(detach=True)
