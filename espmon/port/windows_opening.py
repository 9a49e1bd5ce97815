"""What Windows does its own way: COM ports through pyserial on a reader thread."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from espmon.port.base_handle import BaseHandle


async def open_local(
    url: str, *, baud: int, no_reset: bool = False, dtr: bool | None = None, rts: bool | None = None
) -> BaseHandle:
    """Open a COM port; see `espmon.port.open_handle`. The lines are set before the port opens, so nothing moves."""
    from espmon.port.pyserial_opening import open_pyserial

    if no_reset:
        dtr, rts = dtr or False, rts or False
    return await open_pyserial(url, baud=baud, dtr=dtr, rts=rts, thread=True)


def access_advice() -> str:
    """Windows asks no permission for serial ports."""
    return ""


def stable_names() -> Mapping[str, str]:
    """COM numbers are the only names here."""
    return {}


def usable(path: str) -> bool:
    """The port is there; Windows tells about permission only when it is opened."""
    return exists(path)


def exists(path: str) -> bool:
    """The port is in the system's list."""
    from serial.tools import list_ports

    return any(port.device.lower() == path.lower() for port in list_ports.comports())


def holders(path: str) -> tuple[Any, ...]:
    """Nothing: Windows does not tell who has a port."""
    return ()


def device_stamp() -> int:
    """Always new: there is no cheap sign of a change here."""
    import time

    return time.monotonic_ns()


@contextmanager
def lock_file(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on the first byte of `path` for the time of the block."""
    msvcrt: Any = importlib.import_module("msvcrt")
    with path.open("a+b") as file:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        try:
            yield
        finally:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)


LOCKED_BYTE = 1 << 62
"""Beyond any content: where a byte is locked, Windows lets nobody else read or write it."""


def try_lock(descriptor: int) -> bool:
    """Lock an open file until it is closed; False when another process has it locked."""
    msvcrt: Any = importlib.import_module("msvcrt")
    os.lseek(descriptor, LOCKED_BYTE, os.SEEK_SET)
    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    return True
