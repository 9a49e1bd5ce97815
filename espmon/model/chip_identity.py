"""The chips: `data/chips.json`, one entry each, and of each entry what more than one room uses.

A new chip is a new entry. `espmon.rom.chips` and `espmon.sim.simulated_chips` read the parts of theirs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from espmon.data import load_table


class ResetReason(NamedTuple):
    """What the chip's ROM means by a number behind `rst:`."""

    name: str
    """As the ROM prints it or, where a ROM prints none, as the vendor's headers name it."""

    group: str
    """What it is for a user: "watchdog", "brownout", ... (`espmon.records.events.reset`)."""


class ChipIdentity(NamedTuple):
    """One kind of chip."""

    key: str
    """As esptool spells it: "esp32c3"."""

    name: str
    """As people write it: "ESP32-C3"."""

    architecture: str
    """Name of its `Architecture`."""

    image_chip_id: int | None
    """Its number in image headers and core dumps; None where it has none."""

    rom_names: tuple[str, ...]
    """What the first line of its ROM calls it, behind `ESP-ROM:`."""

    rom_dates: tuple[str, ...]
    """When its ROMs were made, where that is all that they say ("Jul 29 2019", behind `ets`)."""

    usb_products: Mapping[str, int]
    """Kind of its own USB ("usb-serial-jtag", "usb-otg") -> product number; the vendor is Espressif's."""

    prints_reset_names: bool
    """Its ROM prints the names of `reset_reasons`; else they are those of ESP-IDF's headers."""

    reset_reasons: Mapping[int, ResetReason]
    """Code -> reason; empty where no table was published."""


@cache
def chip_table() -> Any:
    """The whole file, read once: nothing writes to it."""
    return load_table(__file__, "chips.json")


def _identity(entry: Mapping[str, Any]) -> ChipIdentity:
    usb = entry["usb"]
    return ChipIdentity(
        key=entry["key"],
        name=entry["name"],
        architecture=entry["architecture"],
        image_chip_id=entry["image_chip_id"],
        rom_names=tuple(entry["rom_names"]),
        rom_dates=tuple(entry["rom_dates"]),
        usb_products={
            kind: int(number, 16)
            for kind, number in (("usb-serial-jtag", usb["serial_jtag_pid"]), ("usb-otg", usb["otg_pid"]))
            if number is not None
        },
        prints_reset_names=entry["reset_names"] == "rom",
        reset_reasons={int(code): ResetReason(*row) for code, row in entry["reset_reasons"].items()},
    )


@cache
def chip_identities() -> Mapping[str, ChipIdentity]:
    """Key -> chip, of every chip there is an entry for."""
    return {entry["key"]: _identity(entry) for entry in chip_table()["chips"]}


@cache
def chips_by_number() -> Mapping[int, ChipIdentity]:
    """Number in image headers and core dumps -> chip."""
    return {chip.image_chip_id: chip for chip in chip_identities().values() if chip.image_chip_id is not None}


def chip_named(text: str) -> ChipIdentity | None:
    """Returns the chip that a log, a dump or a probe names: "esp32c3", "ESP32-C3 (QFN32)", "ESP32-D0WD"; None for a
    chip that has no entry.
    """
    name = text.strip().lower().replace("-", "")
    found = max((chip for chip in chip_identities().values() if name.startswith(chip.key)), key=_length, default=None)
    # Of the first chip there are models (D0WD, U4WDH): what looks like another chip is none of them.
    return None if found is not None and found.key == "esp32" and OTHER_CHIP.match(name) else found


OTHER_CHIP = re.compile(r"esp32[a-z]\d{1,2}(?![a-z\d])")


def _length(chip: ChipIdentity) -> int:
    return len(chip.key)
