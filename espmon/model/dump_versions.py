"""The versions of the core dump format: what the low half of the version word says."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple


def sha256(body: bytes) -> bytes:
    """The digest itself."""
    import hashlib  # only where there is a dump

    return hashlib.sha256(body).digest()


CHECKSUMS: Mapping[str, tuple[int, Callable[[bytes], bytes]]] = {
    "crc32": (4, lambda body: zlib.crc32(body).to_bytes(4, "little")),
    "sha256": (32, sha256),
}
"""Name -> bytes, and how it is taken over everything before it."""


class DumpVersion(NamedTuple):
    """How a version is laid out: body ("bin" or "elf"), bytes of its header, checksum ("crc32" or "sha256"), and where
    in the header the chip's revision stands (None: nowhere).
    """

    body: str
    header: int
    checksum: str
    revision_at: int | None = None

    @property
    def checksum_bytes(self) -> int:
        """Bytes of the checksum behind the body."""
        return CHECKSUMS[self.checksum][0]

    def is_whole(self, image: bytes) -> bool:
        """Whether the checksum at the end of an image is that of what stands before it."""
        size, checksum = CHECKSUMS[self.checksum]
        return checksum(image[:-size]) == image[-size:]


VERSIONS: Mapping[int, DumpVersion] = {
    0x0001: DumpVersion("bin", 16, "crc32"),
    0x0002: DumpVersion("bin", 20, "crc32"),
    0x0003: DumpVersion("bin", 24, "crc32", 20),
    0x0100: DumpVersion("elf", 20, "crc32"),
    0x0101: DumpVersion("elf", 20, "sha256"),
    0x0102: DumpVersion("elf", 24, "crc32", 20),
    0x0103: DumpVersion("elf", 24, "sha256", 20),
    0x0104: DumpVersion("elf", 12, "sha256", 8),
}
"""Low 16 bits of the version word -> layout."""
