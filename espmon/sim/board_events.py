"""The event log of a simulated board: JSON lines, flushed at once."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any, TextIO

HISTORY = 10_000
"""Most events kept in memory; the file has them all."""


class EventLog:
    """`{"t": seconds since the start, "event": ...}` in memory and, if asked for, in a file.

    Args:
        path: appended to nothing: the file starts anew. Raises OSError when it cannot be written.

    Attributes:
        events: what happened, oldest first.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.events: list[dict[str, Any]] = []
        self._start = time.monotonic()
        self._waiters: list[tuple[str, asyncio.Future[None]]] = []
        self._file: TextIO | None = path.open("w", encoding="utf-8") if path else None

    def add(self, event: str, **fields: Any) -> None:
        """Note an event: connect, disconnect, lines (dtr, rts), mode (mode) or no_loader (why)."""
        entry = {"t": round(time.monotonic() - self._start, 6), "event": event, **fields}
        if len(self.events) < HISTORY:
            self.events.append(entry)
        for wanted, waiter in self._waiters:
            if wanted == event and not waiter.done():
                waiter.set_result(None)
        if self._file:
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()

    async def wait_for(self, event: str) -> None:
        """Return once `event` has happened, at once if it has already."""
        if any(entry["event"] == event for entry in self.events):
            return
        waiter = (event, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        try:
            await waiter[1]
        finally:
            self._waiters.remove(waiter)

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()
