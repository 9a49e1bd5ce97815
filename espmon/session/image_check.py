"""Are the images in flash whole? Each is read and compared with the SHA-256 that its build appended to it."""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

from espmon.rom.app_image import HEADER_BYTES, MAX_SEGMENTS, parse_header
from espmon.rom.flash_regions import RegionResult

if TYPE_CHECKING:
    from espmon.rom.flash_regions import FlashOutcome
    from espmon.rom.loader_session import LoaderSession

SEGMENT_HEADER = struct.Struct("<II")
"""Load address, bytes."""

DIGEST_BYTES = 32
CHECKSUM_BLOCK = 16
"""The checksum is the last byte of a block of so many."""

MAX_ROM_BYTES = 128 << 10
"""The largest image that is read through a ROM, at some 5 KiB a second."""

MAX_IMAGES = 18
"""Bootloader, factory and 16 OTA slots."""


async def check_images(loader_session: LoaderSession, table_at: int | None = None) -> FlashOutcome:
    """Read the partition table, and the bootloader and every application that it names.

    Args:
        loader_session: an open session with the loader.
        table_at: where the partition table is; None: at its usual place.

    Returns:
        A region for each image that could be judged; the warnings name the others.

    Raises:
        RomError: flash cannot be read.
    """
    table = await loader_session.partitions(table_at)
    chip = loader_session.loader.chip
    places = [("bootloader", chip.bootloader_offset, 1 << 20)]
    places += [(row.name, row.offset, row.size) for row in table.partitions if row.type_name == "app"]
    regions, warnings, loader = [], [*table.warnings], table.loader
    for name, address, room in places[:MAX_IMAGES]:
        size = await image_bytes(loader_session, address)
        if size is not None and size > MAX_ROM_BYTES:
            await loader_session.faster()
        why = _why_not(loader_session, size, room)
        if why or size is None:
            warnings.append(f"{name} at 0x{address:x}: {why}")
            continue
        read = await loader_session.read(address, size)
        warnings += read.warnings
        loader = read.loader
        whole = hashlib.sha256(read.data[:-DIGEST_BYTES]).digest() == read.data[-DIGEST_BYTES:]
        regions.append(RegionResult(address, size, name, ok=whole))
    table.action, table.loader, table.regions = "check", loader, regions
    table.warnings = list(dict.fromkeys(warnings))
    return table


def _why_not(loader_session: LoaderSession, size: int | None, room: int) -> str:
    """Why an image is not judged, "" when it can be."""
    if size is None:
        return "no image with a digest of its own (empty, encrypted, or of another kind)"
    if size > room:
        return f"the image claims {size:,} bytes, more than its place has"
    if size > MAX_ROM_BYTES and not loader_session.loader.is_stub:
        return f"{size:,} bytes are too many to read through the ROM alone (pip install 'espmon[stub]')"
    return ""


async def image_bytes(loader_session: LoaderSession, address: int) -> int | None:
    """Bytes of the image at `address`, its SHA-256 included; None where there is none, or none with a digest."""
    header = parse_header((await loader_session.read(address, HEADER_BYTES)).data)
    if header is None or not header.hash_appended or not 0 < header.segments <= MAX_SEGMENTS:
        return None
    at = HEADER_BYTES
    for _ in range(header.segments):
        _, length = SEGMENT_HEADER.unpack((await loader_session.read(address + at, SEGMENT_HEADER.size)).data)
        at += SEGMENT_HEADER.size + length
        if at > 1 << 24:
            return None
    return (at // CHECKSUM_BLOCK + 1) * CHECKSUM_BLOCK + DIGEST_BYTES
