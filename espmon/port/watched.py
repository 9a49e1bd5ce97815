"""A pyserial port whose file descriptor the event loop watches, through pyserial-asyncio: `spy://`, `alt://`, ...

A thread, which serves the other pyserial ports, costs more than twice the CPU a megabyte
(`tests/benchmarks/port_throughput.py`).
"""

from __future__ import annotations

import asyncio
from typing import Any

from espmon.port.handle import CLOSE_SECONDS, MAX_READ
from espmon.port.pyserial_port import PyserialHandle, PyserialPort
from espmon.port.stream import DRAIN_SECONDS, StreamHandle
from espmon.time_limit import time_limit


class WatchedHandle(PyserialHandle, StreamHandle):
    """Owns an open pyserial port; `attached` makes one.

    Args:
        port: open.
        baud: the rate.
    """

    def __init__(self, port: PyserialPort, baud: int) -> None:
        super().__init__(port.url, baud)
        self.remote = False
        self._made = asyncio.Event()
        self._calls = port
        self.has_modem_lines = port.has_lines

    @classmethod
    async def attached(cls, port: PyserialPort, baud: int) -> WatchedHandle:
        """A handle that receives."""
        from serial_asyncio import SerialTransport

        handle = cls(port, baud)
        SerialTransport(asyncio.get_running_loop(), handle, _PortOfTransport(port.port, handle))
        await handle._made.wait()
        return handle

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        super().connection_made(transport)
        self._made.set()

    def data_received(self, data: bytes) -> None:
        """Bytes for the reader; pyserial-asyncio's transport knows no protocol that gives it a buffer."""
        self._received(data)

    def connection_lost(self, error: Exception | None) -> None:
        """The device is gone, or `close` was called."""
        self.gone(error)
        self._ended.set()
        self._can_write.set()

    def gone(self, error: Exception | None) -> None:
        """Tell the reader that no more bytes will come."""
        self._receive.fail(self.lost(f"the device is gone ({error})" if error else "the port was closed"))

    async def close(self) -> None:
        """See `Handle.close`. What was written has `DRAIN_SECONDS` to leave; then it is dropped."""
        if self._closed:
            return
        self._closed = True
        self._receive.fail(self.lost("the port was closed"))
        transport = self._transport
        assert transport is not None
        if not self._ended.is_set():
            transport.close()
            try:
                async with time_limit(DRAIN_SECONDS):
                    await self._ended.wait()
            except TimeoutError:
                if transport.get_write_buffer_size():
                    transport.abort()
        await self._calls.close(self, self._calls.port.close, CLOSE_SECONDS - DRAIN_SECONDS)


class _PortOfTransport:
    """What pyserial-asyncio's transport sees of a port: errors end it once, and closing waits for nothing.

    The transport catches only pyserial's own exception, reports errors of writing to the loop's handler (which would
    print them over the screen), and flushes and closes the port on the event loop, where a stalled driver would stop
    everything.
    """

    def __init__(self, port: Any, handle: WatchedHandle) -> None:
        self._port = port
        self._handle = handle

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("timeout", "write_timeout"):
            setattr(self._port, name, value)
        else:
            super().__setattr__(name, value)

    def fileno(self) -> int:
        """The descriptor."""
        return int(self._port.fileno())

    def read(self, _: int) -> bytes:
        """All that is there, not only the kilobyte that the transport asks for."""
        from serial import SerialException

        try:
            return bytes(self._port.read(MAX_READ))
        except Exception as error:  # pyserial's backends raise what they like
            raise SerialException(str(error)) from error

    def write(self, data: bytes) -> int:
        """Write what fits; after an error nobody takes anything any more."""
        try:
            return int(self._port.write(data) or 0)
        except Exception as error:  # noqa: BLE001 pyserial's backends raise what they like; the reader is told
            self._handle.gone(error)
            return len(data)

    def flush(self) -> None:
        """`WatchedHandle.close` waits for what was written, with a limit."""

    def close(self) -> None:
        """`WatchedHandle.close` does it on a thread, with a limit."""
