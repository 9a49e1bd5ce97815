"""Packets of the gdb remote protocol that a gdb stub sends into the log: stop replies, exits, console output.

Source: the gdb manual, "Remote Protocol: Overview": `$data#checksum`, checksum = byte sum modulo 256, `}` escapes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from espmon.records.record import JsonObject, Record, Severity
from espmon.records.span import MORE, Found, More, Setup, Where

BODY = rb"\$((?:[^#$}\x00-\x1f\x7f]|\}[\x00-\xff])*)"
OPENING = re.compile(rb"\$[TSWXO][0-9a-fA-F]{2}")
OPENINGS = re.compile(rb"\$[TSWXO][0-9a-fA-F]?")
PACKET = re.compile(BODY + rb"#([0-9a-fA-F]{2})")
BEGINNING = re.compile(BODY + rb"(?:\}|#[0-9a-fA-F]?)?\Z")
STOP_REPLY = re.compile(rb"(?:S[0-9a-fA-F]{2}|T[0-9a-fA-F]{2}(?:[\w-]{1,32}:[^;]*;?)*)\Z")


class Gdb(Record):
    """One packet. `payload` is what stands between `$` and `#`, still escaped."""

    __slots__ = ("checksum", "payload", "signal")

    type: ClassVar[str] = "gdb"

    def __init__(self, offset: int, length: int, time: float | None, *, payload: bytes, checksum: str) -> None:
        super().__init__(offset, length, time)
        self.payload = payload
        self.checksum = checksum
        self.signal = int(payload[1:3], 16) if payload[:1] in b"TSX" else None
        """Number of the signal that stopped the program, None in other packets."""

    @property
    def title(self) -> str:
        """What the stub says."""
        what = f"signal {self.signal}" if self.signal is not None else "packet"
        return f"gdb stub waits: {what}" if self.checksum == "ok" else f"gdb stub: {what}, checksum bad"

    @property
    def severity(self) -> Severity:
        """The board has stopped, if the packet is right."""
        return Severity.ERROR if self.checksum == "ok" else Severity.WARNING

    def fields(self) -> JsonObject:
        """The fields of a `gdb` in JSON."""
        return {
            "packet": self.payload.decode("utf-8", "backslashreplace"),
            "signal": self.signal,
            "checksum": self.checksum,
        }


class GdbRecognizer:
    """Finds packets anywhere in a line.

    A packet whose checksum is wrong is believed only when it is a well-formed stop reply; anything else is text.
    """

    kind = "gdb"
    triggers: Sequence[bytes] = (b"$T", b"$S", b"$W", b"$X", b"$O")

    def __init__(self, setup: Setup) -> None:
        self._cap = setup.limits.gdb

    def probe(self, data: bytes, at: int, where: Where) -> Found | More | None:
        """Decide about a hit."""
        if not OPENING.match(data, at):
            return MORE if OPENINGS.fullmatch(data, at) else None
        match = PACKET.match(data, at, at + self._cap)
        if match is None:
            waits = len(data) - at < self._cap and BEGINNING.match(data, at)
            return MORE if waits else None
        payload = match[1]
        good = sum(payload) & 0xFF == int(match[2], 16)
        if not good and not STOP_REPLY.match(payload):
            return None
        length = match.end() - at
        record = Gdb(where.offset, length, where.time, payload=payload, checksum="ok" if good else "bad")
        return Found(length, record)
