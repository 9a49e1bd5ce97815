"""The record types: what a stream of device bytes becomes.

Two kinds share one numbering. *Span records* tile the stream: in order, they cover every received byte exactly once.
*Event records* (`derived` is true) point at a span and never consume bytes.

`offset` and `length` count bytes of the received stream; `time` is host seconds since the epoch, or None offline.
"""

from __future__ import annotations

import base64
from typing import Any, ClassVar

JsonObject = dict[str, Any]
"""A JSON object ready for `json.dumps`: bytes already base64, addresses already `0x` strings."""


class Record:
    """One record. Subclasses add their fields and say what they look like as JSON."""

    __slots__ = ("length", "offset", "time")

    type: ClassVar[str] = "raw"
    """The record's name in JSON."""

    derived: ClassVar[bool] = False
    """True on events: they point at a span of the stream, and consume nothing."""

    def __init__(self, offset: int, length: int, time: float | None = None) -> None:
        self.offset = offset
        self.length = length
        self.time = time

    def fields(self) -> JsonObject:
        """The fields that this type adds to the common ones, ready for JSON."""
        return {}

    def to_json(self) -> JsonObject:
        """The record as `espmon decode --json` prints it."""
        common: JsonObject = {
            "type": self.type,
            "offset": self.offset,
            "length": self.length,
            "time": self.time,
            "derived": self.derived,
        }
        common.update(self.fields())
        return common

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.fields().items())
        return f"{type(self).__name__}(offset={self.offset}, length={self.length}, {shown})"


class Event(Record):
    """A derived record: it points at the span it was read from."""

    __slots__ = ()

    derived: ClassVar[bool] = True


class Raw(Record):
    """Bytes of the stream that are neither text nor a payload, with the reason why they are shown like this."""

    __slots__ = ("payload", "reason")

    def __init__(self, offset: int, payload: bytes, reason: str, time: float | None = None) -> None:
        super().__init__(offset, len(payload), time)
        self.payload = payload
        self.reason = reason

    def fields(self) -> JsonObject:
        """The fields of a `raw` in JSON."""
        return {"bytes": base64.b64encode(self.payload).decode(), "reason": self.reason}
