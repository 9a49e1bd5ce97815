"""A pyserial port read by a thread: what no event loop can wait for, as COM ports and `loop://`."""

from __future__ import annotations

import asyncio
import threading

from espmon.port.handle import CLOSE_SECONDS, MAX_READ
from espmon.port.port_error import PortError, PortErrorKind
from espmon.port.pyserial_port import READ_SLICE_SECONDS, PyserialHandle, PyserialPort

CHUNKS_IN_FLIGHT = 16
"""Reads handed to the loop and not taken yet; then the thread waits."""

WRITE_PIECE = 4096
"""Bytes of one blocking write."""


class ThreadedHandle(PyserialHandle):
    """Owns an open pyserial port and the thread that reads it.

    Args:
        port: open, with a read timeout of `READ_SLICE_SECONDS`.
        baud: the rate.
    """

    def __init__(self, port: PyserialPort, baud: int) -> None:
        super().__init__(port.url, baud)
        self._calls = port
        self._port = port.port
        self._loop = asyncio.get_running_loop()
        self._turn = asyncio.Lock()
        self._stop = threading.Event()
        self._flow = threading.Event()
        self._flow.set()
        self._flight = threading.Semaphore(CHUNKS_IN_FLIGHT)
        self.has_modem_lines = port.has_lines
        self._thread = threading.Thread(target=self._read_on, name="espmon-port-read", daemon=True)
        self._thread.start()

    def _read_on(self) -> None:
        try:
            while not self._stop.is_set():
                if not self._flow.wait(READ_SLICE_SECONDS) or not self._flight.acquire(timeout=READ_SLICE_SECONDS):
                    continue
                data = self._port.read(max(1, min(self._port.in_waiting, MAX_READ)))
                if data:
                    self._loop.call_soon_threadsafe(self._arrived, bytes(data))
                else:
                    self._flight.release()
        except Exception as error:  # noqa: BLE001 pyserial's backends raise what they like; the reader is told
            if not self._stop.is_set():
                self._end(str(error))

    def _end(self, why: str) -> None:
        try:
            self._loop.call_soon_threadsafe(self._receive.fail, self.lost(f"the device is gone ({why})"))
        except RuntimeError:
            return  # the loop has ended: nobody waits for the reason

    def _arrived(self, data: bytes) -> None:
        self._flight.release()
        self._receive.put(data)

    def _pause_reading(self) -> None:
        self._flow.clear()

    def _resume_reading(self) -> None:
        self._flow.set()

    async def write(self, data: bytes, timeout: float = 5.0) -> None:
        """See `Handle.write`."""
        async with self._turn:
            for start in range(0, len(data), WRITE_PIECE):
                self._check_open()
                await self._write(bytes(data[start : start + WRITE_PIECE]), timeout)

    async def _write(self, piece: bytes, timeout: float) -> None:
        try:
            await self._calls.call(lambda: self._port.write(piece), timeout, "writing")
        except PortError as error:
            cancel = getattr(self._port, "cancel_write", None)
            if cancel is not None and error.kind is PortErrorKind.STALLED:
                cancel()
            raise

    async def close(self) -> None:
        """See `Handle.close`."""
        if self._closed:
            return
        self._closed = True
        self._stop.set()
        self._flow.set()
        self._receive.fail(self.lost("the port was closed"))

        def work() -> None:
            cancel = getattr(self._port, "cancel_read", None)
            if cancel is not None:
                cancel()
            self._thread.join(CLOSE_SECONDS / 2)
            self._port.close()

        await self._calls.close(self, work)
