"""The index of a recorded session that has none: written while the session is read anyway."""

from __future__ import annotations

import json
from pathlib import Path

from espmon.records.batch import Part
from espmon.records.record import JsonObject
from espmon.session.archive.session_index import INDEX, MAX_MARKS, SessionIndexer
from espmon.session.clock import SessionClock
from espmon.session.file_system import write_atomically


class IndexRebuild:
    """A sink that gathers what the index says.

    Args:
        folder: the session's.
        clock: the session's time.
    """

    def __init__(self, folder: Path, clock: SessionClock) -> None:
        self._path = folder / INDEX
        self._clock = clock
        self._lines: list[bytes] = []
        self._indexer = SessionIndexer(self._note, clock)

    def _note(self, fields: JsonObject, now: float) -> None:
        if len(self._lines) < MAX_MARKS:
            times = {"t": round(self._clock.wall(now), 6), "m": round(self._clock.since_start(now), 6)}
            self._lines.append(json.dumps({**times, **fields}).encode() + b"\n")

    def take(self, part: Part, entry: int | None) -> None:
        """See `Sink`."""
        self._indexer.take(part, entry)

    def write(self) -> None:
        """Keep it. Raises OSError."""
        self._indexer.end()
        lines, self._lines = self._lines, []
        write_atomically(self._path, b"".join(lines))
