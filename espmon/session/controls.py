"""What a user does to an open port: send, reset, change the rate, take a screenshot."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from espmon.port import Handle, PortError, PortErrorKind
from espmon.session.core import SessionCore
from espmon.session.debug_lease import DebugLease
from espmon.session.state import State
from espmon.session.status import Severity


class Controls(SessionCore):
    """The part of a session that acts on the handle without taking it from the pipeline. Every failure is a notice."""

    debugging: DebugLease
    """The debug stub's lease: inspect here, or hand over to gdb."""

    async def _user(self, what: str, work: Callable[[Handle], Coroutine[Any, Any, None]]) -> None:
        """Do something with the handle that the user asked for; a failure is a notice, never an exception."""
        try:
            if self.state is State.LEASED:
                raise PortError(PortErrorKind.BUSY, f"The port is used for {self.status.lease}")
            await work(self._link.handle)
        except PortError as error:
            self.notify(f"{what}: {error}", Severity.ERROR)

    async def send(self, data: bytes) -> None:
        """Send bytes to the board as they are."""

        async def work(handle: Handle) -> None:
            await handle.write(data)

        await self._user("Not sent", work)

    async def reset(self) -> None:
        """Hard-reset into the application (the user asked)."""

        if self.debugging.active:
            await self.debugging.abandon()

        async def work(handle: Handle) -> None:
            sequence = handle.hard_reset_sequence()
            if sequence is None:
                raise PortError(
                    PortErrorKind.UNSUPPORTED, "This port has no DTR/RTS", "Press the board's EN (RESET) button"
                )
            self._pipeline.restarted()
            await handle.run_sequence(sequence)

        await self._user("No reset", work)

    async def reset_to_loader(self) -> None:
        """Reset into the ROM loader (the user asked)."""

        async def work(handle: Handle) -> None:
            entries = handle.loader_entries()
            if not entries:
                raise PortError(
                    PortErrorKind.UNSUPPORTED, "This port has no DTR/RTS", "Hold BOOT, press EN, release BOOT"
                )
            self._pipeline.restarted()
            await handle.run_sequence(entries[0])

        await self._user("No reset", work)

    async def set_baud(self, baud: int) -> None:
        """Change the rate of the open port."""

        async def work(handle: Handle) -> None:
            await handle.set_baud(baud)
            self._pipeline.set_rate(baud)
            self._set(baud=baud)

        await self._user("Rate not changed", work)

    async def screenshot(self) -> None:
        """Send the trigger; the PNG that arrives becomes an event and a file."""
        await self.send(self.settings.screenshot_trigger.encode())

    async def abort_capture(self) -> None:
        """End the running capture; what came is kept, as a partial artifact."""
        self._pipeline.abort_capture(self._clock())
        self._set(capture=None)
