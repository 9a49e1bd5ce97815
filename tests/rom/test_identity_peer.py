"""The same register contents read by this room's tables and by esptool's chip classes give the same chip."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import pytest
from esptool.cmds import DETECTED_FLASH_SIZES
from esptool.targets import CHIP_DEFS
from esptool.util import FatalError

from espmon.rom import identity
from espmon.rom.chips import Chips, load_chips

CONTENTS = 1000
"""Random register contents a chip."""


class _Registers(dict[int, int]):
    """Register contents made up when first read: mostly few bits, as fuses are, sometimes any."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = random.Random(seed)

    def __missing__(self, register: int) -> int:
        word = self._random.getrandbits(32)
        for _ in range(self._random.randrange(4)):
            word &= self._random.getrandbits(32)
        self[register] = word
        return word


def _peer(key: str, words: _Registers, *, stub: bool = False) -> Any:
    rom_class = CHIP_DEFS[key]
    reader: Any = object.__new__(getattr(rom_class, "STUB_CLASS", None) or rom_class if stub else rom_class)
    reader.secure_download_mode = False
    reader.read_reg = lambda addr, timeout=0: words[addr]
    return reader


@pytest.fixture(scope="module")
def chips() -> Chips:
    return load_chips()


def _cases() -> list[str]:
    return list(CHIP_DEFS)


def _normal(features: list[str]) -> list[str]:
    return [text.removesuffix(" ()") for text in features]


def test_the_table_has_every_chip_that_esptool_has() -> None:
    assert set(load_chips().chips) == set(CHIP_DEFS)


@pytest.mark.parametrize("key", _cases())
def test_description_agrees_on_random_fuses(key: str, chips: Chips) -> None:
    chip = chips.chips[key]
    for seed in range(CONTENTS):
        words = _Registers(seed)
        ours = identity.description(chip, identity.field_values(chip, words))
        theirs = _peer(key, words).get_chip_description()
        assert ours == theirs.replace("unknown", "Unknown"), seed


@pytest.mark.parametrize("key", _cases())
def test_features_agree_on_random_fuses(key: str, chips: Chips) -> None:
    chip = chips.chips[key]
    for seed in range(CONTENTS):
        words = _Registers(seed)
        ours = identity.features(chip, identity.field_values(chip, words))
        assert ours == _normal(_peer(key, words).get_chip_features()), seed


@pytest.mark.parametrize("key", _cases())
def test_addresses_agree_on_random_fuses(key: str, chips: Chips) -> None:
    chip = chips.chips[key]
    for seed in range(CONTENTS):
        words = _Registers(seed)
        peer = _peer(key, words)
        try:
            theirs = bytes(peer.read_mac("BASE_MAC"))
        except FatalError:
            assert identity.mac(chip, words) is None, seed
            continue
        assert identity.mac(chip, words) == theirs, seed
        eui64 = peer.read_mac("EUI64")
        assert identity.eui64(chip, words) == (bytes(eui64) if eui64 else None), seed


@pytest.mark.parametrize("key", _cases())
@pytest.mark.parametrize("stub", [False, True], ids=["rom", "stub"])
def test_crystals_agree_on_random_dividers(key: str, stub: bool, chips: Chips) -> None:
    chip = chips.chips[key]
    for seed in range(CONTENTS):
        words = _Registers(seed)
        for register in identity.crystal_registers(chip, stub=stub):
            words[register] >>= seed % 24  # dividers of usual crystals are small numbers
        peer = _peer(key, words, stub=stub)
        peer._port = SimpleNamespace(baudrate=115200)
        ours = identity.crystal_mhz(chip, words, baud=115200, stub=stub)
        assert ours == peer.get_crystal_freq(), seed


@pytest.mark.parametrize("key", _cases())
def test_secure_boot_and_flash_encryption_agree_on_random_fuses(key: str, chips: Chips) -> None:
    chip = chips.chips[key]
    for seed in range(CONTENTS):
        words = _Registers(seed)
        peer = _peer(key, words)
        ours = identity.fuse_flags(chip, words, identity.field_values(chip, words)["revision"])
        if "secure_boot_en" in ours:
            assert ours["secure_boot_en"] == bool(peer.get_secure_boot_enabled()), seed
        if "flash_encryption" in ours:
            assert ours["flash_encryption"] == bool(peer.get_flash_encryption_enabled()), seed


@pytest.mark.parametrize("key", _cases())
def test_the_chips_numbers_agree(key: str, chips: Chips) -> None:
    chip, peer = chips.chips[key], CHIP_DEFS[key]
    spi = chip.spi
    assert chip.name == peer.CHIP_NAME
    assert chip.image_chip_id == getattr(peer, "IMAGE_CHIP_ID", None)
    assert spi.usr == peer.SPI_REG_BASE + peer.SPI_USR_OFFS
    assert spi.usr1 == peer.SPI_REG_BASE + peer.SPI_USR1_OFFS
    assert spi.usr2 == peer.SPI_REG_BASE + peer.SPI_USR2_OFFS
    assert spi.w0 == peer.SPI_REG_BASE + peer.SPI_W0_OFFS
    assert chip.bootloader_offset == peer.BOOTLOADER_FLASH_OFFSET


def test_flash_sizes_agree_on_every_id(chips: Chips) -> None:
    units = {"KB": 1 << 10, "MB": 1 << 20}
    for capacity in range(256):
        text = DETECTED_FLASH_SIZES.get(capacity)
        theirs = int(text[:-2]) * units[text[-2:]] if text else None
        assert chips.flash_size(0xC8, 0x4000 | capacity) == theirs
