"""What a source gives, in its order: bytes and when they came, or something that happened between them."""

from __future__ import annotations

from dataclasses import dataclass

from espmon.records.record import JsonObject


@dataclass(frozen=True, slots=True)
class Moment:
    """A piece of a recording."""

    m: float | None = None
    """Seconds since the recording began, None where nobody wrote that down."""

    data: bytes = b""
    """Bytes that were received."""

    lease: str = ""
    """Who read them, where they are no log text."""

    event: JsonObject | None = None
    """A line of the sidecar, in place of bytes."""

    wall: float | None = None
    """Wall time, in seconds since the epoch, where it was written down."""


class SourceError(Exception):
    """A recording or a file cannot be opened. The message is for people."""
