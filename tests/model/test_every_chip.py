"""Every chip of chips.json, through every table that knows chips."""

from __future__ import annotations

import struct
from functools import partial

import pytest

from espmon.model.architecture import ARCHITECTURES, MACHINES
from espmon.model.chip_identity import ChipIdentity, chip_identities, chip_named, chips_by_number
from espmon.model.rom_banners import rom_chip
from espmon.port import list_ports
from espmon.postmortem.core_input import plausible_header
from espmon.postmortem.register_layouts import LAYOUTS
from espmon.postmortem.unwinders import UNWINDERS
from espmon.records.events.reset import ResetEvents
from espmon.records.events.reset_record import Reset
from espmon.rom.chips import load_chips
from espmon.sim.simulated_chips import CHIPS as SIMULATED
from tests.port.test_discovery import port
from tests.records.events.harness import resets

CHIPS = list(chip_identities().values())
GROUPS = {
    "power_on", "deep_sleep", "usb", "external", "jtag", "software", "watchdog", "brownout", "glitch", "efuse",
    "security", "lockup", "unknown",
}  # fmt: skip
WITHOUT_RESET_TABLE = {"esp32e22"}
"""No table of these was published."""


@pytest.fixture(params=CHIPS, ids=[chip.key for chip in CHIPS])
def chip(request: pytest.FixtureRequest) -> ChipIdentity:
    found: ChipIdentity = request.param
    return found


def test_its_architecture_has_a_descriptor_an_unwinder_and_register_layouts(chip: ChipIdentity) -> None:
    architecture = ARCHITECTURES[chip.architecture]
    of_elf = MACHINES[architecture.elf_machine]
    assert of_elf.name in UNWINDERS
    assert of_elf.name in LAYOUTS


def test_the_rom_room_knows_it_by_the_same_numbers(chip: ChipIdentity) -> None:
    of_rom = load_chips().chips[chip.key]
    assert (of_rom.name, of_rom.image_chip_id) == (chip.name, chip.image_chip_id)
    if chip.image_chip_id is not None:
        assert chips_by_number()[chip.image_chip_id] is chip
        assert load_chips().by_image_id(chip.image_chip_id) is of_rom


def test_a_core_dump_with_its_number_is_taken_for_one(chip: ChipIdentity) -> None:
    if chip.image_chip_id is None:
        assert chip.key == "esp8266"  # it writes no core dumps
        return
    assert plausible_header(struct.pack("<III", 1000, chip.image_chip_id << 16 | 0x0104, 0))


def test_its_name_is_read_from_the_line_that_its_rom_prints(chip: ChipIdentity) -> None:
    assert [rom_chip(f"ESP-ROM:{name}-20220101") for name in chip.rom_names] == [chip.key] * len(chip.rom_names)
    assert [rom_chip(f"ets {date} 12:21:46") for date in chip.rom_dates] == [chip.key] * len(chip.rom_dates)
    assert bool(chip.rom_names) != bool(chip.rom_dates)
    for line in SIMULATED[chip.key].rom[:1]:
        assert rom_chip(line) == chip.key


def test_it_is_found_by_the_names_it_goes_by(chip: ChipIdentity) -> None:
    for name in (chip.key, chip.name, f"{chip.name} (QFN56)", *chip.rom_names):
        if name != "esp8684":
            assert chip_named(name) is chip


def test_its_reset_reasons_are_known_or_there_are_explicitly_none(chip: ChipIdentity) -> None:
    assert (not chip.reset_reasons) == (chip.key in WITHOUT_RESET_TABLE)
    assert {reason.group for reason in chip.reset_reasons.values()} <= GROUPS


def cut(chip: ChipIdentity, code: int) -> Reset:
    """A banner of the chip that was cut before the reason's name."""
    if chip.key == "esp8266":
        (reset,) = resets(f" ets Jan  8 2013,rst cause:{code}, boot mode:(3,6)\nload 0x4010f000\n")
        return reset
    banner = "ets Jul 29 2019 12:21:46" if chip.key == "esp32" else f"ESP-ROM:{chip.rom_names[0]}-20220101"
    (reset,) = resets(f"{banner}\nrst:0x{code:x}\nentry 0x40080640\n")
    return reset


def test_a_reset_reason_is_its_own_and_never_a_neighbour_s(chip: ChipIdentity) -> None:
    assert ResetEvents.needles
    for code in range(32):
        reset = cut(chip, code)
        known = chip.reset_reasons.get(code)
        assert (reset.chip, reset.reason) == (chip.key, known.name if known is not None else "unknown")


def test_the_simulated_board_can_be_it(chip: ChipIdentity) -> None:
    simulated = SIMULATED[chip.key]
    assert simulated.title == chip.name
    assert simulated.riscv == (chip.architecture == "riscv")
    assert simulated.bootloader_at == load_chips().chips[chip.key].bootloader_offset
    for code, name in (text.rstrip(")").split(" (") for text in (simulated.power_on, simulated.software)):
        known = chip.reset_reasons.get(int(code, 16))
        assert known is None or known.name == name


def attached(product: int) -> list[object]:
    return [port("/dev/ttyACM0", 0x303A, product, "1", "1-1")]


def test_its_own_usb_is_listed_first_and_under_its_name(chip: ChipIdentity) -> None:
    for kind, product in chip.usb_products.items():
        (found,) = list_ports(source=partial(attached, product))
        assert (found.kind, found.rank) == (kind, 0)
        short = chip.name.removeprefix("ESP32-")
        assert short in found.chip_guess.removeprefix("ESP32-").replace(" or ", ", ").split(", ")


def test_what_looks_like_a_chip_without_an_entry_is_none() -> None:
    assert chip_named("ESP32-C99") is None
    assert chip_named("esp64") is None
    assert [named.key for name in ("ESP32-D0WD-V3", "ESP32-U4WDH", "esp32") if (named := chip_named(name))] == [
        "esp32"
    ] * 3
