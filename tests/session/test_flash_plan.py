"""What users have becomes regions of flash; what cannot be flashed is said with its file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from espmon.session.flash_plan import PlanError, from_pairs, from_project
from tests.rom.test_image import image


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_pairs_are_taken_as_given(tmp_path: Path) -> None:
    one, two = write(tmp_path / "a.bin", b"A"), write(tmp_path / "b.bin", b"BB")
    plan = from_pairs(["0x1000", str(one), "65536", str(two)])
    assert [(region.address, region.data) for region in plan.regions] == [(0x1000, b"A"), (65536, b"BB")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "nothing to flash"),
        (["0x1000"], "file is missing"),
        (["zz", "x"], "no address"),
        (["0x0", "/no/such/file"], "/no/such/file"),
    ],
)
def test_wrong_pairs_say_what_is_wrong(words: list[str], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        from_pairs(words)


def test_an_idf_build_is_read_from_flasher_args(tmp_path: Path) -> None:
    build = tmp_path / "build"
    write(build / "bootloader" / "bootloader.bin", b"B")
    write(build / "partition_table" / "partition-table.bin", b"P")
    write(build / "app.bin", b"A")
    table = {
        "flash_files": {
            "0x8000": "partition_table/partition-table.bin",
            "0x0": "bootloader/bootloader.bin",
            "0x20000": "app.bin",
        },
        "app": {"offset": "0x20000", "file": "app.bin"},
        "extra_esptool_args": {"chip": "esp32-c3"},
    }
    write(build / "flasher_args.json", json.dumps(table).encode())
    plan = from_project(tmp_path)
    assert plan.chip == "esp32c3"
    assert [(region.address, region.role) for region in plan.regions] == [
        (0, "bootloader"),
        (0x8000, "partitions"),
        (0x20000, "application"),
    ]
    assert [region.data for region in plan.only("application").regions] == [b"A"]


def test_a_platformio_build_gets_the_offset_of_its_chip(tmp_path: Path) -> None:
    folder = tmp_path / ".pio" / "build" / "esp32dev"
    write(folder / "firmware.bin", b"A")
    write(folder / "bootloader.bin", image(chip_id=0))
    write(folder / "partitions.bin", b"P")
    plan = from_project(tmp_path)
    assert (plan.chip, [region.address for region in plan.regions]) == ("esp32", [0x1000, 0x8000, 0x10000])


def test_an_esp8266_build_is_one_image_at_the_start(tmp_path: Path) -> None:
    write(tmp_path / ".pio" / "build" / "d1" / "firmware.bin", b"A")
    assert [region.address for region in from_project(tmp_path).regions] == [0]


def test_an_arduino_export_has_its_four_parts(tmp_path: Path) -> None:
    for name, data in (
        ("blink.ino.bin", b"A"),
        ("blink.ino.bootloader.bin", image(chip_id=9)),
        ("blink.ino.partitions.bin", b"P"),
        ("boot_app0.bin", b"O"),
    ):
        write(tmp_path / "build" / "esp32.esp32.s3" / name, data)
    assert [region.address for region in from_project(tmp_path).regions] == [0, 0x8000, 0xE000, 0x10000]


def test_an_intel_hex_file_brings_its_own_addresses(tmp_path: Path) -> None:
    path = write(tmp_path / "a.hex", b":0400000001020304F2\n:04100000AABBCCDDDE\n:00000001FF\n")
    assert [(region.address, region.data) for region in from_pairs([str(path)]).regions] == [
        (0, b"\x01\x02\x03\x04"),
        (0x1000, b"\xaa\xbb\xcc\xdd"),
    ]


def test_a_broken_hex_file_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.hex", b"hello\n")
    with pytest.raises(PlanError, match=r"a\.hex"):
        from_pairs([str(path)])


def test_a_folder_without_a_build_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"flasher_args\.json"):
        from_project(tmp_path)


def test_broken_build_files_are_named(tmp_path: Path) -> None:
    write(tmp_path / "flasher_args.json", b"[]")
    with pytest.raises(PlanError, match=r"flasher_args\.json"):
        from_project(tmp_path)
