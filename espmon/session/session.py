"""One board, one handle, one state machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from espmon.session.store import LogStore
from espmon.session.view import Change, EventEntry, OpenRequest, Status


class Session:
    """Owns the handle, the lifecycle, the pipeline and the records. Lives on one event loop.

    `status`, `store` and `events` may be read from any thread; every method runs on the session's loop.
    """

    status: Status
    store: LogStore
    events: list[EventEntry]

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call `listener` for each change (on the session's thread). Returns the way to unsubscribe."""
        raise NotImplementedError

    async def open(self, request: OpenRequest) -> None:
        """Open the port once. Errors end in state CLOSED with `status.reason` and `status.hint`; nothing is raised."""
        raise NotImplementedError

    async def consent(self) -> None:
        """The user agreed to the probe: run it on the same handle, then monitor; failure ends in CLOSED."""
        raise NotImplementedError

    async def decline(self) -> None:
        """The user does not want the probe: monitor without touching the board."""
        raise NotImplementedError

    async def cancel(self) -> None:
        """Cancel the running probe, flash or gdb lease; the board is reset back where that is possible."""
        raise NotImplementedError

    async def close(self) -> None:
        """Close the port (bounded); the store, the events and the recording stay."""
        raise NotImplementedError

    async def send(self, data: bytes) -> None:
        """Send bytes to the board as they are."""
        raise NotImplementedError

    async def reset(self) -> None:
        """Hard-reset into the application (the user asked)."""
        raise NotImplementedError

    async def reset_to_loader(self) -> None:
        """Reset into the ROM loader (the user asked)."""
        raise NotImplementedError

    async def probe(self) -> None:
        """Probe again from MONITORING, over a lease (the user agreed)."""
        raise NotImplementedError

    async def set_baud(self, baud: int) -> None:
        """Change the rate of the open port."""
        raise NotImplementedError

    async def screenshot(self) -> None:
        """Send the trigger; the PNG that arrives becomes an event and a file."""
        raise NotImplementedError

    async def abort_capture(self) -> None:
        """End the running capture; what came is kept, as a partial artifact."""
        raise NotImplementedError

    async def set_elf(self, paths: tuple[Path, ...]) -> None:
        """Use these ELF files (application first) for decoding."""
        raise NotImplementedError

    async def flash(self, plan: Any) -> None:
        """Run a flash plan over a lease of the same handle (the user agreed)."""
        raise NotImplementedError
