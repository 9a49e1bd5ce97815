"""What the ROM room reads of a chip's entry in `espmon/model/data/chips.json`, typed.

A new chip is a new entry there. What an entry can say is described in its `meta` and by the classes below; the few
rules that are not tables have names (`mac`, `change_baud`) that `espmon.rom.identity` and `espmon.rom.baud_registers`
look up.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from espmon.model.chip_identity import chip_table
from espmon.rom.fields import FeatureRule, Field, NameRule, number


def _optional(value: str | int | None) -> int | None:
    return None if value is None else number(value)


class SpiRegisters(NamedTuple):
    """Where the SPI flash controller's registers are; absolute addresses."""

    cmd: int
    addr: int
    usr: int
    usr1: int
    usr2: int
    mosi_dlen: int | None
    """None on the ESP8266: lengths go into usr1."""

    miso_dlen: int | None
    w0: int
    addr_msb: bool
    """The address stands at the top of its register."""


class Watchdog(NamedTuple):
    """The RTC and the super watchdog."""

    cfg0: int
    cfg1: int
    wprotect: int
    wkey: int
    swd_conf: int | None
    swd_auto_feed_bit: int | None
    swd_wprotect: int | None
    swd_wkey: int | None
    can_reset: bool
    """The RTC watchdog may be used to reset the chip."""

    disable_on_usb: bool
    """Over USB-Serial/JTAG both must be off, or the chip resets in the middle of an operation."""


class Bits(NamedTuple):
    """Some bits of a register."""

    register: int
    mask: int
    min_revision: int = 0
    """They count from this chip revision on."""

    @classmethod
    def load(cls, source: Mapping[str, Any]) -> Bits:
        """Read a register and mask."""
        return cls(number(source["register"]), number(source["mask"]), source.get("min_revision", 0))


class FlashPower(NamedTuple):
    """How the flash chip of some revisions is switched on before it can be attached."""

    revisions: tuple[int, ...]
    on_already: Bits
    """A fuse: from its revision on, the ROM has done it."""

    release: Bits
    """What to clear then, where all of it is set: the ROM would switch the flash on a second time."""

    steps: tuple[tuple[int, int, int, float], ...]
    """(register, value, mask, seconds to wait)."""

    @classmethod
    def load(cls, source: Mapping[str, Any]) -> FlashPower:
        """Read a flash power entry."""
        return cls(
            tuple(source["revisions"]),
            Bits.load(source["on_since"]),
            Bits.load(source["release"]),
            tuple((number(reg), number(value), number(mask), wait) for reg, value, mask, wait in source["steps"]),
        )


class Crystal(NamedTuple):
    """How the crystal's rate is known: fixed, or measured by the UART's divider."""

    fixed_mhz: int | None
    clock: Bits | None
    divider: int
    stub_calibration: int | None
    """Under a stub (ESP32): the register of the slow clock's calibration instead."""

    stub_shift: int
    stub_mask: int
    stub_clock: Bits | None

    @classmethod
    def load(cls, source: Mapping[str, Any]) -> Crystal:
        """Read a crystal entry."""
        stub = source.get("stub")
        return cls(
            source.get("fixed_mhz"),
            Bits.load(source) if "register" in source else None,
            source.get("divider", 1),
            number(stub["calibration"]) if stub else None,
            stub["shift"] if stub else 0,
            number(stub["mask"]) if stub else 0,
            Bits(number(stub["clock"]), number(stub["clock_mask"])) if stub else None,
        )


class UartBuffer(NamedTuple):
    """The ROM variable that tells which console is in use, for revisions below a limit."""

    revision_below: int | None
    address: int
    otg: int | None
    serial_jtag: int | None


class Chip(NamedTuple):
    """All that this room knows of one kind of chip."""

    key: str
    name: str
    chip_id: int | None
    """What GET_SECURITY_INFO says; None for chips that are told apart by a magic register."""

    image_chip_id: int | None
    """What an image's extended header says."""

    magic: tuple[int, ...]
    mac_rule: str
    mac_registers: tuple[int, ...]
    has_eui64: bool
    fields: Mapping[str, Field]
    has_revision: bool
    name_rules: tuple[NameRule, ...]
    name_else: str
    features: tuple[FeatureRule, ...]
    crystal: Crystal
    spi: SpiRegisters
    usb_modes: tuple[str, ...]
    serial_jtag_pid: int | None
    otg_pid: int | None
    otg_block: int | None
    """Most bytes that one RAM block may have over USB-OTG."""

    uart_buffers: tuple[UartBuffer, ...]
    basic_rom: bool
    """Its ROM knows neither SPI_ATTACH nor SPI_SET_PARAMS, unpacks nothing, reads no flash, and counts sectors wrongly
    when it erases."""

    silent_when_secure: bool
    """In secure download mode it refuses even its magic register, and sends no chip id."""

    rom_status_bytes: int
    rom_md5: bool
    security_info_bytes: int | None
    begin_has_encrypt_word: bool
    """The ROM's FLASH_BEGIN and FLASH_DEFL_BEGIN take a fifth word."""

    rom_block: int
    stub_block: int
    ram_block: int
    bootloader_offset: int
    custom_spi_pins: bool
    flash_32bit_addr: bool
    watchdog: Watchdog | None
    otg_watchdog_reset: str | None
    """Over USB-OTG the watchdog has to restart the chip: "always", or "when strapped" (`strap` reads 0)."""

    strap: Bits | None
    """The BOOT pin as it was at the last reset."""

    flash_power: FlashPower | None
    force_download: Bits | None
    """The bit that keeps a chip in download mode over a reset (USB-OTG)."""

    secure_boot: tuple[Bits, ...]
    flash_encryption: Bits | None
    change_baud: Mapping[str, Any] | None
    """What the ROM's CHANGE_BAUDRATE must be told, see `espmon.rom.baud_registers`; None: the rate itself."""

    stub_files: tuple[tuple[int | None, str], ...]
    """(revision below, file name without its ending); empty: no stub exists."""

    stub_never_when: str | None
    """"secure boot" or "revision 0"; no chip takes a stub in secure download mode."""

    def stub_file(self, revision: int) -> str | None:
        """The stub's name for a revision, None where there is none."""
        return next((name for below, name in self.stub_files if below is None or revision < below), None)


def _load_spi(source: Mapping[str, Any]) -> SpiRegisters:
    base = number(source["base"])
    offsets: dict[str, int | None] = {name: value for name, value in source.items() if name not in ("base", "addr_msb")}
    places: dict[str, Any] = {name: None if offset is None else base + offset for name, offset in offsets.items()}
    return SpiRegisters(**places, addr_msb=source["addr_msb"])


def _load_watchdog(source: Mapping[str, Any]) -> Watchdog:
    values: dict[str, Any] = {
        name: number(value) if isinstance(value, str) else value for name, value in source.items()
    }
    return Watchdog(**values)


AS_THEY_ARE = (
    "key", "name", "chip_id", "image_chip_id", "basic_rom", "silent_when_secure", "rom_status_bytes", "rom_md5",
    "security_info_bytes", "begin_has_encrypt_word", "rom_block", "stub_block", "ram_block", "bootloader_offset",
    "custom_spi_pins", "flash_32bit_addr", "otg_watchdog_reset", "change_baud",
)  # fmt: skip
"""Parts of an entry that are numbers, texts or truth values in JSON, too."""


def _load_chip(source: Mapping[str, Any]) -> Chip:
    plain: dict[str, Any] = {name: source[name] for name in AS_THEY_ARE}
    usb = source["usb"]
    watchdog = source["watchdog"]
    security = source["efuse_security"]
    return Chip(
        **plain,
        magic=tuple(map(number, source["magic"])),
        mac_rule=source["mac"]["rule"],
        mac_registers=tuple(map(number, source["mac"]["registers"])),
        has_eui64=bool(source["mac"].get("eui64", False)),
        fields={name: Field.load(field) for name, field in source["fields"].items()},
        has_revision=source["revision"],
        name_rules=tuple(map(NameRule.load, source["name_rules"]["rules"])),
        name_else=source["name_rules"].get("else", f"Unknown {source['name']}"),
        features=tuple(map(FeatureRule.load, source["features"])),
        crystal=Crystal.load(source["crystal"]),
        spi=_load_spi(source["spi"]),
        usb_modes=tuple(usb["modes"]),
        serial_jtag_pid=_optional(usb["serial_jtag_pid"]),
        otg_pid=_optional(usb["otg_pid"]),
        otg_block=usb["otg_block"],
        uart_buffers=tuple(
            UartBuffer(item.get("revision_below"), number(item["address"]), item.get("otg"), item.get("serial_jtag"))
            for item in usb["uart_buffer"] or ()
        ),
        watchdog=_load_watchdog(watchdog) if watchdog else None,
        strap=Bits.load(source["strap"]) if source["strap"] else None,
        flash_power=FlashPower.load(source["flash_power"]) if source["flash_power"] else None,
        force_download=Bits.load(source["force_download"]) if source["force_download"] else None,
        secure_boot=tuple(map(Bits.load, security.get("secure_boot", ()))),
        flash_encryption=Bits.load(security["flash_encryption"]) if "flash_encryption" in security else None,
        stub_files=tuple((item.get("revision_below"), item["name"]) for item in source["stub"]["files"])
        if source["stub"]
        else (),
        stub_never_when=source["stub"]["never_when"] if source["stub"] else None,
    )


SIZE_UNITS = {"KB": 1 << 10, "MB": 1 << 20}


class Chips(NamedTuple):
    """The whole table."""

    chips: Mapping[str, Chip]
    """By key ("esp32c3")."""

    unsupported: Mapping[int, str]
    """Chip ids of silicon that was never sold, with its name."""

    security_flags: Mapping[str, int]
    """Name -> bit number in the security info's flags."""

    flash_sizes: Mapping[int, int]
    """Capacity byte of a flash id -> bytes."""

    flash_sizes_adesto: Mapping[int, int]
    """The same for Adesto, whose ids are built differently."""

    adesto: int
    """Adesto's manufacturer id."""

    def by_chip_id(self, chip_id: int) -> Chip | None:
        """The chip that GET_SECURITY_INFO names."""
        return next((chip for chip in self.chips.values() if chip.chip_id == chip_id), None)

    def by_image_id(self, image_chip_id: int) -> Chip | None:
        """The chip that an image is made for."""
        return next((chip for chip in self.chips.values() if chip.image_chip_id == image_chip_id), None)

    @property
    def silent_when_secure(self) -> Chip:
        """The chip that a loader is which says only that it is in secure download mode."""
        return next(chip for chip in self.chips.values() if chip.silent_when_secure)

    def by_magic(self, magic: int) -> Chip | None:
        """The chip whose ROM has this word at `MAGIC_REGISTER`."""
        return next((chip for chip in self.chips.values() if magic in chip.magic), None)

    def flash_size(self, manufacturer: int, device: int) -> int | None:
        """Bytes of a flash chip by its JEDEC id; None when the id does not tell."""
        if manufacturer == self.adesto:
            return self.flash_sizes_adesto.get(device >> 8 & 0x1F)
        return self.flash_sizes.get(device & 0xFF)


def _sizes(source: Mapping[str, str]) -> dict[int, int]:
    return {int(key, 16): int(text[:-2]) * SIZE_UNITS[text[-2:]] for key, text in source.items()}


MAGIC_REGISTER = 0x40001000
"""A word of the ROM's code that differs between the chips which GET_SECURITY_INFO does not tell apart."""


@cache
def load_chips() -> Chips:
    """The table, read once: nothing writes to it."""
    source = chip_table()
    meta = source["meta"]
    return Chips(
        chips={entry["key"]: _load_chip(entry) for entry in source["chips"]},
        unsupported={int(key): name for key, name in meta["unsupported_chip_ids"].items()},
        security_flags=meta["security_flags"],
        flash_sizes=_sizes(meta["flash_size_ids"]),
        flash_sizes_adesto=_sizes(meta["flash_size_ids_adesto"]),
        adesto=meta["adesto_vendor_id"],
    )
