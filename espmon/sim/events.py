"""The event log of a simulated board: JSON lines, flushed at once."""

from __future__ import annotations

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
        self._file: TextIO | None = path.open("w", encoding="utf-8") if path else None

    def add(self, event: str, **fields: Any) -> None:
        """Note an event: connect, disconnect, lines (dtr, rts) or mode (mode)."""
        entry = {"t": round(time.monotonic() - self._start, 6), "event": event, **fields}
        if len(self.events) < HISTORY:
            self.events.append(entry)
        if self._file:
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()
