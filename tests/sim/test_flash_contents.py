"""What the simulated board's flash holds, its boot log tells and its fuses say is one story."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from esptool.bin_image import LoadFirmwareImage
from esptool.targets import CHIP_DEFS

from espmon.cli import flash as flash_command
from espmon.cli import probe as probe_command
from espmon.rom.app_image import image_problems, looks_like_image, parse_description, parse_header, parse_partitions
from espmon.sim import BoardThread, SimulatedBoard, bootlog
from espmon.sim import flash_contents as flash
from espmon.sim.firmware_image import Image
from espmon.sim.scenarios import LOG_LINES
from espmon.sim.simulated_chips import CHIPS, SimulatedChip
from tests.sim.client import Client

every_chip = pytest.mark.parametrize("chip", CHIPS.values(), ids=list(CHIPS))


@pytest.fixture(scope="module")
def program() -> Image:
    return Image()


@every_chip
def test_nothing_overlaps_and_all_fits_below_the_end_of_its_place(chip: SimulatedChip, program: Image) -> None:
    pieces = flash.contents(chip, program)
    ends = [address + len(data) for address, data in pieces]
    assert all(end <= start for end, (start, _) in zip(ends, pieces[1:], strict=False))
    assert len(pieces[-1][1]) <= bootlog.PARTITIONS[3][5]


@every_chip
def test_the_bootloader_stands_where_the_rom_looks(chip: SimulatedChip, program: Image) -> None:
    (address, data), *_ = flash.contents(chip, program)
    assert address == CHIP_DEFS[chip.key].BOOTLOADER_FLASH_OFFSET
    assert looks_like_image(data)


@every_chip
def test_the_boot_log_prints_the_table_that_is_in_flash(chip: SimulatedChip) -> None:
    log = bootlog.application_log(chip, "ab" * 32)
    rows, problems = parse_partitions(flash.partition_table())
    assert problems == []
    shown = re.findall(r"boot: +\d (\w+) .* (\w\w) (\w\w) (\w{8}) (\w{8})", log)
    assert shown == [
        (row.name, f"{row.type:02x}", f"{row.subtype:02x}", f"{row.offset:08x}", f"{row.size:08x}") for row in rows
    ]


def test_the_table_carries_the_md5_of_its_rows() -> None:
    table = bytearray(flash.partition_table())
    table[4] ^= 1
    assert parse_partitions(bytes(table))[1] == ["the partition table's MD5 does not fit its rows"]


@every_chip
def test_the_application_describes_itself_as_in_the_boot_log(chip: SimulatedChip, program: Image) -> None:
    data = flash.application(chip, program)
    log = bootlog.application_log(chip, program.sha256)
    found = parse_description(data)
    assert found is not None
    assert (found.project, found.version, found.idf) == ("espmon_demo", "1.0.0", "v5.3-simulated")
    assert f"Project name:     {found.project}\x1b" in log
    assert f"Compile time:     {found.built}\x1b" in log
    assert f"ELF file SHA256:  {found.elf_sha256[:9]}..." in log
    assert (found.elf_sha256 == program.sha256) is chip.riscv


@every_chip
def test_the_application_may_be_written_to_this_chip(chip: SimulatedChip, program: Image) -> None:
    chip_id = chip.chip_id if chip.chip_id >= 0 else None
    for data in (flash.application(chip, program), flash.bootloader(chip)):
        assert image_problems(data, chip=chip.title, chip_id=chip_id, flash_size=4 << 20, revision=chip.revision) == []


@pytest.mark.parametrize("key", ["esp32", "esp32s3", "esp32c3", "esp32c6"])
def test_esptool_finds_checksum_and_digest_valid(key: str, program: Image, tmp_path: Path) -> None:
    for name, data in (
        ("application", flash.application(CHIPS[key], program)),
        ("bootloader", flash.bootloader(CHIPS[key])),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        image = LoadFirmwareImage(key, str(path))
        assert image.checksum == image.calculate_checksum()
        assert image.stored_digest == image.calc_digest
        assert image.data_length + 32 == len(data)


def test_the_bootloader_has_the_segments_that_the_rom_prints() -> None:
    header = parse_header(flash.bootloader(CHIPS["esp32c3"]))
    assert header is not None
    assert (header.segments, header.entry) == (3, 0x403CC71A)


@every_chip
def test_free_heap_is_less_than_the_ram_there_is(chip: SimulatedChip) -> None:
    found = re.search(r"\((\d+) KiB\): RAM", bootlog.application_log(chip, "ab" * 32))
    assert found is not None
    ram = int(found[1])
    for turn in range(10):
        [line] = [text.format(turn=turn) for _, _, text in LOG_LINES if "free heap" in text]
        free, minimum = (int(number) for number in re.findall(r"(\d+) KiB", line))
        assert minimum <= free < ram


@pytest.mark.parametrize("key", ["esp32", "esp32c3", "esp32c6"])
def test_probe_and_boot_log_agree_on_the_revision(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    with BoardThread(lambda: SimulatedBoard(key)) as board:
        assert probe_command.main([board.url, "--yes", "--json"]) == 0
    revision = json.loads(capsys.readouterr().out)["revision"]
    assert f"chip revision: {revision}\x1b" in bootlog.application_log(CHIPS[key], "ab" * 32)


def test_flash_info_shows_the_boards_table_and_application(program: Image, capsys: pytest.CaptureFixture[str]) -> None:
    with BoardThread(lambda: SimulatedBoard("esp32c3")) as board:
        assert flash_command.main(["info", board.url, "--yes", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in told["partitions"]] == ["nvs", "otadata", "phy_init", "factory", "coredump", "ota_0"]
    [application] = told["applications"]
    assert (application["project"], application["elf_sha256"]) == ("espmon_demo", program.sha256)


def test_what_was_erased_stays_erased_while_the_power_is_on(capsys: pytest.CaptureFixture[str]) -> None:
    with BoardThread(lambda: SimulatedBoard("esp32c3")) as board:
        assert flash_command.main(["erase", board.url, "0x8000", "0x1000", "--yes"]) == 0
        assert flash_command.main(["info", board.url, "--yes"]) == 1
    assert "no partition table" in capsys.readouterr().err


@every_chip
def test_a_flash_boots_when_bootloader_and_application_are_there(chip: SimulatedChip, program: Image) -> None:
    data = bytearray(b"\xff" * 0x200000)
    assert flash.boot_of(chip, data) == "empty-flash"
    pieces = flash.contents(chip, program)
    for address, content in pieces[:2]:
        data[address : address + len(content)] = content
    assert flash.boot_of(chip, data) == "no-application"
    data[bootlog.APPLICATION_AT] = pieces[-1][1][0]
    assert flash.boot_of(chip, data) == "normal"


def asked(capsys: pytest.CaptureFixture[str], scenario: str, *words: str) -> tuple[int, str]:
    """`espmon flash WORDS` on a board: exit code and all that was printed."""
    with BoardThread(lambda: SimulatedBoard(scenario=scenario)) as server:
        code = flash_command.main([words[0], server.url, *words[1:], "--yes"])
    told = capsys.readouterr()
    return code, told.out + told.err


def test_an_empty_flash_holds_no_table_and_no_application(capsys: pytest.CaptureFixture[str]) -> None:
    _, told = asked(capsys, "empty-flash", "info")
    assert "espmon_demo" not in told
    assert "factory" not in told


def test_a_flash_that_does_not_answer_does_not_answer_the_loader_either(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = asked(capsys, "flash-error", "info")
    assert code == 4
    assert "No flash chip answers" in told


def test_after_everything_is_erased_no_application_boots() -> None:
    async def heard(url: str) -> bytes:
        async with Client(url) as client:
            return await client.until(b"invalid header: 0xffffffff")

    with BoardThread() as server:
        assert flash_command.main(["erase", server.url, "--all", "--yes"]) == 0
        assert b"app_main" not in asyncio.run(heard(server.url))
