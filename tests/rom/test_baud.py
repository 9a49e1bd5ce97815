"""CHANGE_BAUDRATE: the number sent makes up for the crystal that a ROM reckons with."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any

import pytest
from esptool.targets import CHIP_DEFS

from espmon.rom import Loader, RomError, RomErrorKind, identity, load_chips
from espmon.rom import baud_registers as baud
from espmon.rom.protocol import Op
from espmon.testing import MockChannel, Quirks

CHIPS = load_chips()
ABLE = [key for key in CHIPS.chips if key != "esp8266"]
TARGET = 921600


def _sent_by_esptool(key: str, words: dict[int, int]) -> int:
    """The number that esptool's ROM class sends for the same registers."""
    sent: list[int] = []
    reader: Any = object.__new__(CHIP_DEFS[key])
    reader.secure_download_mode = False
    reader.read_reg = lambda addr, timeout=0: words.get(addr, 0)
    reader._port = SimpleNamespace(baudrate=115200)
    reader.IS_STUB = False
    reader.command = lambda op, data=b"", *rest, **more: sent.append(struct.unpack_from("<I", data)[0])
    reader._set_port_baudrate = lambda rate: None
    reader.flush_input = lambda: None
    reader.change_baud(TARGET)
    return sent[0]


def _crystal(key: str, mhz: float) -> dict[int, int]:
    chip = CHIPS.chips[key]
    if chip.crystal.clock is None:
        return {}
    return {chip.crystal.clock.register: int(mhz * 1e6 * chip.crystal.divider / 115200)}


@pytest.mark.parametrize("key", ABLE)
@pytest.mark.parametrize("mhz", [26, 40, 48])
@pytest.mark.parametrize("expected", [0, 40, 48])
def test_the_number_is_the_one_that_esptool_sends(key: str, mhz: int, expected: int) -> None:
    chip = CHIPS.chips[key]
    words = _crystal(key, mhz) | {0x60096110: expected << 24, 0x3FF5F06C: 2048 * mhz << 7 // 32, 0x3FF5A010: 160}
    measured = identity.crystal_mhz(chip, words, baud=115200, stub=False)
    assert measured is not None
    assert baud.rom_baud(chip, words, measured, TARGET) == _sent_by_esptool(key, words)


async def test_a_rom_that_cannot_says_so() -> None:
    async with MockChannel("esp8266") as channel:
        loader = Loader(channel)
        await loader.connect()
        await loader.detect()
        with pytest.raises(RomError) as caught:
            await loader.change_baud(TARGET)
    assert caught.value.kind is RomErrorKind.UNSUPPORTED


@pytest.mark.parametrize("key", ABLE)
async def test_chip_and_host_talk_on_at_the_new_rate(key: str) -> None:
    async with MockChannel(key, Quirks(rate_matters=False)) as channel:
        loader = Loader(channel)
        await loader.connect()
        await loader.detect()
        await loader.change_baud(TARGET)
        assert channel.baud == TARGET
        assert await loader.sync()


async def test_a_stub_is_told_the_old_rate_too() -> None:
    async with MockChannel("esp32c3", Quirks(stub_running=True)) as channel:
        loader = Loader(channel)
        await loader.connect()
        await loader.detect()
        await loader.change_baud(TARGET)
        asked = [data for op, data in channel.peer.requests if op == Op.CHANGE_BAUDRATE]
    assert asked == [struct.pack("<II", TARGET, 115200)]
