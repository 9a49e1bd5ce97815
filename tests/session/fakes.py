"""A scripted port for session tests: what the board says is pushed, what it hears is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from espmon.port import Handle, PortError, PortErrorKind, ResetSequence
from espmon.session.status import Change
from espmon.session.store import LogStore
from espmon.time_limit import time_limit


def shown(store: LogStore) -> list[str]:
    """The lines of a log as the screen shows them: with the one that is still being received."""
    texts = [store.record(line).text for line in range(store.first, len(store))]
    return texts if store.unfinished is None else [*texts, store.unfinished.text(0)]


class ScriptedHandle(Handle):
    """Bytes pushed by the test come out of `read`; `lose` makes the port vanish after them."""

    def __init__(self, url: str = "fake://board", *, modem_lines: bool = True) -> None:
        self.url = url
        self.baud = 115200
        self.usb = None
        self.remote = False
        self.has_modem_lines = modem_lines
        self.atomic_lines = modem_lines
        self.written = bytearray()
        self.played: list[str] = []
        self.closed = False
        self._pending = bytearray()
        self._gone: str | None = None
        self._wake = asyncio.Event()
        self._read = asyncio.Event()
        self.answer: Callable[[bytes], bytes] | None = None

    def push(self, data: bytes) -> None:
        self._pending += data
        self._wake.set()

    async def taken(self) -> None:
        """Wait until what was pushed has been read: the line is as fast as its reader."""
        while self._pending and self._gone is None:
            self._read.clear()
            await self._read.wait()

    def lose(self, reason: str = "the device was unplugged") -> None:
        self._gone = reason
        self._wake.set()

    async def read(self, timeout: float | None = None) -> bytes:
        if not self._pending and self._gone is None:
            self._wake.clear()
            try:
                async with time_limit(timeout):  # wait_for can swallow a cancellation that comes with the bytes
                    await self._wake.wait()
            except TimeoutError:
                return b""
        if self._pending:
            data = bytes(self._pending)
            self._pending.clear()
            self._read.set()
            return data
        raise PortError(PortErrorKind.LOST, self._gone or "closed")

    async def write(self, data: bytes, timeout: float = 5.0) -> None:
        if self._gone is not None:
            raise PortError(PortErrorKind.LOST, self._gone)
        self.written += data
        if self.answer is not None and (reply := self.answer(data)):
            self.push(reply)

    async def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        self.played.append(f"dtr={dtr} rts={rts}")

    async def set_baud(self, baud: int) -> None:
        self.baud = baud

    async def close(self) -> None:
        self.closed = True

    def loader_entries(self) -> Sequence[ResetSequence]:
        return (ResetSequence("classic", ()),) if self.has_modem_lines else ()

    def hard_reset_sequence(self) -> ResetSequence | None:
        return ResetSequence("hard", ()) if self.has_modem_lines else None

    async def run_sequence(self, sequence: ResetSequence) -> None:
        self.played.append(sequence.name)


class Port:
    """Opens scripted handles, one after the other, and counts. Behind the last one there is no port any more."""

    def __init__(self, *handles: ScriptedHandle | PortError) -> None:
        self._script = list(handles)
        self.opened: list[str] = []

    async def __call__(self, url: str, *, baud: int, no_reset: bool) -> Handle:
        self.opened.append(url)
        item = self._script.pop(0) if self._script else PortError(PortErrorKind.MISSING, "there is no such port")
        if isinstance(item, PortError):
            raise item
        item.baud = baud
        return item


class Watch:
    """Keeps a session's changes and waits for what a test expects of them."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self._wake = asyncio.Event()

    def __call__(self, change: Change) -> None:
        self.changes.append(change)
        self._wake.set()

    async def until(self, condition: Callable[[], bool], limit: float = 10.0) -> None:
        async with time_limit(limit):
            while not condition():
                self._wake.clear()
                await self._wake.wait()
