"""The table itself: consistent, complete, and enough to add a chip."""

from __future__ import annotations

from typing import Any

import pytest
from esptool.targets import CHIP_DEFS

from espmon.rom import Loader, identity, load_chips, probe
from espmon.rom.chips import Chip
from tests.rom.virtual import WRITE_REG, Board, run

CHIPS = load_chips()
P4_FUSES = 0x5012D04C
P4_DATE = 0x501153FC
P4_POWERED = 0x5012D034
WATCHDOG_ENABLED = bytes.fromhex("020100d0")


@pytest.fixture(params=list(CHIPS.chips))
def chip(request: pytest.FixtureRequest) -> Chip:
    return CHIPS.chips[request.param]


def test_no_two_chips_share_a_number() -> None:
    numbers = [chip.chip_id for chip in CHIPS.chips.values() if chip.chip_id is not None]
    magic = [word for chip in CHIPS.chips.values() for word in chip.magic]
    assert len(set(numbers)) == len(numbers)
    assert len(set(magic)) == len(magic)


def test_every_chip_can_be_told_by_its_number_or_its_magic(chip: Chip) -> None:
    by_number = CHIPS.by_chip_id(chip.chip_id) if chip.chip_id is not None else None
    by_magic = CHIPS.by_magic(chip.magic[0]) if chip.magic else None
    assert (by_number or by_magic) is chip


def test_every_rule_names_only_fields_that_the_chip_has(chip: Chip) -> None:
    known = {*chip.fields, "revision"}
    for rule in chip.name_rules:
        assert known.issuperset(rule.when.fields)
        assert known.issuperset(field for field, _, _ in rule.append)
    for feature in chip.features:
        assert known.issuperset(feature.when.fields)
        assert known.issuperset(name for name in (feature.field, feature.vendor) if name)


def test_every_named_rule_exists(chip: Chip) -> None:
    assert chip.mac_rule in identity.MAC_RULES


@pytest.mark.parametrize(
    ("manufacturer", "device", "size"),
    [
        (0xC8, 0x4016, 4 << 20),
        (0xEF, 0x4018, 16 << 20),
        (0x20, 0x4012, 256 << 10),
        (0xC8, 0x4019, 32 << 20),
        (0xC2, 0x8039, 32 << 20),
        (0xC8, 0x40EE, None),
        (0x1F, 0x8700, 4 << 20),
        (0x1F, 0x8A01, None),
    ],
)
def test_the_flash_size_follows_from_the_id(manufacturer: int, device: int, size: int | None) -> None:
    assert CHIPS.flash_size(manufacturer, device) == size


def test_the_stub_of_a_p4_depends_on_its_revision() -> None:
    p4 = CHIPS.chips["esp32p4"]
    assert (p4.stub_file(299), p4.stub_file(300)) == ("esp32p4-rev1", "esp32p4")
    assert CHIPS.chips["esp32e22"].stub_file(0) is None


def _revision(number: int) -> int:
    """The P4's fuse word for a revision."""
    major, minor = divmod(number, 100)
    return minor | (major & 3) << 4 | (major >> 2) << 23


def _registers_after_esptool(registers: dict[int, int]) -> dict[int, int]:
    after = dict(registers)
    reader: Any = object.__new__(CHIP_DEFS["esp32p4"])
    reader.secure_download_mode = False
    reader.read_reg = lambda addr, timeout=0: after.get(addr, 0)
    reader.write_reg = lambda addr, value, *rest: after.update({addr: value & 0xFFFFFFFF})
    reader.power_on_flash()
    return after


@pytest.mark.parametrize("revision", [0, 100, 300, 301, 302, 303])
@pytest.mark.parametrize("powered", [0, 1 << 16])
@pytest.mark.parametrize("date", [0, 1, 3, 0xFFFFFFFF])
def test_the_flash_of_a_p4_is_switched_on_as_esptool_does_it(revision: int, powered: int, date: int) -> None:
    registers = {P4_FUSES: _revision(revision), P4_DATE: date, P4_POWERED: powered, 0x501151B8: 0x55555555}

    async def work() -> Board:
        board = Board(chip_id=18, registers=registers, in_loader=True)
        loader = Loader(board)
        await loader.connect()
        await loader.detect()
        await loader.power_flash()
        return board

    ours = run(work())._registers
    theirs = _registers_after_esptool(registers)
    assert {key: value for key, value in ours.items() if value} == {
        key: value for key, value in theirs.items() if value
    }


@pytest.mark.parametrize(
    ("chip_id", "magic", "usb", "strap", "watchdog"),
    [
        (None, 0x7C6, (0x303A, 2), {}, True),
        (None, 0x7C6, (0x303A, 2), {0x3F404038: 8}, False),
        (9, 0, (0x303A, 9), {}, True),
        (9, 0, (0x303A, 9), {0x60004038: 8}, False),
        (9, 0, (0x303A, 0x1001), {}, False),
        (9, 0, None, {}, False),
        (18, 0, (0x303A, 18), {}, True),
        (32, 0, (0x303A, 32), {}, True),
        (5, 0, (0x303A, 0x1001), {}, False),
    ],
    ids=["S2", "S2 strapped high", "S3", "S3 strapped high", "S3 on JTAG", "S3 on UART", "P4", "S31", "C3"],
)
def test_over_usb_otg_the_watchdog_restarts_what_the_lines_cannot(
    chip_id: int | None, magic: int, usb: tuple[int, int] | None, strap: dict[int, int], watchdog: bool
) -> None:
    async def work() -> Board:
        board = Board(chip_id=chip_id, registers={0x40001000: magic, **strap}, usb=usb)
        await probe(board, flash_id=False)
        return board

    board = run(work())
    assert ("hard" not in board.played) == watchdog
    enabled = [data for op, data in board.requests if op == WRITE_REG and data[4:8] == WATCHDOG_ENABLED]
    assert len(enabled) == watchdog
