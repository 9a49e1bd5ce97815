"""Flash over a loader: verified, written, erased and read, through ROM and stub, on flash that behaves like flash."""

from __future__ import annotations

import struct
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from espmon.rom import RomError, RomErrorKind
from espmon.rom.flash_regions import Meter, blocks_of, runs_of
from espmon.rom.flash_write import pack, streams_of
from espmon.rom.flasher import sectors_8266
from espmon.rom.protocol import DATA_HEADER, data_block
from espmon.testing import Operation
from tests.rom.flash_board import FlashBoard
from tests.rom.flash_boards import application, board_for, entered, noise, piece, run, stub_folder

BOTH = pytest.mark.parametrize("stub", [False, True], ids=["rom", "stub"])


@pytest.fixture
def stubs(tmp_path: Path) -> Path:
    return stub_folder(tmp_path)


def on_board(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return run(work())


# -- verify ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["esp32", "esp32c3", "esp32s3"])
def test_verify_works_through_rom_and_uploads_nothing(key: str, stubs: Path) -> None:
    async def work() -> None:
        board = board_for(key)
        board.flash[0x10000:0x10400] = data = noise(0x400)
        outcome = await (await entered(board, stubs)).verify([piece(0x10000, data)])
        assert outcome.ok
        assert outcome.loader == "rom"
        assert board.counts[Operation.MEM_BEGIN] == 0

    on_board(work)


def test_verify_uses_a_stub_where_the_rom_has_no_digest(stubs: Path) -> None:
    async def work() -> None:
        board = board_for("esp8266")
        board.flash[:0x400] = data = noise(0x400)
        outcome = await (await entered(board, stubs)).verify([piece(0, data)])
        assert (outcome.ok, outcome.loader) == (True, "stub")

    on_board(work)


def test_without_a_stub_the_esp8266_says_that_it_cannot_verify() -> None:
    async def work() -> None:
        stay = await entered(board_for("esp8266"))
        with pytest.raises(RomError, match="cannot compute an MD5"):
            await stay.verify([piece(0, b"x")])

    on_board(work)


def test_a_difference_is_narrowed_to_the_first_blocks() -> None:
    async def work() -> None:
        board = board_for()
        data = noise(5 << 16)
        board.flash[0x8000 : 0x8000 + len(data)] = data
        board.flash[0x25000] ^= 1
        board.flash[0x48000] ^= 1
        (region,) = (await (await entered(board)).verify([piece(0x8000, data)])).regions
        assert not region.ok
        assert region.mismatch == [0x20000, 0x40000]
        assert region.md5_file != region.md5_flash

    on_board(work)


def test_a_region_beyond_the_end_of_flash_is_refused_by_verify() -> None:
    async def work() -> None:
        stay = await entered(board_for(size=1 << 20))
        with pytest.raises(RomError, match="beyond the end"):
            await stay.verify([piece(0xFF000, bytes(0x1001))])

    on_board(work)


# -- write ----------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("size", [1, 4095, 4096, 70001, 700003])
def test_what_is_written_is_in_flash_and_verified(size: int, stub: bool, stubs: Path) -> None:
    async def work() -> None:
        board, data = board_for(), noise(size)
        board.flash[:] = bytes(len(board.flash))  # nothing is right by being erased
        outcome = await (await entered(board, stubs if stub else None)).write([piece(0x11000, data)])
        assert outcome.ok
        assert bytes(board.flash[0x11000 : 0x11000 + size]) == data
        assert outcome.regions[0].md5_flash == outcome.regions[0].md5_file
        assert outcome.regions[0].written == size

    on_board(work)


@BOTH
@pytest.mark.parametrize("size", [1, 70001])
def test_nothing_beyond_the_regions_own_sectors_changes(size: int, stub: bool, stubs: Path) -> None:
    async def work() -> None:
        board = board_for()
        board.flash[:] = bytes(len(board.flash))
        await (await entered(board, stubs if stub else None)).write([piece(0x11000, noise(size))])
        end = 0x11000 + -(-size // 4096) * 4096
        assert not any(board.flash[:0x11000])
        assert not any(board.flash[end:])

    on_board(work)


def test_a_region_that_is_right_already_is_not_written() -> None:
    async def work() -> None:
        board = board_for()
        board.flash[0x10000:0x20000] = data = noise(0x10000)
        (region,) = (await (await entered(board)).write([piece(0x10000, data)])).regions
        assert (region.ok, region.written, region.skipped) == (True, 0, len(data))
        assert board.counts[Operation.FLASH_DEFL_BEGIN] == 0

    on_board(work)


def test_what_is_right_already_is_not_said_to_be_written() -> None:
    told: list[str] = []

    async def work() -> None:
        board = board_for()
        board.flash[0x10000:0x20000] = data = noise(0x10000)
        stay = await entered(board, report=lambda step, done, total: told.append(step))
        await stay.write([piece(0x10000, data)])

    on_board(work)
    assert not any(step.startswith("Writing") for step in told)


def test_force_writes_what_is_right_already() -> None:
    async def work() -> None:
        board = board_for()
        board.flash[0x10000:0x20000] = data = noise(0x10000)
        (region,) = (await (await entered(board)).write([piece(0x10000, data)], force=True)).regions
        assert region.written == len(data)

    on_board(work)


def test_only_the_blocks_that_differ_are_written() -> None:
    async def work() -> None:
        board, data = board_for(), noise(8 << 16)
        board.flash[0x10000 : 0x10000 + len(data)] = data
        board.flash[0x45000] ^= 0xFF
        (region,) = (await (await entered(board)).write([piece(0x10000, data)])).regions
        assert (region.written, region.skipped) == (1 << 16, 7 << 16)
        assert bytes(board.flash[0x10000 : 0x10000 + len(data)]) == data

    on_board(work)


def test_when_everything_differs_blocks_are_not_looked_at_one_by_one() -> None:
    async def work() -> None:
        board = board_for()
        await (await entered(board)).write([piece(0x10000, noise(20 << 16))])
        # The whole, three samples, and the whole again after writing.
        assert board.counts[Operation.SPI_FLASH_MD5] <= 6

    on_board(work)


def test_a_small_write_is_not_worth_a_stub(stubs: Path) -> None:
    async def work() -> None:
        board = board_for()
        outcome = await (await entered(board, stubs)).write([piece(0x10000, noise(4096))])
        assert (outcome.loader, board.counts[Operation.MEM_BEGIN]) == ("rom", 0)

    on_board(work)


def test_where_the_rate_cannot_be_raised_a_stub_is_not_worth_it(stubs: Path) -> None:
    async def work() -> None:
        board = board_for(lines=False)
        outcome = await (await entered(board, stubs)).write([piece(0x10000, noise(100_000))])
        assert (outcome.ok, outcome.loader, board.counts[Operation.MEM_BEGIN]) == (True, "rom", 0)

    on_board(work)


def test_the_stub_is_uploaded_once_a_stay(stubs: Path) -> None:
    async def work() -> None:
        board = board_for()
        stay = await entered(board, stubs)
        data = noise(100_000)
        await stay.verify([piece(0x10000, data)])
        await stay.write([piece(0x10000, data)])
        uploads = board.counts[Operation.MEM_END]
        outcome = await stay.verify([piece(0x10000, data)])
        await stay.write([piece(0x10000, noise(100_000, 2))])
        assert outcome.ok
        assert (uploads, board.counts[Operation.MEM_END]) == (1, 1)
        assert len(board.played) == 1

    on_board(work)


def test_a_stub_that_runs_already_is_used_as_it_is(stubs: Path) -> None:
    async def work() -> None:
        board = board_for(lines=False)
        board.stub = True
        outcome = await (await entered(board, stubs)).write([piece(0x10000, noise(100_000))])
        assert (outcome.loader, board.counts[Operation.MEM_BEGIN]) == ("stub", 0)

    on_board(work)


def test_the_esp8266_rom_writes_plain_blocks_and_says_that_nothing_is_verified() -> None:
    async def work() -> None:
        board, data = board_for("esp8266"), noise(100_001)
        outcome = await (await entered(board)).write([piece(0x10000, data)])
        assert bytes(board.flash[0x10000 : 0x10000 + len(data)]) == data
        assert outcome.regions[0].md5_flash == ""
        assert any("not verified" in warning for warning in outcome.warnings)

    on_board(work)


@pytest.mark.parametrize("address", [0, 0x1000, 0x9000, 0xF000, 0x10000])
@pytest.mark.parametrize("sectors", [1, 2, 7, 16, 17, 40])
def test_the_esp8266_rom_is_told_a_number_that_erases_enough(address: int, sectors: int) -> None:
    board = FlashBoard.__new__(FlashBoard)
    board._magic = 0xFFF0C101
    told = sectors_8266(address, sectors * 4096) * 4096
    assert board._really_erased(address, told) >= sectors * 4096


@pytest.mark.parametrize(("key", "words"), [("esp32", 16), ("esp32c3", 20)])
def test_roms_get_the_encrypt_word_that_they_know(key: str, words: int) -> None:
    async def work() -> None:
        board = board_for(key)
        await (await entered(board)).write([piece(0x10000, noise(100))])
        (request,) = [data for op, data in board.requests if op == Operation.FLASH_DEFL_BEGIN]
        assert len(request) == words

    on_board(work)


def test_a_rom_erases_whole_blocks_and_a_stub_is_told_the_exact_size(stubs: Path) -> None:
    async def work(folder: Path | None) -> int:
        board = board_for()
        await (await entered(board, folder)).write([piece(0x10000, noise(20_001))])
        (request,) = [data for op, data in board.requests if op == Operation.FLASH_DEFL_BEGIN]
        size: int = struct.unpack_from("<I", request)[0]
        return size

    assert run(work(None)) == 20 * 1024
    assert run(work(stubs)) == 20_004


def test_progress_never_falls_and_ends_at_all_bytes(stubs: Path) -> None:
    told: list[tuple[str, int, int]] = []

    async def work() -> None:
        board = board_for()
        stay = await entered(board, stubs, report=lambda *row: told.append(row))
        await stay.write([piece(0x10000, noise(300_000)), piece(0x80000, noise(50_000))])

    on_board(work)
    counts = [done for _, done, total in told if total]
    assert counts == sorted(counts)
    assert told[-1][1:] == (350_000, 350_000)


# -- what is refused before anything is erased ----------------------------------------------------------------------


def refusal(board_options: dict[str, Any], pieces: list[Any], key: str = "esp32c3", **options: Any) -> str:
    async def work() -> str:
        board = board_for(key, **board_options)
        stay = await entered(board)
        with pytest.raises(RomError) as caught:
            await stay.write(pieces, **options)
        assert caught.value.kind is RomErrorKind.IMAGE
        assert "Nothing was changed" in str(caught.value)
        assert not board.erased
        assert stay.unfinished is None
        return caught.value.message

    return run(work())


@pytest.mark.parametrize(
    ("options", "pieces", "words"),
    [
        ({}, [piece(0x10000, bytes(0x2000)), piece(0x11000, bytes(1))], "begins inside"),
        ({}, [piece(0x10010, b"x")], "no multiple of 0x1000"),
        ({}, [piece(0, b"no image")], "0xe9"),
        ({"size": 1 << 20}, [piece(0x100000, b"x")], "beyond the end"),
        ({"size": 1 << 20}, [piece(0x10000, application(100))], "4 MB of flash, and 1 MB"),
        ({"crypt_count": 1}, [piece(0x10000, b"x")], "flash encryption is on"),
        ({"flags": 1}, [piece(0x1000, b"x")], "secure boot is on"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], pieces: list[Any], words: str) -> None:
    assert words in refusal(options, pieces)


def test_a_build_for_another_chip_is_refused() -> None:
    assert "for the ESP32-S3, and this is an ESP32-C3" in refusal({}, [piece(0x10000, b"x")], built_for="esp32s3")


def test_an_application_of_another_chip_is_refused() -> None:
    assert "chip id 5" in refusal({}, [piece(0x10000, application(100))], key="esp32s3")


def test_erasing_first_is_refused_with_the_files() -> None:
    refusal({}, [piece(0, b"no image")], erase_first=True)


def test_force_writes_all_the_same_and_repeats_the_reason() -> None:
    async def work() -> None:
        board = board_for()
        outcome = await (await entered(board)).write([piece(0, b"no image")], force=True)
        assert bytes(board.flash[:8]) == b"no image"
        assert any("0xe9" in warning for warning in outcome.warnings)

    on_board(work)


def test_secure_download_mode_writes_unverified_and_says_so_first() -> None:
    async def work() -> None:
        board = board_for(flags=4)
        outcome = await (await entered(board)).write([piece(0x10000, b"data")])
        assert bytes(board.flash[0x10000:0x10004]) == b"data"
        assert outcome.regions[0].md5_flash == ""
        assert any("secure download mode" in warning for warning in outcome.warnings)

    on_board(work)


@pytest.mark.parametrize("action", ["verify", "read"])
def test_secure_download_mode_forbids_reading(action: str) -> None:
    async def work() -> None:
        stay = await entered(board_for(flags=4))
        with pytest.raises(RomError, match="secure download mode"):
            await (stay.verify([piece(0, b"x")]) if action == "verify" else stay.read(0, 16))

    on_board(work)


def test_a_mismatch_on_an_encrypted_chip_is_explained() -> None:
    async def work() -> None:
        outcome = await (await entered(board_for(crypt_count=1))).verify([piece(0x10000, b"x")])
        assert not outcome.ok
        assert any("encrypted content" in warning for warning in outcome.warnings)

    on_board(work)


def test_what_is_read_from_an_encrypted_chip_is_said_to_be_encrypted() -> None:
    async def work() -> None:
        outcome = await (await entered(board_for(crypt_count=1))).read(0, 16)
        assert any("encrypted content" in warning for warning in outcome.warnings)

    on_board(work)


# -- beyond 16 MB ---------------------------------------------------------------------------------------------------


def test_beyond_16_mb_a_rom_is_refused() -> None:
    async def work() -> None:
        stay = await entered(board_for("esp32s3", size=32 << 20))
        with pytest.raises(RomError, match="beyond 16 MB"):
            await stay.write([piece(0x1100000, noise(100_000))])

    on_board(work)


def test_beyond_16_mb_a_stub_with_32_bit_addresses_writes_and_verifies(stubs: Path) -> None:
    async def work() -> None:
        board, data = board_for("esp32s3", size=32 << 20), noise(100_000)
        stay = await entered(board, stubs)
        await stay.write([piece(0x1100000, data)])
        assert bytes(board.flash[0x1100000 : 0x1100000 + len(data)]) == data
        assert (await stay.verify([piece(0x1100000, data)])).ok

    on_board(work)


# -- erase and read -------------------------------------------------------------------------------------------------


@BOTH
def test_a_region_is_erased_and_nothing_else(stub: bool, stubs: Path) -> None:
    async def work() -> None:
        board = board_for()
        board.flash[:] = bytes(len(board.flash))
        outcome = await (await entered(board, stubs if stub else None)).erase(0x3000, 0x242000)
        assert outcome.ok
        assert set(board.flash[0x3000:0x245000]) == {0xFF}
        assert not any(board.flash[:0x3000])
        assert not any(board.flash[0x245000:])

    on_board(work)


@BOTH
def test_the_whole_flash_is_erased(stub: bool, stubs: Path) -> None:
    async def work() -> None:
        board = board_for()
        board.flash[:] = bytes(len(board.flash))
        outcome = await (await entered(board, stubs if stub else None)).erase()
        assert set(board.flash) == {0xFF}
        assert outcome.regions[0].size == 4 << 20

    on_board(work)


@pytest.mark.parametrize(("address", "size"), [(1, 0x1000), (0, 10), (0, 0)])
def test_what_is_not_made_of_sectors_is_not_erased(address: int, size: int) -> None:
    async def work() -> None:
        board = board_for()
        stay = await entered(board)
        with pytest.raises(RomError, match="sectors"):
            await stay.erase(address, size)
        assert not board.erased

    on_board(work)


@pytest.mark.parametrize(("options", "words"), [({"flags": 1}, "secure boot"), ({"crypt_count": 7}, "encryption")])
def test_a_protected_chip_is_not_erased_unless_forced(options: dict[str, Any], words: str) -> None:
    async def work() -> None:
        board = board_for(**options)
        stay = await entered(board)
        with pytest.raises(RomError, match=words):
            await stay.erase(0, 0x1000)
        assert not board.erased
        assert (await stay.erase(0, 0x1000, force=True)).ok

    on_board(work)


@pytest.mark.parametrize(("size", "stub"), [(1, False), (4097, False), (1, True), (4097, True), (300_000, True)])
def test_what_is_read_is_what_is_in_flash(size: int, stub: bool, stubs: Path) -> None:
    async def work() -> None:
        board = board_for()
        board.flash[:] = noise(len(board.flash))
        outcome = await (await entered(board, stubs if stub else None)).read(0x1234, size)
        assert outcome.data == bytes(board.flash[0x1234 : 0x1234 + size])
        assert outcome.regions[0].md5_flash != ""

    on_board(work)


def test_the_esp8266_rom_says_that_it_cannot_read() -> None:
    async def work() -> None:
        stay = await entered(board_for("esp8266"))
        with pytest.raises(RomError, match="cannot read flash"):
            await stay.read(0, 16)

    on_board(work)


# -- rate -----------------------------------------------------------------------------------------------------------


def test_the_rate_is_raised_for_the_stub_and_restored(stubs: Path) -> None:
    async def work() -> None:
        board = board_for()
        stay = await entered(board, stubs)
        await stay.write([piece(0x10000, noise(100_000))])
        assert (board.baud, board.chip_baud) == (921600, 921600)
        await stay.leave()
        assert board.baud == 115200

    on_board(work)


def test_a_board_that_stays_in_its_loader_goes_back_to_its_rate_too(stubs: Path) -> None:
    async def work() -> None:
        board = board_for()
        stay = await entered(board, stubs)
        await stay.write([piece(0x10000, noise(100_000))])
        left = await stay.leave(reset=False)
        assert (board.baud, board.chip_baud, left.after) == (115200, 115200, "download mode")

    on_board(work)


def test_a_wire_that_does_not_carry_the_rate_is_used_at_the_old_one(stubs: Path) -> None:
    class SlowWire(FlashBoard):
        async def write(self, data: bytes, timeout: float = 5.0) -> None:
            if self.baud <= 460800:
                await super().write(data, timeout)

    async def work() -> None:
        board = SlowWire()
        outcome = await (await entered(board, stubs)).write([piece(0x10000, data := noise(100_000))])
        assert bytes(board.flash[0x10000 : 0x10000 + len(data)]) == data
        assert board.baud == 115200
        assert any("staying at 115200 baud" in warning for warning in outcome.warnings)

    on_board(work)


# -- small parts ----------------------------------------------------------------------------------------------------


def test_blocks_are_cut_at_multiples_of_64_kib() -> None:
    assert blocks_of(0x8000, 0x10000) == [(0x8000, 0x8000), (0x10000, 0x8000)]


def test_neighbouring_blocks_are_joined_up_to_a_limit() -> None:
    blocks = [(0, 10), (10, 10), (20, 10), (40, 10)]
    assert runs_of(blocks) == [(0, 30), (40, 10)]
    assert runs_of(blocks, 20) == [(0, 20), (20, 10), (40, 10)]


def test_packets_say_what_they_become() -> None:
    packed = pack(noise(5000) + bytes(5000), 1024, compress=True)
    assert sum(packed.unpacked) == packed.size == 10000
    assert all(len(payload) <= DATA_HEADER.size + 1024 for payload, _ in packed.packets)


def test_plain_packets_are_filled_to_whole_blocks() -> None:
    packed = pack(b"abc", 1024, compress=False)
    assert packed.packets == (data_block(b"abc".ljust(1024, b"\xff"), 0),)


def test_streams_begin_short_and_never_join_what_is_apart() -> None:
    whole = blocks_of(0x10000, 6 << 20)
    assert [size for _, size in streams_of(whole)] == [128 << 10, 512 << 10, 4 << 20, (2 << 20) - (640 << 10)]
    apart = [whole[0], whole[2], whole[3], whole[9]]
    assert streams_of(apart) == [whole[0], (whole[2][0], 128 << 10), whole[9]]
    assert streams_of([]) == []


def test_the_meter_never_goes_back() -> None:
    told: list[int] = []
    meter = Meter(lambda step, done, total: told.append(done))
    meter.begin(100)
    meter.tell("a", 30)
    meter.tell("a", 10)
    meter.next(50)
    meter.tell("b", 5)
    meter.tell("b", 500)
    assert told == [30, 30, 55, 100]
