"""Received bytes on their way from a transport to the one reader."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from espmon.port.handle import MAX_READ
from espmon.port.port_error import PortError

MAX_RECEIVED = 4 << 20
"""Bytes kept for a reader that is late; at this mark the transport stops reading (about 36 s at 921600 baud)."""


def _nothing() -> None:
    return None


class ReceiveBuffer:
    """Chunks in, reads out; asks the transport to stop at `limit` and to go on at half of it.

    All methods belong to one event loop. One reader at a time; a second one is a programming error.

    Args:
        pause: called once when the buffer is full.
        resume: called once when it has room again.
        limit: bytes at which `pause` is called. A transport that cannot stop may still put more.
    """

    def __init__(
        self,
        pause: Callable[[], None] = _nothing,
        resume: Callable[[], None] = _nothing,
        limit: int = MAX_RECEIVED,
    ) -> None:
        self._pause = pause
        self._resume = resume
        self._limit = limit
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._paused = False
        self._error: PortError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._pieces = 0.0

    def __len__(self) -> int:
        """Bytes waiting."""
        return self._size

    @property
    def paused(self) -> bool:
        """The transport was asked to stop."""
        return self._paused

    @property
    def error(self) -> PortError | None:
        """Why no more bytes will come, else None."""
        return self._error

    def put(self, data: bytes) -> None:
        """Add received bytes. Bytes after `fail` are still taken: they were received before the reader knew."""
        if not data:
            return
        self._chunks.append(data)
        self._size += len(data)
        if self._size >= self._limit and not self._paused:
            self._paused = True
            self._pause()
        self._wake()

    def fail(self, error: PortError) -> None:
        """No more bytes will come; the reader gets the rest and then `error`. Only the first cause counts."""
        if self._error is None:
            self._error = error
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def expect_pieces(self, seconds: float) -> None:
        """What the next `take` has to wait for comes in pieces within `seconds`: it waits for all of them."""
        self._pieces = seconds

    async def take(self, timeout: float | None) -> bytes:
        """Wait for bytes; see `Handle.read`."""
        pieces, self._pieces = self._pieces, 0.0
        if not self._size and self._error is None:
            await self._wait(timeout)
            if pieces and self._size and self._error is None:
                await asyncio.sleep(pieces)
        if self._size:
            return self._pop()
        if self._error is not None:
            # A fresh exception each time: raising one object again would pile up tracebacks on it.
            raise PortError(self._error.kind, self._error.message, self._error.hint)
        return b""

    async def _wait(self, timeout: float | None) -> None:
        if self._waiter is not None:
            raise RuntimeError("a handle has one reader at a time")
        if timeout is not None and timeout <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = loop.call_later(timeout, self._wake) if timeout is not None else None
        try:
            await self._waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    def _pop(self) -> bytes:
        chunks = self._chunks
        if len(chunks) == 1 and self._size <= MAX_READ:
            data = chunks.popleft()
        else:
            parts: list[bytes] = []
            room = MAX_READ
            while chunks and room:
                chunk = chunks.popleft()
                if len(chunk) > room:
                    chunks.appendleft(chunk[room:])
                    chunk = chunk[:room]
                parts.append(chunk)
                room -= len(chunk)
            data = b"".join(parts)
        self._size -= len(data)
        if self._paused and self._size <= self._limit // 2:
            self._paused = False
            self._resume()
        return data

    def clear(self) -> None:
        """Drop what is waiting."""
        self._chunks.clear()
        self._size = 0
