"""Who hears what the pipeline is fed, in its order: enough to make the same records again elsewhere."""

from __future__ import annotations

from typing import Protocol

from espmon.records.record import JsonObject


class StreamTap(Protocol):
    """Called where the bytes arrive, before anything becomes of them: put it away and return."""

    def text(self, data: bytes, now: float) -> None:
        """Bytes of the log."""

    def leased(self, data: bytes, owner: str, now: float) -> None:
        """Bytes of a lease: part of the stream, and no log text. Perhaps none."""

    def event(self, fields: JsonObject, now: float) -> None:
        """Something that the session made itself, as the recording's sidecar has it."""
