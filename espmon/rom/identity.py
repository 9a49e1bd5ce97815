"""What a chip's registers say about it: pure functions over the words that were read.

`registers_of` says which words a chip needs; `espmon.rom.prober` reads them, each once, and gives
them back as a mapping.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from espmon.rom.chips import Chip, UartBuffer
from espmon.rom.fields import FeatureRule, Field, NameRule

Words = Mapping[int, int]
"""Register address -> content."""

CRYSTALS = ((45.0, 48), (33.0, 40), (0.0, 26))
"""(measured above, the crystal it must be), in MHz."""

CRYSTAL_TOLERANCE = 1.0
"""MHz by which a measured rate may be off before it is doubted."""

OLD_ESP8266_OUI = {0: bytes((0x18, 0xFE, 0x34)), 1: bytes((0xAC, 0xD0, 0x74))}
"""The maker's prefix of ESP8266s that keep only a number for it."""


def _mac_two_words(words: Words, registers: tuple[int, ...]) -> bytes | None:
    low, high = (words[register] for register in registers)
    return (high & 0xFFFF).to_bytes(2, "big") + low.to_bytes(4, "big")


def _mac_esp8266(words: Words, registers: tuple[int, ...]) -> bytes | None:
    first, second, fourth = (words[register] for register in registers)
    prefix = (fourth & 0xFFFFFF).to_bytes(3, "big") if fourth else OLD_ESP8266_OUI.get(second >> 16 & 0xFF)
    return prefix and prefix + bytes((second >> 8 & 0xFF, second & 0xFF, first >> 24 & 0xFF))


MAC_RULES: Mapping[str, Callable[[Words, tuple[int, ...]], bytes | None]] = {
    "two_words": _mac_two_words,
    "esp8266_otp": _mac_esp8266,
}
"""The table's `mac.rule` -> how the words make an address."""


def registers_of(chip: Chip) -> list[int]:
    """The registers that fields and MAC need, in the order of the addresses."""
    needed = {part[0] for field in chip.fields.values() for part in field.parts}
    return sorted(needed.union(chip.mac_registers))


def security_registers(chip: Chip) -> list[int]:
    """The registers that tell of secure boot and flash encryption, for chips whose loader does not say."""
    bits = [*chip.secure_boot, *((chip.flash_encryption,) if chip.flash_encryption else ())]
    return sorted({item.register for item in bits})


def _value(field: Field, words: Words) -> int:
    if not field.parts:
        return field.map_else
    value = 0
    for register, lsb, width, to in field.parts:
        value |= (words[register] >> lsb & ((1 << width) - 1)) << to
    return value if field.map is None else field.map.get(value, field.map_else)


def field_values(chip: Chip, words: Words) -> dict[str, int]:
    """All fields of a chip, and `revision` as 100 * major + minor."""
    values = {name: _value(field, words) for name, field in chip.fields.items()}
    zero = [name for name, field in chip.fields.items() if field.zero_when and field.zero_when.holds(values)]
    values.update(dict.fromkeys(zero, 0))
    values["revision"] = 100 * values.get("rev_major", 0) + values.get("rev_minor", 0)
    return values


def _name(rule: NameRule, values: Mapping[str, int]) -> str:
    text = rule.text + "".join(mapping.get(values[field], other) for field, mapping, other in rule.append)
    if "?" in text:
        text = f"Unknown {text}"
    return text + rule.suffix[1] if rule.suffix and rule.suffix[0].holds(values) else text


def name(chip: Chip, values: Mapping[str, int]) -> str:
    """The part's name as its maker sells it ("ESP32-C3 (QFN32)"), without the revision."""
    return next((_name(rule, values) for rule in chip.name_rules if rule.when.holds(values)), chip.name_else)


def revision(chip: Chip, values: Mapping[str, int]) -> str | None:
    """ "v0.4"; None where the chip has no such field."""
    return f"v{values['rev_major']}.{values['rev_minor']}" if chip.has_revision else None


def description(chip: Chip, values: Mapping[str, int]) -> str:
    """Name and revision in one line, as users know it from other tools."""
    version = revision(chip, values)
    return name(chip, values) if version is None else f"{name(chip, values)} (revision {version})"


def _feature(chip: Chip, rule: FeatureRule, values: Mapping[str, int]) -> str | None:
    if not rule.when.holds(values):
        return None
    if rule.field is None:
        return rule.text
    known = values[rule.field] in rule.map
    text = rule.map.get(values[rule.field], rule.other)
    if text is None or rule.vendor is None or not (rule.vendor_always or known) or not values[rule.field]:
        return text  # 0: there is none of it
    vendor = chip.fields[rule.vendor].names.get(values[rule.vendor])
    return f"{text} ({vendor})" if vendor else text


def features(chip: Chip, values: Mapping[str, int]) -> list[str]:
    """What the chip has, radio first."""
    texts = (_feature(chip, rule, values) for rule in chip.features)
    return [text for text in texts if text is not None]


def mac(chip: Chip, words: Words) -> bytes | None:
    """The six bytes of the base MAC address; None when the fuses hold none that can be read."""
    return MAC_RULES[chip.mac_rule](words, chip.mac_registers)


def eui64(chip: Chip, words: Words) -> bytes | None:
    """The eight bytes of the IEEE 802.15.4 address, for chips that have one."""
    address = mac(chip, words)
    if not chip.has_eui64 or address is None:
        return None
    return address[:3] + (words[chip.mac_registers[1]] >> 16).to_bytes(2, "big") + address[3:]


def crystal_registers(chip: Chip, *, stub: bool) -> list[int]:
    """The registers that `crystal_mhz` needs; none when the rate is fixed."""
    crystal = chip.crystal
    if crystal.clock is None:
        return []
    if stub and crystal.stub_calibration is not None and crystal.stub_clock is not None:
        return [crystal.stub_calibration, crystal.stub_clock.register]
    return [crystal.clock.register]


def measured_mhz(chip: Chip, words: Words, *, baud: int, stub: bool) -> float | None:
    """The crystal's rate as the chip measured it against the host's baud rate; None when it is fixed."""
    crystal = chip.crystal
    if crystal.clock is None:
        return None
    if stub and crystal.stub_calibration is not None and crystal.stub_clock is not None:
        calibration = words[crystal.stub_calibration] >> crystal.stub_shift & crystal.stub_mask
        return calibration * 15625 * (words[crystal.stub_clock.register] & crystal.stub_clock.mask) / 40 / 1e6
    return baud * (words[crystal.clock.register] & crystal.clock.mask) / 1e6 / crystal.divider


def crystal_mhz(chip: Chip, words: Words, *, baud: int, stub: bool) -> int | None:
    """The crystal in MHz."""
    measured = measured_mhz(chip, words, baud=baud, stub=stub)
    if measured is None:
        return chip.crystal.fixed_mhz
    # The slow clock's calibration is only known for the two crystals that an ESP32 has.
    calibrated = stub and chip.crystal.stub_calibration is not None
    usual = CRYSTALS[1:] if calibrated else CRYSTALS
    return next((mhz for above, mhz in usual if measured > above), usual[-1][1])


def fuse_flags(chip: Chip, words: Words, chip_revision: int) -> dict[str, bool]:
    """Secure boot and flash encryption as the fuses tell it."""
    flags: dict[str, bool] = {}
    if chip.secure_boot:
        flags["secure_boot_en"] = any(
            words[bits.register] & bits.mask and chip_revision >= bits.min_revision for bits in chip.secure_boot
        )
    if chip.flash_encryption:
        count = (words[chip.flash_encryption.register] & chip.flash_encryption.mask).bit_count()
        flags["flash_encryption"] = count % 2 == 1
    return flags


def usb_mode_from_ids(chip: Chip, ids: tuple[int, int] | None) -> str | None:
    """How the chip hangs on USB as the port's VID and PID tell it; None when they do not."""
    if ids is None:
        return None
    vendor, product = ids
    if vendor != ESPRESSIF_VID:
        return "UART" if chip.usb_modes else None
    if chip.serial_jtag_pid is not None and product == chip.serial_jtag_pid:
        return "USB-Serial/JTAG"
    if chip.otg_pid is not None and product == chip.otg_pid:
        return "USB-OTG"
    return None


ESPRESSIF_VID = 0x303A


def _uart_buffer(chip: Chip, chip_revision: int) -> UartBuffer | None:
    return next((b for b in chip.uart_buffers if b.revision_below is None or chip_revision < b.revision_below), None)


def uart_buffer_register(chip: Chip, chip_revision: int) -> int | None:
    """The ROM variable that tells which console is in use, None where none is known."""
    found = _uart_buffer(chip, chip_revision)
    return found.address if found else None


def usb_mode_from_buffer(chip: Chip, chip_revision: int, word: int) -> str | None:
    """How the chip hangs on USB as that variable tells it."""
    buffer = _uart_buffer(chip, chip_revision)
    if buffer is None:
        return None
    number = word & 0xFF
    if buffer.otg is not None and number == buffer.otg:
        return "USB-OTG"
    return "USB-Serial/JTAG" if buffer.serial_jtag is not None and number == buffer.serial_jtag else "UART"
