"""Walks through the chunks of a PNG while it arrives. Source: the PNG specification, chunk layout and CRC."""

from __future__ import annotations

import struct
import zlib

from espmon.records.span import Bytes

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
"""Chunks that every reader has to know; others begin with a small letter. The third letter of each is a capital."""

CHUNK_OVERHEAD = 12
"""Length, type and CRC of a chunk, 4 bytes each."""


def png_size(data: Bytes) -> tuple[int, int]:
    """Width and height of a picture in pixels, (0, 0) where its first chunk is not there."""
    if data[:8] != SIGNATURE or data[12:16] != b"IHDR" or len(data) < 24:
        return 0, 0
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def picture_noun(pixels: tuple[int, int]) -> str:
    """A picture in a title, with its size where that is known."""
    return f"Screenshot {pixels[0]}x{pixels[1]}" if pixels[0] else "Screenshot"


class PngWalk:
    """Follows one PNG. Positions are relative to its first byte.

    Attributes:
        end: where it ends (behind IEND), None while unknown.
        error: why it cannot be a PNG (any more), None so far.
        seen: bytes that were needed to know `error`.
        width, height: pixels, 0 while unknown.
    """

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._at = 0
        self._signed = False
        self.end: int | None = None
        self.error: str | None = None
        self.seen = 0
        self.width = 0
        self.height = 0

    def scan(self, data: Bytes, start: int, stop: int) -> bool:
        """Read on in `data[start:stop]`. True once `end` or `error` is known."""
        while self.end is None and self.error is None:
            if not self._step(data, start, stop):
                return False
        return True

    def _step(self, data: Bytes, start: int, stop: int) -> bool:
        have = stop - start
        if not self._signed:
            seen = bytes(data[start : min(stop, start + len(SIGNATURE))])
            if not SIGNATURE.startswith(seen):
                self.error = "no PNG signature"
                self.seen = 1 + next(i for i, byte in enumerate(seen) if byte != SIGNATURE[i])
            elif len(seen) == len(SIGNATURE):
                self._signed = True
                self._at = len(SIGNATURE)
            else:
                return False
            return True
        if have < self._at + 8:
            return False
        length, kind = struct.unpack_from(">I4s", data, start + self._at)
        first = self._at == len(SIGNATURE)
        self.seen = self._at + 8
        if not kind.isalpha():
            self.error = f"chunk type {kind!r} at byte {self._at} is not letters"
        elif not kind[2:3].isupper() or (kind[:1].isupper() and kind not in CRITICAL):
            self.error = f"chunk type {kind.decode()} at byte {self._at} is none that PNG knows"
        elif first != (kind == b"IHDR") or (first and length != 13):
            self.error = f"chunk {kind.decode()} at byte {self._at} is out of place"
        elif self._at + length + CHUNK_OVERHEAD > self._cap:
            self.error = f"chunk {kind.decode()} of {length} bytes goes beyond {self._cap} bytes"
        elif have < self._at + length + CHUNK_OVERHEAD:
            return False
        else:
            self._chunk(data, start + self._at, length, kind)
        return True

    def _chunk(self, data: Bytes, at: int, length: int, kind: bytes) -> None:
        (said,) = struct.unpack_from(">I", data, at + 8 + length)
        with memoryview(data) as view, view[at + 4 : at + 8 + length] as body:
            found = zlib.crc32(body)
        self.seen = self._at + length + CHUNK_OVERHEAD
        if said != found:
            self.error = f"chunk {kind.decode()} at byte {self._at}: CRC is {found:08x}, should be {said:08x}"
            return
        if kind == b"IHDR":
            self.width, self.height = struct.unpack_from(">II", data, at + 8)
        self._at += length + CHUNK_OVERHEAD
        if kind == b"IEND":
            self.end = self._at
