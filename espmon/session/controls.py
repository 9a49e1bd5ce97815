"""What a user does to an open port without taking it from the pipeline: send, reset, change the rate, a screenshot."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace

from espmon.port import Handle, LineFormat, PortError, PortErrorKind, ResetSequence
from espmon.session.pipeline import Pipeline
from espmon.session.port_link import Link
from espmon.session.reporter import Reporter
from espmon.session.state import State
from espmon.session.status import Activity, Severity


class Controls:
    """Acts on the open handle. Every failure is a notice, and returned, never an exception.

    Args:
        link: the open port.
        pipeline: who reads it.
        reporter: the session's voice.
    """

    def __init__(self, link: Link, pipeline: Pipeline, reporter: Reporter) -> None:
        self._link = link
        self._pipeline = pipeline
        self._reporter = reporter

    async def _act(self, failing: str, work: Callable[[Handle], Awaitable[None]]) -> PortError | None:
        """Do something with the handle that the user asked for. Returns why it was not done."""
        status = self._reporter.status
        try:
            if status.state is State.LEASED:
                raise PortError(PortErrorKind.BUSY, f"The port is used for {status.lease}")
            await work(self._link.handle)
        except PortError as error:
            self._reporter.notify(f"{failing}: {error}", Severity.ERROR)
            return error
        return None

    async def send(self, data: bytes) -> PortError | None:
        """Send bytes to the board as they are. Returns why they were not sent."""

        async def work(handle: Handle) -> None:
            await handle.write(data)
            self._reporter.publish(self._reporter.status.after_sending(data))

        return await self._act("Not sent", work)

    async def write(self, data: bytes) -> None:
        """Send bytes to the board that no user typed. Where the port is gone, its reader says so."""
        handle = self._link.attached
        if handle is not None:
            with contextlib.suppress(PortError):
                await handle.write(data)

    async def reset(self) -> PortError | None:
        """Hard-reset into the application (the user asked). Returns why it was not done."""
        return await self._act(
            "No reset",
            lambda handle: self._play(handle, handle.hard_reset_sequence(), "Press the board's EN (RESET) button"),
        )

    async def reset_to_loader(self) -> PortError | None:
        """Reset into the ROM loader (the user asked)."""
        return await self._act(
            "No reset",
            lambda handle: self._play(
                handle, next(iter(handle.loader_entries()), None), "Hold BOOT, press EN, release BOOT"
            ),
        )

    async def _play(self, handle: Handle, sequence: ResetSequence | None, by_hand: str) -> None:
        if sequence is None:
            raise PortError(PortErrorKind.UNSUPPORTED, "This port has no DTR/RTS", by_hand)
        self._pipeline.restarted()
        status = self._reporter.status
        if status.activity is not Activity.IN_LOADER:  # it stays there until it says that it has left
            self._reporter.publish(replace(status, activity=Activity.RUNNING))
        await handle.run_sequence(sequence)

    async def set_baud(self, baud: int) -> PortError | None:
        """Change the rate of the open port."""

        async def work(handle: Handle) -> None:
            await handle.set_baud(baud)
            self._pipeline.set_rate(baud)
            self._reporter.publish(replace(self._reporter.status, baud=baud))

        return await self._act("Rate not changed", work)

    async def set_format(self, line: LineFormat) -> PortError | None:
        """Change data bits, parity, stop bits and flow control of the open port."""

        async def work(handle: Handle) -> None:
            await handle.set_format(line)
            self._reporter.publish(replace(self._reporter.status, line=line))

        return await self._act("Not changed", work)

    async def set_lines(self, dtr: bool | None, rts: bool | None) -> PortError | None:
        """Move DTR and RTS by hand."""
        return await self._act("Not moved", lambda handle: handle.set_lines(dtr=dtr, rts=rts))

    async def send_break(self, seconds: float) -> PortError | None:
        """Hold the line in a break."""
        return await self._act("No break", lambda handle: handle.send_break(seconds))

    async def abort_capture(self) -> None:
        """End the running capture; what came is kept, as a partial artifact."""
        self._pipeline.abort_capture(self._reporter.clock())
        self._reporter.publish(replace(self._reporter.status, capture=None))
