"""The header and checksum of an ESP-IDF core dump image: what a capture needs to know that it is whole."""

from __future__ import annotations

import struct
from typing import NamedTuple

from espmon.model.dump_versions import VERSIONS


class Verdict(NamedTuple):
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
    layout = VERSIONS.get(version & 0xFFFF)
    if layout is None:
        return Verdict("unknown", 0, f"core dump version {version:#010x} is not known, its checksum is not checked")
    missing = total - len(image)
    if missing > 0 or total < 8 + layout.checksum_bytes:
        return Verdict("unknown", missing, f"{len(image)} of {total} bytes")
    if layout.is_whole(image[:total]):
        return Verdict("ok", missing, None)
    name = "CRC" if layout.checksum == "crc32" else "SHA256"
    return Verdict("bad", missing, f"the {name} does not match")
