"""Which application starts, and why: the OTA data partition, read as the second stage bootloader reads it.

Layout and rules: ESP-IDF programmer's guide, "Over The Air Updates (OTA)", and `esp_ota_select_entry_t` of
`bootloader_support`. Pure functions over bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

from espmon.rom.app_image import Partition

OTA_DATA_BYTES = 0x2000
SELECT_AT = (0, 0x1000)
"""Two records, a sector each, so that one is whole at any moment."""

SELECT = struct.Struct("<I20sII")
"""Sequence number, label (unused), state, CRC32 of the sequence number."""

NONE = 0xFFFFFFFF
CRC_START = 0xFFFFFFFF
SLOTS = range(0x10, 0x20)
"""Subtypes of `ota_0` to `ota_15`."""

FACTORY = 0x00


class ImageState(IntEnum):
    """What is known of the application that a record chose."""

    NEW = 0
    PENDING_VERIFY = 1
    VALID = 2
    INVALID = 3
    ABORTED = 4
    UNDEFINED = NONE


MEANINGS: Mapping[ImageState, str] = {
    ImageState.NEW: "new: has not started yet",
    ImageState.PENDING_VERIFY: "pending verify: started once, and has not said that it works",
    ImageState.VALID: "valid: has said that it works",
    ImageState.INVALID: "invalid: has said that it does not work",
    ImageState.ABORTED: "aborted: did not say that it works before it was reset",
    ImageState.UNDEFINED: "undefined: rollback is not in use",
}

REFUSED = frozenset({ImageState.INVALID, ImageState.ABORTED})
"""States in which the bootloader passes over a record."""


class OtaSelect(NamedTuple):
    """One of the two records."""

    sequence: int
    state: ImageState | int
    """The number itself where it has no meaning."""

    crc: int
    erased: bool
    """Nothing was ever written there."""

    @property
    def crc_ok(self) -> bool:
        """Whether the CRC is that of the sequence number."""
        return self.crc == sequence_crc(self.sequence)

    @property
    def usable(self) -> bool:
        """Whether the bootloader goes by it."""
        return self.sequence != NONE and self.crc_ok and self.state not in REFUSED

    @property
    def state_text(self) -> str:
        """The state for people."""
        return MEANINGS[self.state] if isinstance(self.state, ImageState) else f"0x{self.state:x}: no state known"

    @property
    def verdict(self) -> str:
        """Why the bootloader goes by it, or passes over it."""
        if self.erased:
            return "empty"
        if self.sequence == NONE:
            return "passed over: no sequence number"
        if not self.crc_ok:
            return f"passed over: its CRC is wrong (0x{sequence_crc(self.sequence):08x} would be right)"
        return "passed over: its application was refused" if self.state in REFUSED else "whole"


class OtaChoice(NamedTuple):
    """What the bootloader starts."""

    records: tuple[OtaSelect, ...]
    chosen: int | None
    """Index of the record that decides; None where none does."""

    boots: str | None
    """Name of the partition that starts; None where there is none."""

    reason: str
    """One sentence."""

    notes: tuple[str, ...] = ()
    """What follows from it."""


def sequence_crc(sequence: int) -> int:
    """CRC32 of a sequence number, as the ROM computes it."""
    return zlib.crc32(struct.pack("<I", sequence), CRC_START)


def parse_select(data: bytes) -> OtaSelect:
    """One record; what is missing counts as erased."""
    raw = data[: SELECT.size].ljust(SELECT.size, b"\xff")
    sequence, _, state, crc = SELECT.unpack(raw)
    known = ImageState(state) if state in ImageState._value2member_map_ else state
    return OtaSelect(sequence, known, crc, raw == b"\xff" * SELECT.size)


def slots_of(partitions: Sequence[Partition]) -> list[Partition]:
    """The OTA applications, `ota_0` first."""
    return sorted((row for row in partitions if row.type == 0 and row.subtype in SLOTS), key=lambda row: row.subtype)


def slot_of(sequence: int, slots: Sequence[Partition]) -> Partition | None:
    """The application that a sequence number chooses."""
    return slots[(sequence - 1) % len(slots)] if slots else None


def parse_ota_data(data: bytes, partitions: Sequence[Partition]) -> OtaChoice:
    """What the bootloader starts by this OTA data partition and this partition table.

    Whether the chosen image is whole is not looked at: the bootloader goes on to the next one where it is not.
    """
    records = tuple(parse_select(data[at : at + SELECT.size]) for at in SELECT_AT)
    slots = slots_of(partitions)
    factory = next((row.name for row in partitions if (row.type, row.subtype) == (0, FACTORY)), None)
    if not slots:
        return OtaChoice(records, None, factory, "The partition table has no OTA applications")
    usable = [index for index, record in enumerate(records) if record.usable]
    if not usable:
        empty = all(record.erased for record in records)
        why = "Both records are empty" if empty else "Neither record can be used"
        if factory is not None:
            return OtaChoice(records, None, factory, f"{why}: {factory} starts")
        return OtaChoice(records, None, slots[0].name, f"{why}, and there is no factory application: OTA 0 is tried")
    chosen = max(usable, key=lambda index: records[index].sequence)
    record = records[chosen]
    slot = slots[(record.sequence - 1) % len(slots)]
    rule = f"({record.sequence} - 1) mod {len(slots)} is {(record.sequence - 1) % len(slots)}"
    higher = "the higher sequence number" if len(usable) == 2 else "the only one that can be used"
    reason = f"Record {chosen} has {higher}, {record.sequence}: {rule}, so {slot.name} starts"
    return OtaChoice(records, chosen, slot.name, reason, _notes(records, chosen, slots, factory))


def _notes(
    records: tuple[OtaSelect, ...], chosen: int, slots: Sequence[Partition], factory: str | None
) -> tuple[str, ...]:
    state, other = records[chosen].state, records[1 - chosen]
    previous = slot_of(other.sequence, slots) if other.usable else None
    back = previous.name if previous is not None else factory or slots[0].name
    if state is ImageState.PENDING_VERIFY:
        return (f"With rollback on, the next reset aborts it unless it says first that it works: then {back} starts",)
    if state is ImageState.NEW:
        return (f"With rollback on, it has one start to say that it works; else {back} starts",)
    return ()
