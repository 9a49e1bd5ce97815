"""A port that pyserial opened: the calls on it that may block, each with a limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from espmon.port.base_handle import BaseHandle
from espmon.port.handle import CLOSE_SECONDS, PortWarningKind
from espmon.port.line_format import Flow, LineFormat
from espmon.port.port_error import PortError, PortErrorKind
from espmon.port.threads import run_bounded

LINES_SECONDS = 6.0
"""Seconds for moving DTR and RTS, or for changing the rate."""

READ_SLICE_SECONDS = 0.1
"""Seconds of one blocking read."""


class PyserialPort:
    """An open pyserial port. Its calls may hold a thread in a driver, so each runs on one of its own, with a limit.

    Args:
        url: what the user asked for; it stands in every message.
        port: an open `serial.SerialBase`.
    """

    def __init__(self, url: str, port: Any) -> None:
        self.url = url
        self.port = port

    @property
    def has_lines(self) -> bool:
        """Whether DTR and RTS can be moved."""
        try:
            _ = self.port.cts
        except (OSError, AttributeError, NotImplementedError):
            return False
        return True

    async def call(self, work: Callable[[], object], limit: float, doing: str) -> None:
        """Run `work`. Raises `PortError`: STALLED after `limit` seconds, LOST, UNSUPPORTED."""
        import serial

        try:
            await run_bounded(work, limit, name="port-call")
        except (TimeoutError, serial.SerialTimeoutException):
            raise PortError(PortErrorKind.STALLED, f"{self.url}: {doing} did not finish within {limit:g} s") from None
        except ValueError as error:
            raise PortError(PortErrorKind.UNSUPPORTED, f"{self.url}: {error}") from None
        except OSError as error:
            raise PortError(PortErrorKind.LOST, f"{self.url}: {doing} failed ({error})") from None

    async def move_lines(self, dtr: bool | None, rts: bool | None) -> None:
        """See `Handle.set_lines`."""

        def work() -> None:
            if dtr is not None:
                self.port.dtr = dtr
            if rts is not None:
                self.port.rts = rts

        await self.call(work, LINES_SECONDS, "moving DTR and RTS")

    async def set_baud(self, baud: int) -> None:
        """See `Handle.set_baud`."""
        await self.call(lambda: setattr(self.port, "baudrate", baud), LINES_SECONDS, "changing the rate")

    async def set_format(self, line: LineFormat) -> None:
        """See `Handle.set_format`."""

        def work() -> None:
            # One call: pyserial sets the port up anew for each.
            self.port.apply_settings(
                {
                    "bytesize": line.data_bits,
                    "parity": line.parity.value[0].upper(),
                    "stopbits": line.stop_bits,
                    "rtscts": line.flow is Flow.RTS_CTS,
                    "xonxoff": line.flow is Flow.XON_XOFF,
                }
            )

        await self.call(work, LINES_SECONDS, f"changing to {line}")

    async def send_break(self, seconds: float) -> None:
        """See `Handle.send_break`."""
        await self.call(lambda: self.port.send_break(seconds), seconds + LINES_SECONDS, "the break")

    async def close(self, handle: BaseHandle, work: Callable[[], object], limit: float = CLOSE_SECONDS) -> None:
        """Run `work`, which closes the port, for at most `limit` seconds; `handle` warns when that is not enough."""
        try:
            await run_bounded(work, limit, name="port-close")
        except TimeoutError:
            handle.warn(
                PortWarningKind.LATE_CLOSE,
                f"{self.url}: the driver did not close in time; the system closes it when it lets go",
            )
        except OSError:
            return  # the device went first


class PyserialHandle(BaseHandle):
    """The lines and the rate of a handle on a pyserial port; a transport adds the bytes."""

    _calls: PyserialPort

    async def _move_lines(self, dtr: bool | None, rts: bool | None) -> None:
        await self._calls.move_lines(dtr, rts)

    async def set_baud(self, baud: int) -> None:
        """See `Handle.set_baud`."""
        self._check_open()
        await self._calls.set_baud(baud)
        self.baud = baud

    async def set_format(self, line: LineFormat) -> None:
        """See `Handle.set_format`."""
        self._check_open()
        await self._calls.set_format(line)

    async def send_break(self, seconds: float) -> None:
        """See `Handle.send_break`."""
        self._check_open()
        await self._calls.send_break(seconds)
