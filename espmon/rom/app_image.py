"""What stands in flash: application images, their descriptors, and the partition table. Pure functions over bytes.

Layouts: ESP-IDF programmer's guide, "App Image Format" and "Partition Tables".
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from espmon.data import load_table

IMAGE_MAGIC = 0xE9
HEADER_BYTES = 24
"""Image header with its extension; the ESP8266 has the first 8 bytes only."""

DESCRIPTION_MAGIC = 0xABCD5432
DESCRIPTION_AT = 32
"""The application descriptor follows the image header and the header of the first segment."""

DESCRIPTION = struct.Struct("<IIII32s32s16s16s32s32s")

PARTITION_TABLE_AT = 0x8000
"""Where the partition table is unless a project moved it."""

PARTITION_TABLE_BYTES = 0xC00
PARTITION = struct.Struct("<HBBII16sI")
PARTITION_MAGIC, PARTITION_MD5, PARTITION_END = 0x50AA, 0xEBEB, 0xFFFF
MAX_PARTITIONS = 95

ANY_REVISION = frozenset({0, 0xFFFF})
MAX_SEGMENTS, MAX_FLASH_MODES = 16, 6

FLASH_SIZES: Mapping[int, int] = {code: (1 << 20) << code for code in range(8)}
"""High half of the image header's third byte -> bytes of flash it was built for."""

FLASH_SIZES_8266: Mapping[int, int] = {
    0: 512 << 10, 1: 256 << 10, 2: 1 << 20, 3: 2 << 20, 4: 4 << 20, 5: 2 << 20, 6: 4 << 20, 8: 8 << 20, 9: 16 << 20,
}  # fmt: skip


class PartitionType(NamedTuple):
    """A type of partitions, and its subtypes by number."""

    name: str
    subtypes: Mapping[int, str]


@cache
def _partition_types() -> Mapping[int, PartitionType]:
    return {
        int(number, 16): PartitionType(row["name"], {int(code, 16): name for code, name in row["subtypes"].items()})
        for number, row in load_table(__file__, "partition_types.json").items()
    }


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")


class ImageHeader(NamedTuple):
    """The start of a bootloader or application image."""

    segments: int
    flash_size: int | None
    """Bytes of flash that it was built for; None for a code that is not known."""

    entry: int
    chip_id: int | None
    """Image chip id; None on the ESP8266, which has none."""

    min_revision: int
    """Lowest chip revision, major * 100 + minor."""

    max_revision: int
    """Highest chip revision; `ANY_REVISION` where the build set no limit."""

    hash_appended: bool


class AppDescription(NamedTuple):
    """What the build wrote into the application about itself."""

    project: str
    version: str
    idf: str
    built: str
    elf_sha256: str

    def to_json(self) -> dict[str, Any]:
        """The descriptor as `espmon flash info --json` has it."""
        return self._asdict()


class Partition(NamedTuple):
    """One row of the partition table."""

    name: str
    type: int
    subtype: int
    offset: int
    size: int
    encrypted: bool
    readonly: bool

    @property
    def type_name(self) -> str:
        """ "app", "data", or the number."""
        known = _partition_types().get(self.type)
        return known.name if known else f"0x{self.type:02x}"

    @property
    def subtype_name(self) -> str:
        """ "factory", "ota_0", "nvs", or the number."""
        known = _partition_types().get(self.type)
        return (known.subtypes if known else {}).get(self.subtype, f"0x{self.subtype:02x}")

    def to_json(self) -> dict[str, Any]:
        """The row as `espmon flash info --json` has it."""
        return self._asdict() | {"type": self.type_name, "subtype": self.subtype_name}


def parse_header(data: bytes, *, esp8266: bool = False) -> ImageHeader | None:
    """The image header at the start of `data`; None when there is none."""
    if len(data) < (8 if esp8266 else HEADER_BYTES) or data[0] != IMAGE_MAGIC:
        return None
    segments, _, size_and_speed, entry = struct.unpack_from("<xBBBI", data)
    sizes = FLASH_SIZES_8266 if esp8266 else FLASH_SIZES
    if esp8266:
        return ImageHeader(segments, sizes.get(size_and_speed >> 4), entry, None, 0, 0xFFFF, False)
    chip_id, low_old, minimum, maximum = struct.unpack_from("<HBHH", data, 12)
    return ImageHeader(
        segments, sizes.get(size_and_speed >> 4), entry, chip_id, minimum or low_old * 100, maximum, data[23] == 1
    )


def looks_like_image(data: bytes) -> bool:
    """Whether `data` begins as an image does: magic, a possible number of segments, a known flash mode."""
    return len(data) >= 8 and data[0] == IMAGE_MAGIC and 0 < data[1] <= MAX_SEGMENTS and data[2] < MAX_FLASH_MODES


def parse_description(data: bytes) -> AppDescription | None:
    """The application descriptor of an image; None when it has none (bootloaders, other build systems)."""
    if len(data) < DESCRIPTION_AT + DESCRIPTION.size:
        return None
    magic, _, _, _, version, project, clock, date, idf, sha = DESCRIPTION.unpack_from(data, DESCRIPTION_AT)
    if magic != DESCRIPTION_MAGIC:
        return None
    return AppDescription(_text(project), _text(version), _text(idf), f"{_text(date)} {_text(clock)}", sha.hex())


def image_problems(
    data: bytes, *, chip: str, chip_id: int | None, flash_size: int | None, revision: int | None = None
) -> list[str]:
    """Why an image must not be written to this chip, one line a reason; empty when it may.

    Args:
        data: the file.
        chip: the chip's name, for the messages.
        chip_id: the chip's image id; None on the ESP8266.
        flash_size: bytes of flash found; None when unknown.
        revision: the chip's revision, major * 100 + minor; None when unknown.
    """
    header = parse_header(data, esp8266=chip_id is None)
    if header is None:
        return ["it does not start with an image header (0xe9)"]
    problems = []
    if chip_id is not None and header.chip_id != chip_id:
        problems.append(f"it was built for chip id {header.chip_id}, and this {chip} has {chip_id}")
    elif revision is not None and header.min_revision > revision:
        problems.append(
            f"it needs revision {header.min_revision // 100}.{header.min_revision % 100} or later, "
            f"and this {chip} has {revision // 100}.{revision % 100}"
        )
    elif revision is not None and header.max_revision not in ANY_REVISION and header.max_revision < revision:
        problems.append(
            f"it runs up to revision {header.max_revision // 100}.{header.max_revision % 100}, "
            f"and this {chip} has {revision // 100}.{revision % 100}"
        )
    if flash_size is not None and header.flash_size is not None and header.flash_size > flash_size:
        problems.append(f"it was built for {header.flash_size >> 20} MB of flash, and {flash_size >> 20} MB are there")
    return problems


def parse_partitions(data: bytes) -> tuple[list[Partition], list[str]]:
    """The rows of a partition table, and what is wrong with it (one line each). Empty flash has no rows."""
    rows: list[Partition] = []
    problems: list[str] = []
    for at in range(0, min(len(data), PARTITION_TABLE_BYTES) - PARTITION.size + 1, PARTITION.size):
        magic, kind, subtype, offset, size, label, flags = PARTITION.unpack_from(data, at)
        if magic == PARTITION_END:
            break
        if magic == PARTITION_MD5:
            if hashlib.md5(data[:at]).digest() != data[at + 16 : at + 32]:
                problems.append("the partition table's MD5 does not fit its rows")
            break
        if magic != PARTITION_MAGIC or len(rows) >= MAX_PARTITIONS:
            problems.append(f"row {len(rows)} at 0x{at:x} is no partition (0x{magic:04x})")
            break
        rows.append(Partition(_text(label), kind, subtype, offset, size, bool(flags & 1), bool(flags & 2)))
    return rows, problems


def overlaps(regions: Sequence[tuple[int, int, str]]) -> list[str]:
    """Pairs of regions (address, size, name) that share bytes, one line each."""
    found = []
    before: tuple[int, int, str] | None = None
    for region in sorted(regions):
        if before is not None and region[0] < before[0] + before[1]:
            found.append(
                f"{region[2]} at 0x{region[0]:x} begins inside {before[2]} "
                f"(0x{before[0]:x} to 0x{before[0] + before[1]:x})"
            )
        if before is None or region[0] + region[1] > before[0] + before[1]:
            before = region
    return found
