"""Runs of text lines as columns: bytes and offsets, never an object a line until someone looks at one.

A `LineBlock` holds consecutive lines of the stream. Level, tag and device time are read from the bytes when first asked
for, for the whole block at once, so that receiving costs nothing but finding the line ends.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from typing import ClassVar

from espmon.records.record import JsonObject, Record

SGR = re.compile(rb"\x1b\[[0-9;:]*m")
"""Select Graphic Rendition: the only escape sequence that a log line is allowed to keep."""


def line_text(raw: bytes) -> str:
    """The text of one line without its end: SGR removed, bad UTF-8 shown as `\\xNN`, nothing dropped."""
    if b"\x1b" in raw:
        raw = SGR.sub(b"", raw)
    return raw.decode("utf-8", "backslashreplace")


class Line(Record):
    """One text line (a span record)."""

    __slots__ = ("ansi", "device_ms", "eol", "level", "partial", "raw", "source", "tag", "text")

    type: ClassVar[str] = "line"

    def __init__(
        self,
        offset: int,
        raw: bytes,
        *,
        text: str,
        eol: str,
        time: float | None = None,
        level: str | None = None,
        tag: str | None = None,
        device_ms: int | None = None,
        partial: bool = False,
        ansi: bool = False,
        source: str = "text",
    ) -> None:
        super().__init__(offset, len(raw), time)
        self.raw = raw
        self.text = text
        self.eol = eol
        self.level = level
        self.tag = tag
        self.device_ms = device_ms
        self.partial = partial
        self.ansi = ansi
        self.source = source

    def fields(self) -> JsonObject:
        """The fields of a `line` in JSON."""
        return {
            "text": self.text,
            "level": self.level,
            "tag": self.tag,
            "device_ms": self.device_ms,
            "eol": self.eol,
            "partial": self.partial,
            "ansi": self.ansi,
            "source": self.source,
        }


class LineBlock:
    """Consecutive text lines as columns. Immutable once made; safe to read from any thread.

    Args:
        data: the lines' bytes, line ends included, back to back.
        offset: stream offset of `data[0]`.
        starts: n + 1 positions in `data`; line i is `data[starts[i]:starts[i + 1]]`.
        time: host seconds of the read that finished these lines, None offline.
        partial: the last line has no line end (idle flush, cap, end of stream).
    """

    __slots__ = ("data", "offset", "partial", "starts", "time")

    source: ClassVar[str] = "text"

    def __init__(
        self, data: bytes, offset: int, starts: array[int], *, time: float | None = None, partial: bool = False
    ) -> None:
        self.data = data
        self.offset = offset
        self.starts = starts
        self.time = time
        self.partial = partial

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def length(self) -> int:
        """Bytes of the stream that the block covers."""
        return len(self.data)

    def line_offset(self, index: int) -> int:
        """Stream offset of line `index`."""
        return self.offset + self.starts[index]

    def raw(self, index: int) -> bytes:
        """The line's bytes, line end included."""
        return self.data[self.starts[index] : self.starts[index + 1]]

    def body(self, index: int) -> bytes:
        """The line's bytes without the line end; colour codes are still in it."""
        return self.raw(index).rstrip(b"\r\n")

    def text(self, index: int) -> str:
        """The line's text: no line end, no SGR, bad bytes shown."""
        return line_text(self.body(index))

    def level(self, index: int) -> str | None:
        """E, W, I, D, V or None."""
        return self.record(index).level

    def tag(self, index: int) -> str | None:
        """The log tag, or None."""
        return self.record(index).tag

    def device_ms(self, index: int) -> int | None:
        """Device time in milliseconds, or None."""
        return self.record(index).device_ms

    def record(self, index: int) -> Line:
        """The line as a record."""
        raw = self.raw(index)
        body = raw.rstrip(b"\r\n")
        return Line(
            self.line_offset(index),
            raw,
            text=line_text(body),
            eol=raw[len(body) :].decode(),
            time=self.time,
            partial=self.partial and index == len(self) - 1,
            ansi=b"\x1b[" in body,
        )

    def __iter__(self) -> Iterator[Line]:
        return (self.record(index) for index in range(len(self)))
