"""A local tty or PTY on the event loop: its descriptor, read and written when it is ready."""

from __future__ import annotations

import asyncio
import errno
import os
import select
import time
from collections.abc import Callable
from contextlib import suppress

from espmon.port import posix_termios as tty
from espmon.port.base_handle import BaseHandle
from espmon.port.handle import CLOSE_SECONDS, MAX_READ, PortWarning, PortWarningKind
from espmon.port.line_format import LineFormat
from espmon.port.port_error import PortError, PortErrorKind
from espmon.port.threads import run_bounded
from espmon.time_limit import time_limit

MAX_UNWRITTEN = 1 << 16
"""Bytes waiting to be taken by the driver."""

DRAIN_SECONDS = 0.5
"""Seconds that close waits for written bytes to leave."""

LINES_SECONDS = 6.0
"""Seconds for one change of the lines or the rate; a USB control transfer times out in the kernel after 5 s."""

HANGUP_POLL_SECONDS = 0.02
"""Seconds between looks for a hang-up while reading is paused."""

READS_PER_EVENT = 16
"""Reads in a row before other work on the loop gets its turn."""

_FULL_READ = 4095
"""A tty's line discipline gives at most this much at once; a shorter read means that there is no more."""


class TtyHandle(BaseHandle):
    """A tty that is already open, raw and locked; takes the descriptor over.

    Args:
        url: what the user asked for.
        baud: the rate set.
        descriptor: non-blocking.
        lines: (dtr, rts) as found, None for a PTY.
        usb: (VID, PID) or None.
    """

    def __init__(
        self,
        url: str,
        baud: int,
        descriptor: int,
        lines: tuple[bool, bool] | None,
        usb: tuple[int, int] | None,
        warnings: tuple[PortWarning, ...] = (),
    ) -> None:
        super().__init__(url, baud)
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self.usb = usb
        self.has_modem_lines = self.atomic_lines = lines is not None
        if lines is not None:
            self._dtr, self._rts = lines
        self.warnings = warnings
        self._out = bytearray()
        self._turn = asyncio.Lock()
        self._taken: asyncio.Event = asyncio.Event()
        self._watch: asyncio.TimerHandle | None = None
        self._loop.add_reader(descriptor, self._readable)

    # Reading

    def _readable(self) -> None:
        for _ in range(READS_PER_EVENT):
            try:
                data = os.read(self._descriptor, MAX_READ)
            except BlockingIOError:
                return
            except OSError as error:
                self._gone(error.strerror or "read error")
                return
            if not data:
                self._gone("hung up")
                return
            self._receive.put(data)
            if len(data) < _FULL_READ or self._receive.paused:
                return

    async def gather(self, seconds: float) -> None:
        """See `Handle.gather`: a UART's bytes come one by one, and each would wake the loop."""
        self._loop.remove_reader(self._descriptor)
        try:
            await asyncio.sleep(seconds)
        finally:
            if not self._receive.paused:
                self._resume_reading()

    def _pause_reading(self) -> None:
        self._loop.remove_reader(self._descriptor)
        self._look_for_hangup()

    def _resume_reading(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if not self._closed and self._receive.error is None:
            self._loop.add_reader(self._descriptor, self._readable)

    def _look_for_hangup(self) -> None:
        """Notice an unplug although the loop does not watch the descriptor while reading is paused."""
        poll = select.poll()
        poll.register(self._descriptor, 0)
        if poll.poll(0):
            self._watch = None
            while self._receive.error is None:
                before = len(self._receive)
                self._readable()
                if len(self._receive) == before and self._receive.error is None:
                    self._gone("hung up")
            return
        self._watch = self._loop.call_later(HANGUP_POLL_SECONDS, self._look_for_hangup)

    def _gone(self, why: str) -> None:
        self._stop_watching()
        self._out.clear()
        self._receive.fail(self.lost(f"the device is gone ({why})"))
        self._taken.set()

    def _stop_watching(self) -> None:
        self._loop.remove_reader(self._descriptor)
        self._loop.remove_writer(self._descriptor)
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    # Writing

    async def write(self, data: bytes, timeout: float = 5.0) -> None:
        """See `Handle.write`."""
        async with self._turn:
            self._check_open()
            view = memoryview(bytes(data))
            if not self._out:  # the usual case: the driver takes all of it at once
                view = view[self._offer(view) or 0 :]
                self._check_open()
            while view:
                room = MAX_UNWRITTEN - len(self._out)
                if room:
                    self._out += view[:room]
                    view = view[room:]
                    self._writable()
                else:
                    await self._wait_taken(timeout)
                self._check_open()

    async def _wait_taken(self, timeout: float) -> None:
        self._taken.clear()
        try:
            async with time_limit(timeout):  # wait_for can swallow a cancellation that comes with the room
                await self._taken.wait()
        except TimeoutError:
            raise PortError(
                PortErrorKind.STALLED,
                f"{self.url}: the device took nothing for {timeout:g} s",
                "Is its firmware reading? Try a reset, or unplug it",
            ) from None

    def _offer(self, data: bytearray | memoryview) -> int | None:
        """How many bytes the driver took, 0 when it is full; None when it is gone, which the reader is told then."""
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            self._gone(error.strerror or "write error")
            return None

    def _writable(self) -> None:
        count = self._offer(self._out)
        if count is None:
            return
        if count:
            del self._out[:count]
            self._taken.set()
        if self._out:
            self._loop.add_writer(self._descriptor, self._writable)
        else:
            self._loop.remove_writer(self._descriptor)

    # Lines and rate

    async def _move_lines(self, dtr: bool | None, rts: bool | None) -> None:
        await self._in_driver(lambda: tty.move_lines(self._descriptor, dtr, rts), "lines")

    async def set_baud(self, baud: int) -> None:
        """See `Handle.set_baud`. UNSUPPORTED when the driver refuses the rate."""
        self._check_open()
        try:
            await self._in_driver(lambda: tty.set_rate(self._descriptor, baud), "rate")
        except ValueError as error:
            raise PortError(PortErrorKind.UNSUPPORTED, f"{self.url}: {error}") from None
        self.baud = baud

    async def set_format(self, line: LineFormat) -> None:
        """See `Handle.set_format`."""
        self._check_open()
        try:
            await self._in_driver(lambda: tty.set_format(self._descriptor, line), "line format")
        except ValueError as error:
            raise PortError(PortErrorKind.UNSUPPORTED, f"{self.url}: {error}") from None

    async def send_break(self, seconds: float) -> None:
        """See `Handle.send_break`."""
        self._check_open()
        await self._in_driver(lambda: tty.set_break(self._descriptor, True), "break")
        try:
            await asyncio.sleep(seconds)
        finally:
            await self._in_driver(lambda: tty.set_break(self._descriptor, False), "break")

    async def _in_driver(self, work: Callable[[], None], name: str) -> None:
        try:
            await run_bounded(work, LINES_SECONDS, name=f"tty-{name}")
        except TimeoutError:
            raise PortError(
                PortErrorKind.STALLED,
                f"{self.url}: the driver did not finish changing the {name} within {LINES_SECONDS:g} s",
                "Unplug the device and plug it in again",
            ) from None
        except OSError as error:
            kind = PortErrorKind.UNSUPPORTED if error.errno in (errno.EINVAL, errno.ENOTTY) else PortErrorKind.LOST
            raise PortError(kind, f"{self.url}: the {name} could not be set ({error.strerror})") from None

    # Closing

    async def close(self) -> None:
        """See `Handle.close`."""
        if self._closed:
            return
        self._closed = True
        self._receive.fail(self.lost("the port was closed"))
        deadline = time.monotonic() + DRAIN_SECONDS
        try:
            while self._out and (left := deadline - time.monotonic()) > 0:
                await self._wait_taken(left)
        except PortError:
            pass  # the peer takes nothing: what is left is dropped below
        finally:
            self._stop_watching()
            self._out.clear()
            self._taken.set()
            descriptor = self._descriptor
            await self._release(descriptor, deadline)

    async def _release(self, descriptor: int, deadline: float) -> None:
        def work() -> None:
            while tty.output_queue(descriptor) and time.monotonic() < deadline:
                time.sleep(0.002)
            if tty.output_queue(descriptor):
                tty.drop_output(descriptor)
            with suppress(OSError):  # the device may be gone; closing is all that is left
                tty.set_exclusive(descriptor, False)
            os.close(descriptor)

        try:
            await run_bounded(work, CLOSE_SECONDS - DRAIN_SECONDS, name="tty-close")
        except TimeoutError:
            self.warn(
                PortWarningKind.LATE_CLOSE,
                f"{self.url}: the driver did not close in time; the system closes it when it lets go",
            )
