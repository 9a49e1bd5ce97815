"""Opening what pyserial alone can open, and choosing the transport that serves it."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from typing import Any

from espmon.port.base_handle import BaseHandle
from espmon.port.handle import PortWarningKind
from espmon.port.port_error import PortError, PortErrorKind
from espmon.port.pyserial_port import READ_SLICE_SECONDS, PyserialPort
from espmon.port.threads import run_bounded

OPEN_SECONDS = 15.0
"""Seconds for opening."""

ERRNO_KINDS = {
    errno.ENOENT: (PortErrorKind.MISSING, "no such port", ""),
    errno.EBUSY: (PortErrorKind.BUSY, "in use", "Close the program that uses it"),
    errno.EACCES: (PortErrorKind.BUSY, "in use", "Close the program that uses it"),
    errno.ECONNREFUSED: (PortErrorKind.REFUSED, "the connection was refused", "Is the server running there?"),
}
"""Why a port could not be opened, where pyserial keeps the system's error number."""

WORDS_KINDS = (
    (("FileNotFoundError", "No such file", "no ports found"), errno.ENOENT),
    (("PermissionError", "Access is denied", "lock"), errno.EBUSY),
    (("refused",), errno.ECONNREFUSED),
)
"""pyserial's Windows half and its URL handlers tell the cause by words alone."""


def _open_error(url: str, error: Exception) -> PortError:
    text = str(error)
    if isinstance(error, ValueError):
        return PortError(
            PortErrorKind.UNSUPPORTED, f"{url}: {text}", "See the URL handlers in pyserial's documentation"
        )
    number = getattr(error, "errno", None)
    if number not in ERRNO_KINDS:
        number = next((known for words, known in WORDS_KINDS if any(word in text for word in words)), None)
    if number is None:
        return PortError(PortErrorKind.OTHER, f"{url} cannot be opened: {text}")
    kind, message, hint = ERRNO_KINDS[number]
    return PortError(kind, f"{url}: {message}", hint)


def watchable(loop: asyncio.AbstractEventLoop, port: Any) -> bool:
    """Whether the event loop can wait for `port`: it has a file descriptor, one that does not block."""
    if os.name != "posix":
        return False  # pyserial-asyncio would look at the port every half millisecond
    try:
        descriptor = port.fileno()
        if os.get_blocking(descriptor):
            return False
        loop.add_reader(descriptor, lambda: None)
        loop.remove_reader(descriptor)
    except (OSError, AttributeError, ValueError, NotImplementedError):
        return False
    return True


async def open_pyserial(
    url: str,
    *,
    baud: int,
    no_reset: bool = False,
    dtr: bool | None = None,
    rts: bool | None = None,
    thread: bool = False,
) -> BaseHandle:
    """Open `url` with pyserial; see `espmon.port.open_handle`. Lines that are given are set before the port opens.

    Args:
        thread: a thread reads it even where the event loop could wait for it.
    """
    import serial

    def work() -> Any:
        port = serial.serial_for_url(
            url, do_not_open=True, baudrate=baud, timeout=READ_SLICE_SECONDS, write_timeout=None
        )
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
    handle: BaseHandle
    if not thread and watchable(asyncio.get_running_loop(), port):
        from espmon.port.watched import WatchedHandle

        handle = await WatchedHandle.attached(PyserialPort(url, port), baud)
    else:
        from espmon.port.threaded import ThreadedHandle

        handle = ThreadedHandle(PyserialPort(url, port), baud)
    if no_reset and handle.has_modem_lines and dtr is None and rts is None:
        handle.warn(
            PortWarningKind.MAY_RESET, "Opening the port may have raised DTR and RTS, which restarts some boards"
        )
    return handle
