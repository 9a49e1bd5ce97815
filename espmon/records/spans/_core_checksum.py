"""The header and checksum of an ESP-IDF core dump image: what a capture needs to know that it is whole."""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass

CRC32, SHA256 = 4, 32
"""Checksum sizes in bytes."""

CHECKSUMS = {
    0x0001: CRC32, 0x0002: CRC32, 0x0003: CRC32, 0x0100: CRC32, 0x0102: CRC32,
    0x0101: SHA256, 0x0103: SHA256, 0x0104: SHA256,
}  # fmt: skip
"""Low half of the version word -> checksum size."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the header and the checksum say about an image."""

    checksum: str
    """"ok", "bad" or "unknown"."""

    missing: int
    """Bytes that the header promises and that are not there (negative: too many)."""

    error: str | None


def judge(image: bytes) -> Verdict:
    """Check an image of any length."""
    if len(image) < 8:
        return Verdict("unknown", 8 - len(image), "it has no header")
    total, version = struct.unpack_from("<II", image)
    size = CHECKSUMS.get(version & 0xFFFF)
    if size is None:
        return Verdict("unknown", 0, f"core dump version {version:#010x} is not known, its checksum is not checked")
    missing = total - len(image)
    if missing > 0 or total < 8 + size:
        return Verdict("unknown", missing, f"{len(image)} of {total} bytes")
    body, said = image[: total - size], image[total - size : total]
    found = zlib.crc32(body).to_bytes(4, "little") if size == CRC32 else hashlib.sha256(body).digest()
    if found == said:
        return Verdict("ok", missing, None)
    name = "CRC" if size == CRC32 else "SHA256"
    return Verdict("bad", missing, f"the {name} does not match")
