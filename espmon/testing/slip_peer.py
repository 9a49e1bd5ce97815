"""SLIP and packets, written apart from `espmon.rom` so that a mistake there cannot hide itself here."""

from __future__ import annotations

import struct

END, ESCAPE = 0xC0, 0xDB


def encode(payload: bytes) -> bytes:
    """One frame, with both delimiters."""
    return b"\xc0" + payload.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0"


def decode(body: bytes) -> bytes:
    """The payload of what stands between two delimiters."""
    return body.replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb")


def reply(operation: int, value: int, payload: bytes, status: bytes) -> bytes:
    """A framed answer: header, payload, status bytes."""
    return encode(struct.pack("<BBHI", 1, operation, len(payload) + len(status), value) + payload + status)


class Splitter:
    """Cuts a byte stream into whole frames; bytes outside frames are dropped, as the ROM does."""

    MAX_PACKET = 1 << 18

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._inside = False

    def feed(self, data: bytes) -> list[bytes]:
        """The decoded payloads that became complete, empty ones left out."""
        frames: list[bytes] = []
        for byte in data:
            if byte == END:
                if self._inside and self._buffer:
                    frames.append(decode(bytes(self._buffer)))
                    self._inside = False
                else:
                    self._inside = True
                self._buffer.clear()
            elif self._inside and len(self._buffer) < self.MAX_PACKET:
                self._buffer.append(byte)
        return frames
