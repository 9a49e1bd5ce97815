"""PNG screenshots: `PNG_BEGIN <length>`, the raw bytes, `PNG_END`.

The envelope has no checksum, so the chunk CRCs of the PNG are checked while it arrives. A capture that fails gives a
record that covers the header line only; the bytes behind it are parsed again as text, so that a panic that was printed
into the picture is read like any other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from espmon.model.rom_banners import BANNER_REACH, RESET_BANNER
from espmon.records.limits import Limits
from espmon.records.record import JsonObject, PayloadRecord
from espmon.records.span import MORE, Bytes, Found, More, Outcome, Setup, Where
from espmon.records.spans.header_lines import end_line, header_line
from espmon.records.spans.png_chunks import PngWalk, picture_noun

HEADER = re.compile(rb"PNG_BEGIN (\d{1,20}) *\r{0,2}\n")
END = b"PNG_END"


class Png(PayloadRecord):
    """A screenshot. `payload` is the PNG file."""

    __slots__ = ("height", "width")

    type: ClassVar[str] = "png"

    def __init__(
        self,
        offset: int,
        length: int,
        time: float | None,
        *,
        payload: bytes = b"",
        width: int = 0,
        height: int = 0,
        error: str | None = None,
        complete: bool = True,
    ) -> None:
        super().__init__(offset, length, time, payload=payload, complete=complete, error=error)
        self.width = width
        self.height = height

    @property
    def pixels(self) -> tuple[int, int]:
        """Its size."""
        return self.width, self.height

    @property
    def noun(self) -> str:
        """With its size in pixels, where that is known."""
        return picture_noun(self.pixels)

    def about(self) -> JsonObject:
        """The fields of a `png` in JSON, without the digest."""
        return {"width": self.width, "height": self.height, **super().about()}


class PngCapture:
    """A screenshot in progress."""

    kind = "png"
    lines = 0

    def __init__(self, header: int, size: int, where: Where, limits: Limits) -> None:
        self._header = header
        self._size = size
        self._where = where
        self._walk = PngWalk(size or limits.png)
        self._searched = header

    @property
    def expected(self) -> int | None:
        """Bytes in all, without the end line; None when the PNG delimits itself."""
        return self._header + self._size if self._size else None

    def scan(self, data: Bytes, start: int) -> Outcome | None:
        """Read on."""
        body = start + self._header
        if not self._size and self._walk.end is None and bytes(data[body : body + 1]) != b"\x89":
            failed = self._encoder_failed(data, start, idle=False)
            if failed is None or isinstance(failed, Outcome):
                return failed
        stop = min(len(data), body + self._size) if self._size else len(data)
        decided = self._walk.scan(data, body, stop)
        # A banner decides if it stands before what the chunks decided: with smaller reads it would have been first.
        reach = body + (self._walk.seen if self._walk.error else self._walk.end or 0) if decided else stop
        banner = self._banner(data, start, reach)
        if banner is not None:
            have = banner - body
            return self._failed(f"the board restarted after {have} bytes", have)
        if self._walk.error is not None:
            return self._failed(self._walk.error, self._walk.seen)
        if not decided and self._size and stop - body == self._size:
            return self._failed(f"the PNG does not end within the {self._size} bytes of the header", self._size)
        return self._finish(data, start, idle=False) if decided else None

    def idle(self, data: Bytes, start: int) -> Outcome | None:
        """End if only the end line's own line end is missing."""
        if self._walk.end is not None:
            return self._finish(data, start, idle=True)
        failed = None if self._size else self._encoder_failed(data, start, idle=True)
        return failed if isinstance(failed, Outcome) else None

    def end(self, data: Bytes, start: int, reason: str) -> Outcome:
        """End here: whole if the end line stands, else damaged."""
        done = self.idle(data, start)
        have = len(data) - start - self._header
        if done is None and self._walk.end is not None:
            return self._whole(data, start, self._header + self._walk.end, "PNG_END is missing")
        of = f" of {self._size}" if self._size else ""
        return done or self._failed(f"{reason} after {have}{of} bytes", have)

    def _encoder_failed(self, data: Bytes, start: int, *, idle: bool) -> Outcome | More | None:
        """PNG_END where the signature should be: the device says that encoding failed.

        Returns None to wait for more, MORE when it is no such thing.
        """
        found = end_line(data, start + self._header, END)
        if isinstance(found, tuple):
            stop, final = found
            if final or idle:
                record = Png(
                    self._where.offset, stop - start, self._where.time,
                    error="the device could not encode the picture", complete=False,
                )  # fmt: skip
                return Outcome(stop - start, record)
            return None
        return None if found is MORE else MORE

    def _banner(self, data: Bytes, start: int, stop: int) -> int | None:
        first = start + max(self._header, self._searched - BANNER_REACH)
        self._searched = max(self._searched, stop - start)
        banner = RESET_BANNER.search(data, first, stop)
        return banner.start() if banner else None

    def _finish(self, data: Bytes, start: int, *, idle: bool) -> Outcome | None:
        size = self._walk.end or 0
        if self._size and size != self._size:
            return self._failed(f"the PNG ends at byte {size}, the header said {self._size}", size)
        at = start + self._header + size
        found = end_line(data, at, END)
        if isinstance(found, tuple):
            stop, final = found
            return self._whole(data, start, stop - start, None) if final or idle else None
        if found is MORE:
            return None
        # Every chunk is right, so these bytes are the picture; only the end line is not there.
        return self._whole(data, start, self._header + size, "PNG_END is missing")

    def _whole(self, data: Bytes, start: int, length: int, error: str | None) -> Outcome:
        body = start + self._header
        record = Png(
            self._where.offset, length, self._where.time, payload=bytes(data[body : body + (self._walk.end or 0)]),
            width=self._walk.width, height=self._walk.height, error=error,
        )  # fmt: skip
        return Outcome(length, record)

    def _failed(self, error: str, rejected: int) -> Outcome:
        record = Png(
            self._where.offset, self._header, self._where.time,
            width=self._walk.width, height=self._walk.height, error=error, complete=False,
        )  # fmt: skip
        return Outcome(self._header, record, rejected)


class PngRecognizer:
    """Finds `PNG_BEGIN`, also behind a prompt or an unfinished line."""

    kind = "png"
    triggers: Sequence[bytes] = (b"PNG_BEGIN ",)

    def __init__(self, setup: Setup) -> None:
        self._limits = setup.limits

    def probe(self, data: bytes, at: int, where: Where) -> Found | PngCapture | More | None:
        """Decide about a hit."""
        line = header_line(data, at)
        if line is None or isinstance(line, More):
            return line
        match = HEADER.fullmatch(line)
        if match is None:
            return None
        size = int(match[1])
        if size > self._limits.png:
            error = f"length {size} is above the cap of {self._limits.png} bytes"
            return Found(len(line), Png(where.offset, len(line), where.time, error=error, complete=False))
        return PngCapture(len(line), size, where, self._limits)
