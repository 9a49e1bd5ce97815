"""What a span recognizer is: it finds where in the stream a payload starts, and follows it to its end.

The demultiplexer searches each read for the `triggers` of all recognizers at once. At a hit it asks that
recognizer, which answers: not mine, need more bytes, a whole record, or a capture that will take bytes until it ends.
Recognizers know nothing of one another; `espmon/records/recognizers.py` lists them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from espmon.records.limits import Limits
from espmon.records.lines import LineBlock
from espmon.records.record import Record

if TYPE_CHECKING:
    from espmon.records.defmt.defmt_table import DefmtTable

Bytes = bytes | bytearray
"""What captures read from; never modified by them."""

PREFIX_BYTES = 256
"""A longer beginning of a line is no prompt."""

SGR_RUN = re.compile(rb"(?:\x1b\[[0-9;:]*m)+")
PROMPT = re.compile(rb"[\w@:~/.()\[\] -]{0,64}[>$#%] ?\Z")
"""A console prompt that has the header straight behind it."""


class StringSource(Protocol):
    """Where the strings of a binary log are: usually ELF files."""

    def has(self, kind: int) -> bool:
        """True when there is an ELF for frames of this type (1 bootloader, 2 application)."""

    def read(self, kind: int, address: int, size: int | None) -> bytes | None:
        """The bytes at `address`, up to a NUL or (with `size`) that many; None when no section holds the address."""


class More:
    """The recognizer cannot tell yet: the bytes from the hit on are held until more arrive."""


MORE = More()


class Cut:
    """The hit is text, and begins a line: whatever stands before it in the line is a line that nothing ended."""


CUT = Cut()


@dataclass(slots=True)
class Setup:
    """What the recognizers of one demultiplexer share."""

    limits: Limits
    strings: StringSource | None = None
    """Where the strings of a binary log are. May change at any time."""

    defmt: DefmtTable | None = None
    """The strings of defmt frames. May change at any time."""

    unpacked: int = 0
    """Bytes that compressed payloads have unpacked to so far."""

    def room(self, received: int) -> int:
        """What a compressed payload that ends at stream offset `received` may unpack to, in bytes."""
        limits = self.limits
        return max(0, min(limits.frame, limits.frame + limits.unpacked_per_byte * received - self.unpacked))


@dataclass(frozen=True, slots=True)
class Where:
    """Where a trigger was hit."""

    data: bytes
    start: int
    """Where the text that is not yet emitted begins in `data`."""

    at: int
    """The hit in `data`."""

    continued: bool
    """The line at `start` is the rest of a line that was cut at the cap."""

    rejected: bool
    """Inside bytes that a capture has already rejected once."""

    offset: int
    """Stream offset of the hit."""

    time: float | None
    """Host time of the read."""

    @property
    def prefix(self) -> bytes | None:
        """Bytes of the line before the hit; None when they are too many to matter."""
        first = max(self.start, self.at - PREFIX_BYTES)
        near = self.data[first : self.at]
        line = max(near.rfind(b"\n"), near.rfind(b"\r")) + 1
        if not line and (self.continued or first > self.start):
            return None
        return near[line:]

    @property
    def synced(self) -> bool:
        """True at the start of a line, of the stream, or straight after another payload."""
        return self.prefix == b""

    @property
    def opens_line(self) -> bool:
        """Only a prompt (or nothing but colour) stands before the hit."""
        prefix = self.prefix
        if not prefix:
            return prefix is not None
        bare = SGR_RUN.sub(b"", prefix)
        return not bare or PROMPT.match(bare) is not None


class Found(NamedTuple):
    """A payload that is complete."""

    length: int
    """Bytes that it covers, from the hit on."""

    part: Record | LineBlock
    """The span record, or (binary log, defmt) decoded lines."""


class Outcome(NamedTuple):
    """How a capture ended."""

    length: int
    """Bytes that the record covers, from the capture's first byte on. Everything after it is parsed again as text."""

    record: Record | LineBlock
    """The span record, or (binary log) the lines that the payload holds."""

    rejected: int = 0
    """Bytes after `length` that the capture had already taken for its own."""

    foreign: Sequence[tuple[int, bytes]] = ()
    """Text lines of other tasks inside the span: (position from the capture's first byte, bytes with line end)."""


class CaptureStatus(NamedTuple):
    """What is known of a payload that is being received right now."""

    kind: str
    """"coredump", "png" or "frame"."""

    received: int
    """Bytes so far, the header included."""

    expected: int | None
    """Bytes in all, None while unknown."""

    lines: int
    """Text lines of the payload so far (core dump)."""

    offset: int
    """Stream offset of its first byte."""


class Capture(Protocol):
    """A payload in progress. It keeps positions only; the bytes stay with the demultiplexer."""

    kind: str

    @property
    def expected(self) -> int | None:
        """Bytes in all, None while unknown."""

    @property
    def lines(self) -> int:
        """Text lines of the payload so far."""

    def scan(self, data: Bytes, start: int) -> Outcome | None:
        """Read on. `data[start]` is the capture's first byte; `data` ends where the stream does so far."""

    def idle(self, data: Bytes, start: int) -> Outcome | None:
        """The line went quiet for a moment: end only if nothing but an optional line end is missing."""

    def end(self, data: Bytes, start: int, reason: str) -> Outcome:
        """End here, whatever came."""


class SpanRecognizer(Protocol):
    """Finds payloads of one kind."""

    kind: str

    triggers: Sequence[bytes]
    """Byte strings (at most 48 bytes, no line ends) with which a payload starts; one holds at most one other."""

    def probe(self, data: bytes, at: int, where: Where) -> Found | Capture | Cut | More | None:
        """Decide about a hit at `data[at]`. None: these bytes are text."""
