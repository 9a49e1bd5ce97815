"""Where a payload of unknown length ends, found while it arrives: JSON, CBOR, zlib and base64 say it themselves.

Each walk is like `PngWalk`: `scan` reads on and is true once `end` or `error` is known, `seen` is how many bytes that
took. All of them find the same in any cut of the stream.
"""

from __future__ import annotations

import re
import zlib
from typing import Protocol

from espmon.records.cbor import ARRAY, BREAK, BYTES, INDEFINITE, MAP, MAX_DEPTH, SIZES, TAG, TEXT
from espmon.records.limits import Limits
from espmon.records.span import Bytes
from espmon.records.spans.png_chunks import PngWalk
from espmon.records.spans.wire_encodings import NOT_BASE64

JSON_BETWEEN = re.compile(rb'[{}\[\]"]|[^ \t\r\n,:0-9+\-.Eaeflnrstu]')
"""What stands outside of strings and decides something, or cannot stand there."""

JSON_IN_TEXT = re.compile(rb'["\\]|[\x00-\x1f]')
OPEN, CLOSE, QUOTE, BACKSLASH = b"{[", b"}]", ord('"'), ord("\\")
END_LINE = ord("@")
LINE_END = b"\r\n"
SMALL = 64
"""A zlib stream is fed so few bytes one by one; more at once, and one by one again if they decide something."""


class PayloadWalk(Protocol):
    """Follows one payload. Positions are relative to its first byte."""

    end: int | None
    """Where it ends, None while unknown."""

    error: str | None
    """Why it cannot be one (any more), None so far."""

    seen: int
    """Bytes that were needed to know `error`."""

    def scan(self, data: Bytes, start: int, stop: int) -> bool:
        """Read on in `data[start:stop]`. True once `end` or `error` is known."""


class Walk:
    """What the walks share: they step on until something is decided."""

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._at = 0
        self.end: int | None = None
        self.error: str | None = None
        self.seen = 0

    def scan(self, data: Bytes, start: int, stop: int) -> bool:
        """Read on in `data[start:stop]`. True once `end` or `error` is known."""
        while self.end is None and self.error is None:
            if not self._step(data, start, min(stop, start + self._cap)):
                if stop - start < self._cap:
                    return False
                self._wrong(f"does not end within {self._cap} bytes", self._cap)
        return True

    def _step(self, data: Bytes, start: int, stop: int) -> bool:
        """Read on; False when more bytes are needed."""
        raise NotImplementedError

    def _wrong(self, error: str, seen: int) -> bool:
        self.error, self.seen = error, seen
        return True


class JsonWalk(Walk):
    """An object or an array: it ends where its bracket closes. What lies between is judged later."""

    _depth = 0
    _in_text = False

    def _step(self, data: Bytes, start: int, stop: int) -> bool:
        if self._in_text:
            return self._text(data, start, stop)
        if not self._depth and self._at == 0 and stop > start and data[start] not in OPEN:
            return self._wrong("JSON of unknown length begins with { or [", 1)
        hit = JSON_BETWEEN.search(data, start + self._at, stop)
        if hit is None:
            self._at = stop - start
            return False
        sign = data[hit.start()]
        self._at = hit.end() - start
        if sign == QUOTE:
            self._in_text = True
        elif sign in OPEN:
            self._depth += 1
        elif sign in CLOSE:
            self._depth -= 1
            self.end = None if self._depth else self._at
        else:
            return self._wrong(f"byte {self._at - 1} is not JSON", self._at)
        return True

    def _text(self, data: Bytes, start: int, stop: int) -> bool:
        hit = JSON_IN_TEXT.search(data, start + self._at, stop)
        if hit is None:
            self._at = stop - start
            return False
        sign = data[hit.start()]
        if sign == BACKSLASH:
            if hit.end() == stop:
                self._at = hit.start() - start
                return False
            self._at = hit.end() + 1 - start
            return True
        self._at = hit.end() - start
        self._in_text = False
        return sign == QUOTE or self._wrong(f"byte {self._at - 1} is not JSON", self._at)


class CborWalk(Walk):
    """One data item, RFC 8949: its heads say how many bytes and items follow."""

    def __init__(self, cap: int) -> None:
        super().__init__(cap)
        self._open: list[int | None] = [1]  # items that are missing, the outermost first; None: up to the break

    def _step(self, data: Bytes, start: int, stop: int) -> bool:
        have = stop - start
        if have <= self._at:
            return False
        kind, info = data[start + self._at] >> 5, data[start + self._at] & 31
        size = SIZES[info].size if info in SIZES else 0
        if have < self._at + 1 + size:
            return False
        at = self._at
        missing = self._open[-1]
        if data[start + at] == BREAK:
            if missing is not None:
                return self._wrong(f"a break at byte {at} that ends nothing", at + 1)
            self._open.pop()
        elif 28 <= info <= (INDEFINITE - 1 if kind in (BYTES, TEXT, ARRAY, MAP) else INDEFINITE):
            return self._wrong(f"reserved value {info} at byte {at}", at + 1)
        else:
            number = int.from_bytes(data[start + at + 1 : start + at + 1 + size]) if size else info
            skipped = number if kind in (BYTES, TEXT) and info != INDEFINITE else 0
            if at + 1 + size + skipped > self._cap:
                return self._wrong(f"does not end within {self._cap} bytes", at + 1 + size)
            if have < at + 1 + size + skipped:
                return False
            size += skipped
            if missing is not None:
                self._open[-1] = missing - 1
            items = {ARRAY: number, MAP: 2 * number, TAG: 1}.get(kind)
            if items is not None or info == INDEFINITE:
                self._open.append(None if info == INDEFINITE else items)
            if len(self._open) > MAX_DEPTH:
                return self._wrong(f"nested deeper than {MAX_DEPTH}", at + 1 + size)
        self._at = at + 1 + size
        while self._open and self._open[-1] == 0:
            self._open.pop()
        if not self._open:
            self.end = self._at
        return True


def behind_item(payload: bytes) -> int:
    """Bytes behind the first data item of a CBOR payload."""
    walk = CborWalk(len(payload))
    walk.scan(payload, 0, len(payload))
    return len(payload) - (walk.end or 0)


class ZlibWalk(Walk):
    """A zlib stream: it ends behind its checksum."""

    def __init__(self, cap: int) -> None:
        super().__init__(cap)
        self._stream = zlib.decompressobj()
        self._unpacked = 0

    def _step(self, data: Bytes, start: int, stop: int) -> bool:
        first = start + self._at
        if first == stop:
            return False
        piece = bytes(data[first : min(stop, first + self._cap)])
        if len(piece) > SMALL:
            before = self._stream.copy(), self._unpacked
            if not self._feed(piece):
                self._at += len(piece)
                return True
            self._stream, self._unpacked = before
            self.error = None
        for position in range(len(piece)):
            if self._feed(piece[position : position + 1]):
                self.seen = self._at + position + 1
                self.end = None if self.error else self.seen
                return True
        self._at += len(piece)
        return True

    def _feed(self, piece: bytes) -> bool:
        """True when it decides something."""
        try:
            while piece and not self._stream.eof:
                self._unpacked += len(self._stream.decompress(piece, self._cap))
                if self._unpacked > self._cap:
                    return self._wrong(f"unpacks to more than {self._cap} bytes", 0)
                piece = self._stream.unconsumed_tail
        except zlib.error as error:
            return self._wrong(f"not a zlib stream: {error}", 0)
        return self._stream.eof


class Base64Walk(Walk):
    """Base64 text: it ends before the end line, with whose sign no base64 goes on."""

    def _step(self, data: Bytes, start: int, stop: int) -> bool:
        hit = NOT_BASE64.search(data, start + self._at, stop)
        if hit is None:
            self._at = stop - start
            return False
        at = hit.start()
        if data[at] != END_LINE:
            return self._wrong(f"byte {at - start} is not base64", at + 1 - start)
        line = bytes(data[max(start, at - 3) : at])
        self.end = at - start - (len(line) - len(line.rstrip(LINE_END)))
        return True


def walk_for(kind: str, encoding: str, limits: Limits) -> PayloadWalk | None:
    """What finds the end of such a payload, None when nothing in it says where it ends."""
    if encoding.startswith("base64"):
        return Base64Walk(limits.frame)
    if encoding == "zlib":
        return ZlibWalk(limits.frame)
    if kind == "png":
        return PngWalk(limits.png)
    return {"json": JsonWalk, "cbor": CborWalk}[kind](limits.frame) if kind in ("json", "cbor") else None
