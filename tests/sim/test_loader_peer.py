"""The strict loader: what esp32-mock-bootloader is made into."""

from __future__ import annotations

import asyncio
import hashlib
import struct

import pytest

from espmon.rom.channel import Channel
from espmon.testing import Fault, MockChannel, Operation, Quirks, WireLost
from espmon.testing.slip_peer import Splitter, encode, reply

SYNC = b"\x07\x07\x12\x20" + b"\x55" * 32


def request(operation: int, data: bytes = b"", checksum: int = 0) -> bytes:
    return encode(struct.pack("<BBHI", 0, operation, len(data), checksum) + data)


async def ask(channel: Channel, operation: int, data: bytes = b"", timeout: float = 0.3) -> list[bytes]:
    """All frames that come back until nothing comes for `timeout`."""
    await channel.write(request(operation, data))
    splitter, frames = Splitter(), list[bytes]()
    while chunk := await channel.read(timeout if not frames else 0.02):
        frames += splitter.feed(chunk)
    return frames


async def test_a_strict_rom_answers_with_four_status_bytes() -> None:
    async with MockChannel("esp32") as channel:
        [frame] = await ask(channel, Operation.READ_REG, struct.pack("<I", 0x40001000))
    assert struct.unpack("<BBHI", frame[:8]) == (1, Operation.READ_REG, 4, 0x00F01D83)
    assert frame[8:] == bytes(4)


async def test_the_esp8266_answers_with_two() -> None:
    async with MockChannel("esp8266") as channel:
        [frame] = await ask(channel, Operation.READ_REG, struct.pack("<I", 0x40001000))
    assert frame[2:4] == b"\x02\x00"
    assert len(frame) == 10


async def test_sync_is_answered_eight_times() -> None:
    async with MockChannel() as channel:
        frames = await ask(channel, Operation.SYNC, SYNC)
    assert len(frames) == 8
    assert channel.peer.counts == {Operation.SYNC: 1}


async def test_the_rom_md5_reply_is_44_bytes_long() -> None:
    async with MockChannel() as channel:
        [frame] = await ask(channel, Operation.SPI_FLASH_MD5, struct.pack("<IIII", 0, 4096, 0, 0))
    assert len(frame) == 8 + 32 + 4
    assert frame[8:40].decode() == hashlib.md5(b"\xff" * 4096).hexdigest()


async def test_the_friendly_mock_stays_available() -> None:
    async with MockChannel(quirks=Quirks(strict=False)) as channel:
        [frame] = await ask(channel, Operation.SPI_FLASH_MD5, struct.pack("<IIII", 0, 4096, 0, 0))
    assert len(frame) == 8 + 32 + 2


async def test_the_esp8266_rom_has_no_md5() -> None:
    async with MockChannel("esp8266") as channel:
        [frame] = await ask(channel, Operation.SPI_FLASH_MD5, struct.pack("<IIII", 0, 4096, 0, 0))
    assert frame[8:] == b"\x01\x05"


@pytest.mark.parametrize(("chip", "size"), [("esp32s2", 12), ("esp32c3", 20), ("esp32p4", 20)])
async def test_security_info_has_the_length_of_the_chip(chip: str, size: int) -> None:
    async with MockChannel(chip) as channel:
        [frame] = await ask(channel, Operation.GET_SECURITY_INFO)
    assert len(frame) == 8 + size + 4


async def test_secure_download_mode_sets_its_flag_and_refuses_registers() -> None:
    async with MockChannel("esp32s3", Quirks(secure_download=True, error_repeats=8)) as channel:
        [info] = await ask(channel, Operation.GET_SECURITY_INFO)
        refused = await ask(channel, Operation.READ_REG, struct.pack("<I", 0x40001000))
    assert struct.unpack_from("<I", info, 8)[0] == 1 << 2
    assert struct.unpack_from("<I", info, 20)[0] == 9
    assert len(refused) == 8
    assert {frame[8:] for frame in refused} == {b"\x01\x05\x00\x00"}


async def test_given_registers_win_over_the_mocks() -> None:
    async with MockChannel(quirks=Quirks(registers={0x60008844: 0x11223344})) as channel:
        [frame] = await ask(channel, Operation.READ_REG, struct.pack("<I", 0x60008844))
    assert struct.unpack_from("<I", frame, 4)[0] == 0x11223344


async def test_a_dribble_arrives_byte_by_byte_and_whole() -> None:
    async with MockChannel(quirks=Quirks(chunk=1)) as channel:
        assert len(await ask(channel, Operation.SYNC, SYNC)) == 8


async def test_two_commands_in_one_write_are_both_answered() -> None:
    async with MockChannel() as channel:
        await channel.write(request(Operation.SPI_ATTACH, bytes(8)))
        frames = await ask(channel, Operation.READ_REG, struct.pack("<I", 0x40001000))
    assert [frame[1] for frame in frames] == [Operation.SPI_ATTACH, Operation.READ_REG]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [(Fault.LOSE, 0), (Fault.DUPLICATE, 2), (Fault.REJECT, 1), (Fault.LOSE_BYTE, 1), (Fault.CORRUPT, 1)],
)
async def test_a_fault_hits_the_reply_it_names_and_no_other(fault: Fault, expected: int) -> None:
    good = reply(Operation.SPI_ATTACH, 0, b"", bytes(4))
    async with MockChannel(quirks=Quirks(reply_faults={0: fault})) as channel:
        first = await ask(channel, Operation.SPI_ATTACH, bytes(8), timeout=0.05)
        second = await ask(channel, Operation.SPI_ATTACH, bytes(8))
    assert len(first) == expected
    assert (encode(first[0]) == good) is (fault is Fault.DUPLICATE) if first else True
    assert [encode(frame) for frame in second] == [good]


async def test_a_lost_request_is_not_answered() -> None:
    async with MockChannel(quirks=Quirks(request_faults={0: Fault.LOSE_BYTE})) as channel:
        assert await ask(channel, Operation.SPI_ATTACH, bytes(8), timeout=0.05) == []
        assert len(await ask(channel, Operation.SPI_ATTACH, bytes(8))) == 1


async def test_the_application_is_deaf_until_an_entry_sequence_is_played() -> None:
    async with MockChannel(in_loader=False, enters_with="classic 550 ms") as channel:
        first, second = channel.loader_entries()
        await channel.run_sequence(first)
        await channel.write(request(Operation.SYNC, SYNC))
        assert channel.peer.mode == "application"
        await channel.run_sequence(second)
        text = b""
        while b"waiting for download" not in text:
            text += await channel.read(1.0)
        assert len(await ask(channel, Operation.SYNC, SYNC)) == 8
    assert channel.played == ["classic 50 ms", "classic 550 ms"]
    assert channel.peer.mode == "loader"


async def test_the_stub_starts_answers_with_two_status_bytes_and_dies_in_a_reset() -> None:
    async with MockChannel() as channel:
        frames = await ask(channel, Operation.MEM_END, struct.pack("<II", 0, 0x4038_0000))
        assert frames[-1] == b"OHAI"
        [erased] = await ask(channel, Operation.ERASE_REGION, struct.pack("<II", 0, 4096))
        assert erased[8:] == bytes(2)
        channel.peer.enter_loader()
        assert (await ask(channel, Operation.SYNC, SYNC))[0][4:8] != bytes(4)


async def test_a_stub_that_is_already_there_shows_in_the_sync_value() -> None:
    async with MockChannel(quirks=Quirks(stub_running=True)) as channel:
        frames = await ask(channel, Operation.SYNC, SYNC)
    assert frames[0][4:8] == bytes(4)


async def test_both_sides_must_follow_a_change_of_rate() -> None:
    async with MockChannel() as channel:
        assert await ask(channel, Operation.CHANGE_BAUDRATE, struct.pack("<II", 921600, 0))
        assert await ask(channel, Operation.SPI_ATTACH, bytes(8), timeout=0.05) == []
        await channel.set_baud(921600)
        assert len(await ask(channel, Operation.SPI_ATTACH, bytes(8))) == 1


async def test_a_reset_in_the_middle_boots_the_application() -> None:
    async with MockChannel(quirks=Quirks(reset_after=1)) as channel:
        assert await ask(channel, Operation.SPI_ATTACH, bytes(8))
        await channel.write(request(Operation.SPI_ATTACH, bytes(8)))
        assert b"SPI_FAST_FLASH_BOOT" in await channel.read(1.0)
        assert channel.peer.mode == "application"


async def test_the_wire_is_cut_at_the_byte_named() -> None:
    async with MockChannel(quirks=Quirks(disconnect_at=20)) as channel:
        await channel.write(request(Operation.SYNC, SYNC))
        received = b""
        while len(received) < 20:
            received += await channel.read(1.0)
        with pytest.raises(WireLost):
            await channel.read(1.0)
    assert len(received) == 20


async def test_silence_after_so_many_commands() -> None:
    async with MockChannel(quirks=Quirks(silent_after=1)) as channel:
        assert await ask(channel, Operation.SPI_ATTACH, bytes(8))
        assert await ask(channel, Operation.SPI_ATTACH, bytes(8), timeout=0.05) == []


async def test_boot_log_comes_before_the_first_reply() -> None:
    async with MockChannel(quirks=Quirks(leading_noise=b"I (24) boot: hello\r\n")) as channel:
        await channel.write(request(Operation.SYNC, SYNC))
        assert (await channel.read(1.0)).startswith(b"I (24) boot: hello\r\n")


async def test_without_lines_there_is_nothing_to_play() -> None:
    async with MockChannel(lines=False) as channel:
        assert not channel.has_modem_lines
        assert list(channel.loader_entries()) == []
        assert channel.hard_reset_sequence() is None


async def test_flash_survives_from_one_channel_to_the_next() -> None:
    async with MockChannel() as first:
        first.peer.flash.data[0:4] = b"\xe9abc"
        async with MockChannel(flash=first.peer.flash) as second:
            assert second.peer.flash.data[0:4] == b"\xe9abc"


@pytest.mark.parametrize(
    "operation", [Operation.FLASH_BEGIN, Operation.FLASH_DEFL_BEGIN, Operation.SPI_FLASH_MD5, Operation.CHANGE_BAUDRATE]
)
async def test_a_command_that_is_too_short_is_refused(operation: int) -> None:
    async with MockChannel() as channel:
        [frame] = await ask(channel, operation, b"\0\0")
        assert frame[8:10] == b"\x01\x05"
        assert len(await ask(channel, Operation.SPI_ATTACH, bytes(8))) == 1


async def test_flash_is_read_back_through_the_stub_with_acknowledgements() -> None:
    async with MockChannel() as channel:
        channel.peer.flash.data[0:8192] = bytes(range(256)) * 32
        await ask(channel, Operation.MEM_END, struct.pack("<II", 0, 0x4038_0000))
        await channel.write(request(Operation.READ_FLASH, struct.pack("<IIII", 0, 8192, 4096, 1)))
        splitter, content, digest = Splitter(), b"", b""
        while not digest:
            for frame in splitter.feed(await channel.read(1.0)):
                if frame[:2] == bytes((1, Operation.READ_FLASH)) and not content:
                    continue
                if len(frame) == 16:
                    digest = frame
                else:
                    content += frame
                    await channel.write(encode(struct.pack("<I", len(content))))
        assert content == bytes(range(256)) * 32
        assert digest == hashlib.md5(content).digest()
        assert len(await ask(channel, Operation.SPI_ATTACH, bytes(8))) == 1


@pytest.mark.parametrize("word", [b"\0\0\0\0", b"\1\0\0\0"])
async def test_flash_end_makes_a_rom_start_the_application(word: bytes) -> None:
    async with MockChannel() as channel:
        await channel.write(request(Operation.FLASH_END, word))
        heard = b""
        while b"boot: application" not in heard:
            heard += await channel.read(30.0)
        assert channel.peer.mode == "application"


async def test_flash_end_makes_a_stub_stay_or_go_back_to_the_rom_s_loader() -> None:
    async with MockChannel() as channel:
        await ask(channel, Operation.MEM_END, struct.pack("<II", 0, 0x4038_0000))
        await ask(channel, Operation.FLASH_END, b"\1\0\0\0", timeout=0.1)
        [frame] = await ask(channel, Operation.SPI_ATTACH, bytes(8))
        assert len(frame) == 10  # a stub's answer
        await ask(channel, Operation.FLASH_END, bytes(4), timeout=0.1)
        answers: list[bytes] = []
        for _ in range(30):
            if answers := await ask(channel, Operation.SPI_ATTACH, bytes(8), timeout=1.0):
                break
        assert [len(frame) for frame in answers] == [12]  # a ROM's
        assert channel.peer.mode == "loader"


async def test_bytes_take_their_line_time_when_paced() -> None:
    async with MockChannel(quirks=Quirks(paced=True), baud=9600) as channel:
        loop = asyncio.get_running_loop()
        start = loop.time()
        await ask(channel, Operation.SPI_ATTACH, bytes(8), timeout=1.0)
    # 18 bytes there and 14 back at 960 a second: never faster than the line.
    assert loop.time() - start >= 32 / 960
