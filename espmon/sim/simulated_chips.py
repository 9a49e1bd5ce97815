"""What each simulated chip prints before its application runs, read from boot logs and data sheets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from espmon.model.architecture import RISCV
from espmon.model.chip_identity import chip_identities, chip_table


@dataclass(frozen=True)
class SimulatedChip:
    """One row.

    Attributes:
        key: the name esptool takes.
        title: as people write it.
        riscv: the demo ELF's instruction set; Xtensa chips print panics that no ELF here fits.
        chip_id: the number in core dumps and image headers (-1: it has none).
        rom: the first line or lines of the ROM.
        flash_boot: boot value and name for a start from flash.
        download_boot: the same for the loader.
        power_on, software, watchdog: reset codes and names; these are of a chip without a table.
        loads: the segments the ROM loads, as it prints them.
        bootloader_at: where the ROM looks for the bootloader in flash.
        revision: of the silicon, 100 * major + minor; what `fuses` say (0: no fuse is burned).
        min_revision: the lowest that the application runs on.
        fuses: register -> word that is not as the loader's kit has it.
    """

    key: str
    title: str
    riscv: bool
    chip_id: int
    rom: tuple[str, ...]
    flash_boot: str = "0xc (SPI_FAST_FLASH_BOOT)"
    download_boot: str = "0x4 (DOWNLOAD(USB/UART0/1))"
    power_on: str = "0x1 (POWERON)"
    software: str = "0xc (SW_CPU)"
    watchdog: str = "0x7 (TG0_WDT_HPSYS)"
    loads: tuple[str, ...] = (
        "SPIWP:0xee",
        "mode:DIO, clock div:1",
        "load:0x3fcd5820,len:0x1574",
        "load:0x403cc710,len:0xc30",
        "load:0x403ce710,len:0x2f64",
        "entry 0x403cc71a",
    )
    bootloader_at: int = 0
    revision: int = 0
    min_revision: int = 0
    fuses: Mapping[int, int] = field(default_factory=dict)


POWER_ON, SOFTWARE, WATCHDOG = 1, 12, 7
"""Codes of the resets that the board simulates; a chip's entry may have another for its watchdog."""


def _chip(entry: Mapping[str, Any]) -> SimulatedChip:
    said = dict(entry["simulated"])
    codes = {"power_on": POWER_ON, "software": SOFTWARE, "watchdog": said.pop("watchdog", WATCHDOG)}
    reasons = chip_identities()[entry["key"]].reset_reasons
    said |= {name: f"0x{code:x} ({reasons[code].name})" for name, code in codes.items() if code in reasons}
    fuses = {int(register, 16): int(word, 16) for register, word in said.pop("fuses", {}).items()}
    texts: dict[str, Any] = {name: tuple(said.pop(name)) for name in ("rom", "loads") if name in said}
    return SimulatedChip(
        key=entry["key"],
        title=entry["name"],
        riscv=entry["architecture"] == RISCV.name,
        chip_id=-1 if entry["image_chip_id"] is None else entry["image_chip_id"],
        bootloader_at=entry["bootloader_offset"],
        fuses=fuses,
        **texts,
        **said,
    )


CHIPS: Mapping[str, SimulatedChip] = {entry["key"]: _chip(entry) for entry in chip_table()["chips"]}
"""Key -> what that chip prints: `simulated` of its entry in `espmon/model/data/chips.json`."""
