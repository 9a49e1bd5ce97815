"""What the simulated board's NVS and OTA data partitions hold: as an application in use leaves them.

Layouts: ESP-IDF programmer's guide, "Non-Volatile Storage Library" and "Over The Air Updates (OTA)". Written apart from
the readers of `espmon.rom`, so that each is a check of the other.
"""

from __future__ import annotations

import struct
import zlib

PAGE, SLOT = 4096, 32
ACTIVE = 0xFFFFFFFE
VERSION_2 = 0xFE
U8, U32, I16, TEXT, BLOB_PART, BLOB_HEAD = 0x01, 0x04, 0x12, 0x21, 0x42, 0x48
WHOLE = 0xFF
"""Chunk number of what has no chunks."""

FIELDS: tuple[tuple[str, str, int, int | bytes], ...] = (
    ("nvs.net80211", "sta.ssid", TEXT, b"demo-net\0"),
    ("nvs.net80211", "sta.pswd", TEXT, b"correct horse\0"),
    ("nvs.net80211", "sta.authmode", U8, 3),
    ("storage", "boot_count", U32, 42),
    ("storage", "offset", I16, -17),
    ("storage", "greeting", TEXT, "grüß dich\0".encode()),
    ("storage", "calibration", BLOB_PART, bytes(range(96))),
)
"""(namespace, key, type, value) of what the application keeps."""

REPLACED = ("storage", "boot_count", U32, 41)
"""Written before, and erased when the newer value was there."""

FIRST_SEQUENCE, STATE_ABORTED = 1, 4


def nvs_partition(size: int) -> bytes:
    """One page in use, the others empty."""
    spaces = list(dict.fromkeys(space for space, *_ in FIELDS))
    slots = [(2, _slot(0, U8, 1, WHOLE, name, bytes([1 + number]))) for number, name in enumerate(spaces)]
    slots.append((0, _number(1 + spaces.index(REPLACED[0]), *REPLACED[1:])))
    for space, key, kind, value in FIELDS:
        slots += [(2, slot) for slot in _slots(1 + spaces.index(space), key, kind, value)]
    states = bytearray(b"\xff" * SLOT)
    for at, (state, _) in enumerate(slots):
        states[at // 4] &= ~((3 ^ state) << at % 4 * 2) & 0xFF
    numbered = struct.pack("<IB", 0, VERSION_2) + b"\xff" * 19
    header = struct.pack("<I", ACTIVE) + numbered + struct.pack("<I", zlib.crc32(numbered, 0xFFFFFFFF))
    page = header + bytes(states) + b"".join(slot for _, slot in slots)
    return page.ljust(size, b"\xff")


def _slots(space: int, key: str, kind: int, value: int | bytes) -> list[bytes]:
    if isinstance(value, int):
        return [_number(space, key, kind, value)]
    count = 1 + -(-len(value) // SLOT)
    said = struct.pack("<HHI", len(value), 0xFFFF, zlib.crc32(value, 0xFFFFFFFF))
    chunk = 0 if kind == BLOB_PART else WHOLE
    slots = [_slot(space, kind, count, chunk, key, said)]
    slots += [value[at : at + SLOT].ljust(SLOT, b"\xff") for at in range(0, len(value), SLOT)]
    if kind == BLOB_PART:
        slots.append(_slot(space, BLOB_HEAD, 1, WHOLE, key, struct.pack("<IBBH", len(value), 1, 0, 0xFFFF)))
    return slots


def _number(space: int, key: str, kind: int, value: int) -> bytes:
    # The low half of a type is its bytes, the high half says whether it has a sign.
    return _slot(space, kind, 1, WHOLE, key, value.to_bytes(kind & 0xF, "little", signed=bool(kind & 0x10)))


def _slot(space: int, kind: int, count: int, chunk: int, key: str, data: bytes) -> bytes:
    head, tail = bytes([space, kind, count, chunk]), key.encode().ljust(16, b"\0") + data.ljust(8, b"\xff")
    return head + struct.pack("<I", zlib.crc32(head + tail, 0xFFFFFFFF)) + tail


def ota_data_partition(size: int) -> bytes:
    """An update that did not say that it works: its record is aborted, and the factory application starts."""
    sequence = struct.pack("<I", FIRST_SEQUENCE)
    record = sequence + b"\xff" * 20 + struct.pack("<II", STATE_ABORTED, zlib.crc32(sequence, 0xFFFFFFFF))
    return record.ljust(size, b"\xff")
