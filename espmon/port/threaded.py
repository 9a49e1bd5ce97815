"""Every other port that pyserial can open, read by a thread: COM ports, `loop://`, `spy://`, `alt://`, ..."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

from espmon.port.base_handle import BaseHandle
from espmon.port.handle import CLOSE_SECONDS, MAX_READ, PortWarningKind
from espmon.port.port_error import PortError, PortErrorKind
from espmon.port.threads import run_bounded

OPEN_SECONDS = 15.0
"""Seconds for opening."""

READ_SLICE = 0.1
"""Seconds of one blocking read: how soon the thread sees that it should end."""

CHUNKS_IN_FLIGHT = 16
"""Reads handed to the loop and not taken yet; then the thread waits."""

WRITE_PIECE = 4096
"""Bytes of one blocking write."""


class ThreadedHandle(BaseHandle):
    """Owns an open pyserial port and the thread that reads it.

    Args:
        url: what the user asked for.
        baud: the rate.
        port: an open `serial.SerialBase` with a read timeout of `READ_SLICE`.
    """

    def __init__(self, url: str, baud: int, port: Any) -> None:
        super().__init__(url, baud)
        self._port = port
        self._loop = asyncio.get_running_loop()
        self._turn = asyncio.Lock()
        self._stop = threading.Event()
        self._flow = threading.Event()
        self._flow.set()
        self._flight = threading.Semaphore(CHUNKS_IN_FLIGHT)
        self.has_modem_lines = _has_lines(port)
        self._thread = threading.Thread(target=self._read_on, name="espmon-port-read", daemon=True)
        self._thread.start()

    def _read_on(self) -> None:
        try:
            while not self._stop.is_set():
                if not self._flow.wait(READ_SLICE) or not self._flight.acquire(timeout=READ_SLICE):
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
                piece = bytes(data[start : start + WRITE_PIECE])
                await self._call(lambda piece=piece: self._port.write(piece), timeout, "writing")

    async def _call(self, work: Any, limit: float, doing: str) -> None:
        import serial

        try:
            await run_bounded(work, limit, name="port-call")
        except (TimeoutError, serial.SerialTimeoutException):
            cancel = getattr(self._port, "cancel_write", None)
            if cancel is not None and doing == "writing":
                cancel()
            raise PortError(PortErrorKind.STALLED, f"{self.url}: {doing} did not finish within {limit:g} s") from None
        except ValueError as error:
            raise PortError(PortErrorKind.UNSUPPORTED, f"{self.url}: {error}") from None
        except OSError as error:
            raise self.lost(f"{doing} failed ({error})") from None

    async def _move_lines(self, dtr: bool | None, rts: bool | None) -> None:
        def work() -> None:
            if dtr is not None:
                self._port.dtr = dtr
            if rts is not None:
                self._port.rts = rts

        await self._call(work, 6.0, "moving DTR and RTS")

    async def set_baud(self, baud: int) -> None:
        """See `Handle.set_baud`."""
        self._check_open()
        await self._call(lambda: setattr(self._port, "baudrate", baud), 6.0, "changing the rate")
        self.baud = baud

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

        try:
            await run_bounded(work, CLOSE_SECONDS, name="port-close")
        except TimeoutError:
            self.warn(
                PortWarningKind.LATE_CLOSE,
                f"{self.url}: the driver did not close in time; the system closes it when it lets go",
            )
        except OSError:
            return  # the device went first


def _has_lines(port: Any) -> bool:
    try:
        _ = port.cts
    except (OSError, AttributeError, NotImplementedError):
        return False
    return True


def _open_error(url: str, error: Exception) -> PortError:
    text = str(error)
    if isinstance(error, ValueError):
        return PortError(
            PortErrorKind.UNSUPPORTED, f"{url}: {text}", "See the URL handlers in pyserial's documentation"
        )
    table = (
        (("FileNotFoundError", "No such file", "no ports found"), PortErrorKind.MISSING, "no such port", ""),
        (
            ("PermissionError", "Access is denied", "lock"),
            PortErrorKind.BUSY,
            "in use",
            "Close the program that uses it",
        ),
        (("refused",), PortErrorKind.REFUSED, "the connection was refused", "Is the server running there?"),
    )
    for words, kind, message, hint in table:
        if any(word in text for word in words):
            return PortError(kind, f"{url}: {message}", hint)
    return PortError(PortErrorKind.OTHER, f"{url} cannot be opened: {text}")


async def open_threaded(
    url: str, *, baud: int, no_reset: bool = False, dtr: bool | None = None, rts: bool | None = None
) -> BaseHandle:
    """Open `url` with pyserial; see `espmon.port.open_handle`. Lines that are given are set before the port opens."""
    import serial

    def work() -> Any:
        port = serial.serial_for_url(url, do_not_open=True, baudrate=baud, timeout=READ_SLICE, write_timeout=None)
        if dtr is not None:
            port.dtr = dtr
        if rts is not None:
            port.rts = rts
        port.open()
        return port

    start = time.monotonic()
    try:
        port = await run_bounded(work, OPEN_SECONDS, name="port-open", discard=lambda late: late.close())
    except TimeoutError:
        waited = time.monotonic() - start
        raise PortError(PortErrorKind.STALLED, f"{url} did not open within {waited:.0f} s") from None
    except (OSError, ValueError, ImportError) as error:
        raise _open_error(url, error) from None
    handle = ThreadedHandle(url, baud, port)
    if no_reset and handle.has_modem_lines and dtr is None and rts is None:
        handle.warn(
            PortWarningKind.MAY_RESET, "Opening the port may have raised DTR and RTS, which restarts some boards"
        )
    return handle
