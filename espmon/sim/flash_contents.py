"""What stands in the simulated board's flash: bootloader, partition table and application, as its boot log tells them.

Layouts: ESP-IDF programmer's guide, "App Image Format" and "Partition Tables". Written apart from the readers of
`espmon.rom.app_image`, so that each is a check of the other.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import xor

from espmon.sim import bootlog
from espmon.sim.firmware_image import Image
from espmon.sim.nvs_image import nvs_partition, ota_data_partition
from espmon.sim.simulated_chips import SimulatedChip

PARTITION_TABLE_AT, PARTITION_TABLE_BYTES = 0x8000, 0xC00

IMAGE_MAGIC, ROW_MAGIC, MD5_MAGIC, DESCRIPTION_MAGIC = 0xE9, 0x50AA, 0xEBEB, 0xABCD5432
CHECKSUM_SEED = 0xEF
MODE_DIO, FREQUENCY_80M = 2, 0xF
FOUR_MEGABYTES, FOUR_MEGABYTES_8266 = 2, 4
"""Codes in the image header."""

NO_WRITE_PROTECT_PIN = 0xEE
ANY_REVISION_OF_MAJOR_1 = 199
DESCRIPTION_BYTES = 256
DESCRIPTION_LOADED_AT = 0x3C000020
XTENSA_ENTRY = 0x40081000

Segment = tuple[int, bytes]
"""Load address, content."""

_DATA: Mapping[str, Callable[[int], bytes]] = {"nvs": nvs_partition, "otadata": ota_data_partition}
"""Label of a partition -> what makes its content, for its size."""


def contents(chip: SimulatedChip, image: Image) -> list[tuple[int, bytes]]:
    """(address, bytes) of everything that the factory wrote; the rest of flash is erased."""
    return [
        (chip.bootloader_at, bootloader(chip)),
        (PARTITION_TABLE_AT, partition_table()),
        *((at, _DATA[label](size)) for _, label, _, _, at, size in bootlog.PARTITIONS if label in _DATA),
        (bootlog.APPLICATION_AT, application(chip, image)),
    ]


def core_dump(dump: bytes) -> tuple[int, bytes]:
    """Where a core dump goes, and its whole partition: erased, then written; a dump that is too large is left out."""
    [(at, size)] = [(row[4], row[5]) for row in bootlog.PARTITIONS if row[1] == "coredump"]
    return at, (dump if len(dump) <= size else b"").ljust(size, b"\xff")


def boot_of(chip: SimulatedChip, data: Sequence[int]) -> str:
    """What a start from this flash comes to: "normal", or the name of a failed boot.

    Where an image begins is all that is looked at: any application counts, and the simulated one runs.
    """
    if data[chip.bootloader_at] != IMAGE_MAGIC:
        return "empty-flash"
    return "normal" if data[bootlog.APPLICATION_AT] == IMAGE_MAGIC else "no-application"


def partition_table() -> bytes:
    """The rows that the boot log shows, and their MD5."""
    rows = b""
    for _, label, _, kinds, offset, size in bootlog.PARTITIONS:
        kind, subtype = (int(word, 16) for word in kinds.split())
        rows += struct.pack("<HBBII16sI", ROW_MAGIC, kind, subtype, offset, size, label.encode(), 0)
    rows += struct.pack("<H14s16s", MD5_MAGIC, b"\xff" * 14, hashlib.md5(rows).digest())
    return rows.ljust(PARTITION_TABLE_BYTES, b"\xff")


def bootloader(chip: SimulatedChip) -> bytes:
    """An image of the segments that the ROM says it loads; their code is not there."""
    lines = "\n".join(chip.loads)
    loads = re.findall(r"^load[: ](0x[0-9a-f]+), ?len[: ](0x[0-9a-f]+|[0-9]+)", lines, re.MULTILINE)
    found = re.search(r"^entry (0x[0-9a-f]+)", lines, re.MULTILINE)
    segments = [(int(address, 0), bytes(int(size, 0))) for address, size in loads]
    return _image(chip, int(found[1], 0) if found else segments[0][0], segments)


def application(chip: SimulatedChip, image: Image) -> bytes:
    """The application: its descriptor and, where the shipped ELF fits the chip, that program."""
    program = image.segments if chip.riscv else []
    entry = image.entry if chip.riscv else XTENSA_ENTRY
    return _image(chip, entry, [(DESCRIPTION_LOADED_AT, description(chip, image)), *program])


def description(chip: SimulatedChip, image: Image) -> bytes:
    """What the build wrote into the application about itself."""
    texts = (bootlog.VERSION, bootlog.PROJECT, bootlog.BUILD_TIME, bootlog.BUILD_DATE, bootlog.IDF)
    sha = bytes.fromhex(bootlog.application_sha(chip, image.sha256))
    described = struct.pack("<I12x32s32s16s16s32s32s", DESCRIPTION_MAGIC, *(text.encode() for text in texts), sha)
    return described.ljust(DESCRIPTION_BYTES, b"\0")


def _image(chip: SimulatedChip, entry: int, segments: Sequence[Segment]) -> bytes:
    """Header, segments, checksum and SHA-256."""
    size = FOUR_MEGABYTES_8266 if chip.key == "esp8266" else FOUR_MEGABYTES
    header = struct.pack("<BBBBI", IMAGE_MAGIC, len(segments), MODE_DIO, size << 4 | FREQUENCY_80M, entry)
    header += struct.pack(
        "<B3xHBHH4xB",
        NO_WRITE_PROTECT_PIN,
        max(chip.chip_id, 0),
        0,
        chip.min_revision,
        ANY_REVISION_OF_MAJOR_1,
        1,
    )
    padded = [(address, data + bytes(-len(data) % 4)) for address, data in segments]
    body = header + b"".join(struct.pack("<II", address, len(data)) + data for address, data in padded)
    checksum = reduce(xor, b"".join(data for _, data in padded), CHECKSUM_SEED)
    # The checksum is the last byte of a block of 16.
    body += bytes(15 - len(body) % 16) + bytes((checksum,))
    return body + hashlib.sha256(body).digest()
