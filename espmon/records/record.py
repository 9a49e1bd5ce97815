"""The record types: what a stream of device bytes becomes.

Two kinds share one numbering. *Span records* tile the stream: in order, they cover every received byte exactly once.
*Event records* (`derived` is true) point at a span and never consume bytes.

`offset` and `length` count bytes of the received stream; `time` is host seconds since the epoch, or None offline.
"""

from __future__ import annotations

import base64
from enum import StrEnum
from typing import Any, ClassVar

from espmon.records.value_text import value_text

JsonObject = dict[str, Any]
"""A JSON object ready for `json.dumps`: bytes already base64, addresses already `0x` strings."""


class Severity(StrEnum):
    """How loudly something is shown."""

    INFO = "information"
    WARNING = "warning"
    ERROR = "error"


class Record:
    """One record. Subclasses add their fields and say what they look like as JSON."""

    __slots__ = ("length", "offset", "time")

    type: ClassVar[str] = "raw"
    """The record's name in JSON."""

    derived: ClassVar[bool] = False
    """True on events: they point at a span of the stream, and consume nothing."""

    json_fields: ClassVar[tuple[str, ...]] = ()
    """Attributes that are in JSON as they are, in the order there."""

    def __init__(self, offset: int, length: int, time: float | None = None) -> None:
        self.offset = offset
        self.length = length
        self.time = time

    @property
    def title(self) -> str:
        """What it says in one line of a list, here its name and its fields. May hold device text as it came."""
        return ": ".join(filter(None, (self.type.replace("_", " ").capitalize(), value_text(self.fields()))))

    @property
    def severity(self) -> Severity:
        """How loudly it is listed."""
        return Severity.INFO

    def fields(self) -> JsonObject:
        """The fields that this type adds to the common ones, ready for JSON."""
        return {name: getattr(self, name) for name in self.json_fields}

    def common(self) -> JsonObject:
        """The fields that every record has in JSON."""
        return {name: getattr(self, name) for name in ("type", "offset", "length", "time", "derived")}

    def to_json(self) -> JsonObject:
        """The record as `espmon decode --json` prints it."""
        return {**self.common(), **self.fields()}

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.fields().items())
        return f"{type(self).__name__}(offset={self.offset}, length={self.length}, {shown})"


class PayloadRecord(Record):
    """A span that carries bytes of its own, whole or what came of them.

    Attributes:
        payload: the bytes, decoded; empty once they were released.
        size: how many they were.
        complete: all of them are here, and right.
        error: what is wrong with them, None when nothing is.
        path: where they were saved, by whoever did.
    """

    __slots__ = ("_sha256", "complete", "error", "path", "payload", "size")

    def __init__(
        self, offset: int, length: int, time: float | None, *, payload: bytes, complete: bool, error: str | None
    ) -> None:
        super().__init__(offset, length, time)
        self.payload = payload
        self.size = len(payload)
        self.complete = complete
        self.error = error
        self.path: str | None = None
        self._sha256: str | None = None

    @property
    def sha256(self) -> str:
        """Of the payload, in hex. Worked out when first asked for: not where bytes are read or a screen is drawn."""
        if self._sha256 is None:
            import hashlib  # few sessions have payloads

            self._sha256 = hashlib.sha256(self.payload).hexdigest()
        return self._sha256

    def release(self) -> None:
        """Let go of the bytes: they are on disk, or nobody will ask for them. Size and digest stay."""
        if self.payload:
            _ = self.sha256
            self.payload = b""

    @property
    def hashed(self) -> bool:
        """Whether `sha256` costs nothing any more."""
        return self._sha256 is not None

    @property
    def pixels(self) -> tuple[int, int] | None:
        """Width and height of the picture that it is, (0, 0) where they are not known; None: it is no picture."""
        return None

    @property
    def noun(self) -> str:
        """What it is, for the title."""
        return self.type.capitalize()

    @property
    def title(self) -> str:
        """What it is, and its size or what is wrong with it."""
        if self.complete:
            return f"{self.noun}: {self.size:,} bytes"
        return f"{self.noun} damaged: {self.error or 'incomplete'}"

    @property
    def severity(self) -> Severity:
        """A warning when it is damaged."""
        return Severity.INFO if self.complete else Severity.WARNING

    def about(self) -> JsonObject:
        """The fields of this type in JSON, without the digest."""
        return {"bytes": self.size, "complete": self.complete, "error": self.error, "path": self.path}

    def fields(self) -> JsonObject:
        """The fields of this type in JSON."""
        return {**self.about(), "sha256": self.sha256 if self.complete else None}


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

    def about(self) -> JsonObject:
        """The fields of a `raw` in JSON, without its bytes."""
        return {"reason": self.reason}

    def fields(self) -> JsonObject:
        """The fields of a `raw` in JSON."""
        return {"bytes": base64.b64encode(self.payload).decode(), **self.about()}
