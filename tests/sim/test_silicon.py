"""The loader's chip behaves as silicon does: NOR cells, SPI transfers, attaching, the watchdog, loaded programs."""

from __future__ import annotations

import hashlib
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espmon.rom.chips import Chip, load_chips
from espmon.testing import MockChannel, Operation, Quirks
from espmon.testing.nor_flash import SECTOR, SFDP, SIZE, NorFlash
from espmon.testing.silicon import START, USR_ADDRESS, USR_COMMAND, USR_MISO, USR_MOSI, stub_entries
from tests.sim.test_loader_peer import ask

CHIPS = ("esp8266", "esp32", "esp32c3", "esp32p4")
"""Their SPI controllers differ."""
AT = 0x10000


def words(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


# -- the flash ----------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(0, SIZE + 10), st.binary(min_size=1, max_size=64), st.binary(min_size=1, max_size=64))
def test_programming_clears_bits_and_sets_none(address: int, first: bytes, second: bytes) -> None:
    flash = NorFlash()
    flash.program(address, first)
    flash.program(address, second)
    count = max(0, min(max(len(first), len(second)), SIZE - address))
    padded = (data.ljust(64, b"\xff") for data in (first, second))
    assert flash.read(address, count) == bytes(one & other for one, other in zip(*padded, strict=True))[:count]
    assert len(flash.data) == SIZE
    flash.erase_region(address // SECTOR * SECTOR, 2 * SECTOR)
    assert set(flash.read(address // SECTOR * SECTOR, 2 * SECTOR)) <= {0xFF}


def test_padding_with_ff_wipes_nothing() -> None:
    flash = NorFlash()
    flash.program(AT + 0x400, b"kept")
    flash.begin_plain(words(0x400, 1, 0x1000, AT))
    flash.write_plain_block(words(0x1000, 0, 0, 0) + b"new".ljust(0x1000, b"\xff"))
    assert flash.read(AT, 3) + flash.read(AT + 0x400, 4) == b"newkept"


def test_compressed_blocks_and_their_digest() -> None:
    flash, data = NorFlash(), bytes(range(256)) * 8
    packed = zlib.compress(data)
    flash.begin_defl(words(len(data), 1, len(packed), AT))
    flash.write_defl_block(words(len(packed), 0, 0, 0) + packed)
    flash.write_defl_block(words(4, 0, 0, 0) + b"junk")
    flash.end_defl()
    flash.write_defl_block(words(4, 0, 0, 0) + b"late")
    assert flash.read(AT, len(data)) == data
    assert hashlib.md5(data).hexdigest().encode() in flash.md5_stub_response(words(AT, len(data), 0, 0))


def test_the_sfdp_table_tells_the_size_and_the_erases() -> None:
    assert SFDP[:4] == b"SFDP"
    count, at = SFDP[11], int.from_bytes(SFDP[12:15], "little")
    table = struct.unpack_from(f"<{count}I", SFDP, at)
    assert table[1] + 1 == SIZE * 8
    assert table[0] >> 8 & 0xFF == table[7] >> 8 & 0xFF == 0x20
    assert 1 << (table[7] & 0xFF) == SECTOR


def test_what_changes_the_chip_needs_the_write_enable_latch_each_time() -> None:
    flash = NorFlash()
    flash.command(0x02, AT, b"\x00", 0)
    assert flash.read(AT, 1) == b"\xff"
    for code, address, sent in ((0x02, AT, b"\x00"), (0x20, AT + 5, b""), (0x02, AT, b"\x01"), (0xC7, 0, b"")):
        flash.command(0x06, 0, b"", 0)
        assert flash.command(0x05, 0, b"", 1) == b"\x02"
        flash.command(code, address, sent, 0)
        assert flash.command(0x05, 0, b"", 1) == b"\x00"
        assert flash.read(AT, 1) == (sent or b"\xff")
    flash.command(0x50, 0, b"", 0)
    flash.command(0x01, 0, b"\x1f\x40", 0)
    assert flash.command(0x05, 0, b"", 1) + flash.command(0x35, 0, b"", 1) == b"\x1c\x40"
    flash.command(0x06, 0, b"", 0)
    flash.command(0x04, 0, b"", 0)
    assert flash.command(0x05, 0, b"", 1) == b"\x1c"
    assert flash.command(0x77, 0, b"", 2) == b"\xff\xff"


# -- over the SPI controller, as a host drives it ---------------------------------------------------------------------


async def transfer(channel: MockChannel, chip: Chip, code: int, *, address: int | None = None, read: int = 0) -> int:
    """A command of the user registers; returns the first word that was read."""
    spi = chip.spi
    usr1 = 0 if address is None else 23 << 26
    if spi.miso_dlen is None:
        usr1 |= max(0, 8 * read - 1) << 8
    usr = USR_COMMAND | (USR_ADDRESS if address is not None else 0) | (USR_MISO if read else USR_MOSI)
    writes = {spi.usr1: usr1, spi.usr: usr, spi.usr2: 7 << 28 | code}
    if spi.miso_dlen is not None:
        writes[spi.miso_dlen] = 8 * read - 1
    writes[spi.addr] = (address or 0) << (8 if spi.addr_msb else 0)
    writes |= {spi.w0: 0, spi.cmd: START}
    for register, value in writes.items():
        await ask(channel, Operation.WRITE_REG, words(register, value, 0xFFFFFFFF, 0))
    [done] = await ask(channel, Operation.READ_REG, words(spi.cmd))
    assert not struct.unpack_from("<I", done, 4)[0] & START
    [frame] = await ask(channel, Operation.READ_REG, words(spi.w0))
    return int(struct.unpack_from("<I", frame, 4)[0])


@pytest.mark.parametrize("key", CHIPS)
async def test_each_chip_reads_id_and_sfdp_through_its_own_registers(key: str) -> None:
    chip = load_chips().chips[key]
    async with MockChannel(key) as channel:
        assert await transfer(channel, chip, 0x9F, read=3) == 0x164020
        assert await transfer(channel, chip, 0x5A, address=4, read=4) == int.from_bytes(SFDP[4:8], "little")


async def test_the_flash_answers_only_once_it_is_attached() -> None:
    chip = load_chips().chips["esp32c3"]
    async with MockChannel("esp32c3", Quirks(attach_first=True)) as channel:
        assert await transfer(channel, chip, 0x9F, read=3) == 0xFFFFFF
        for operation in (Operation.FLASH_BEGIN, Operation.FLASH_DEFL_BEGIN, Operation.SPI_FLASH_MD5):
            [frame] = await ask(channel, operation, words(4096, 1, 4096, 0))
            assert frame[8:10] == b"\x01\x06"
        await ask(channel, Operation.SPI_ATTACH, words(0, 0))
        assert await transfer(channel, chip, 0x9F, read=3) == 0x164020
        channel.peer.enter_loader()
        await channel.read(0.3)
        assert await transfer(channel, chip, 0x9F, read=3) == 0xFFFFFF


async def test_the_esp8266_attaches_with_flash_begin_and_a_stub_by_itself() -> None:
    async with MockChannel("esp8266", Quirks(attach_first=True)) as channel:
        await ask(channel, Operation.FLASH_BEGIN, words(0, 0, 0, 0))
        assert await transfer(channel, load_chips().chips["esp8266"], 0x9F, read=3) == 0x164020
    async with MockChannel("esp32s3", Quirks(attach_first=True)) as channel:
        await ask(channel, Operation.MEM_END, words(0, 0x4038_0000))
        assert await transfer(channel, load_chips().chips["esp32s3"], 0x9F, read=3) == 0x164020


# -- resets and programs ------------------------------------------------------------------------------------------


async def test_the_watchdog_resets_a_chip_that_unlocked_and_enabled_it() -> None:
    dog = load_chips().chips["esp32c3"].watchdog
    assert dog is not None
    async with MockChannel("esp32c3") as channel:
        for register, value in ((dog.cfg1, 2000), (dog.cfg0, 1 << 31)):
            await ask(channel, Operation.WRITE_REG, words(register, value, 0xFFFFFFFF, 0))
        assert channel.peer.mode == "loader"  # it was locked
        for register, value in ((dog.wprotect, dog.wkey), (dog.cfg1, 2000), (dog.cfg0, 1 << 31), (dog.wprotect, 0)):
            assert await ask(channel, Operation.WRITE_REG, words(register, value, 0xFFFFFFFF, 0))
        heard = b""
        while b"boot: application" not in heard:
            heard += await channel.read(30.0)
        assert channel.peer.mode == "application"
        assert channel.peer.bitten


async def test_a_watchdog_that_is_switched_off_again_does_not_bite() -> None:
    dog = load_chips().chips["esp32c3"].watchdog
    assert dog is not None
    async with MockChannel("esp32c3") as channel:
        for register, value in ((dog.wprotect, dog.wkey), (dog.cfg1, 2000), (dog.cfg0, 1 << 31), (dog.cfg0, 0)):
            await ask(channel, Operation.WRITE_REG, words(register, value, 0xFFFFFFFF, 0), timeout=30.0)
        assert channel.peer._silicon.bites_at is None


async def test_a_loaded_program_says_that_it_is_not_run_and_says_it_again() -> None:
    async with MockChannel("esp32c3", Quirks(programs=True)) as channel:
        await ask(channel, Operation.MEM_END, words(0, 0x4038_1234))
        heard = b""
        while heard.count(b"0x40381234") < 2:
            heard += await channel.read(30.0)
        assert b"its instructions are not simulated" in heard
        assert not [
            frame for frame in await ask(channel, Operation.SYNC, bytes(36), timeout=0.05) if frame[:1] == b"\x01"
        ]
        channel.peer.enter_loader()
        while b"waiting for download" not in heard:
            heard += await channel.read(30.0)
        assert len([frame for frame in await ask(channel, Operation.SYNC, bytes(36), timeout=30.0) if frame]) == 8


async def test_esptool_s_stubs_are_no_programs() -> None:
    entries = stub_entries()
    assert len(entries) > 8
    async with MockChannel("esp32c3", Quirks(programs=True)) as channel:
        frames = await ask(channel, Operation.MEM_END, words(0, min(entries)), timeout=30.0)
        assert b"OHAI" in frames
