"""What differs between versions of the core dump format, as tables."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DumpVersion:
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
        return 4 if self.checksum == "crc32" else 32


VERSIONS = {
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
