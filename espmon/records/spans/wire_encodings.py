"""The wire encodings of frame payloads."""

from __future__ import annotations

import base64
import binascii
import re
import zlib

NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=\r\n]")


class Damaged(Exception):
    """A payload that does not decode; the text says why."""


def unpack(wire: bytes, encoding: str, cap: int) -> bytes:
    """Payload bytes of `wire`. `encoding` is raw, base64, zlib or base64+zlib. Raises Damaged."""
    if encoding.startswith("base64"):
        try:
            wire = base64.b64decode(wire.replace(b"\r", b"").replace(b"\n", b""), validate=True)
        except binascii.Error as error:
            raise Damaged(f"not base64: {error}") from error
    return inflate(wire, cap) if encoding.endswith("zlib") else wire


def inflate(wire: bytes, cap: int) -> bytes:
    """Unpack one whole zlib stream of at most `cap` bytes. Raises Damaged."""
    stream = zlib.decompressobj()
    try:
        payload = stream.decompress(wire, max(cap, 1))  # 0 would mean: without a limit
    except zlib.error as error:
        raise Damaged(f"not a zlib stream: {error}") from error
    if not stream.eof:
        raise Damaged(f"unpacks to more than {cap} bytes" if stream.unconsumed_tail else "the zlib stream is cut")
    if stream.unused_data:
        raise Damaged(f"{len(stream.unused_data)} bytes after the end of the zlib stream")
    return payload
