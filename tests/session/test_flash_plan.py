"""What users have becomes regions of flash; what cannot be flashed is said with its file."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from espmon.session import elves
from espmon.session.flash_plan import PlanError, from_pairs, from_project, number
from tests.rom.test_image import description, image, row


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


def idf(folder: Path, table: Mapping[str, object], **files: bytes) -> Path:
    for name, data in files.items():
        write(folder / f"{name}.bin", data)
    write(folder / "flasher_args.json", json.dumps(table).encode())
    return folder


def test_a_file_that_the_build_names_and_lacks_is_named(tmp_path: Path) -> None:
    folder = idf(tmp_path, {"flash_files": {"0x10000": "gone/app.bin"}})
    with pytest.raises(PlanError, match=r"gone/app\.bin"):
        from_project(folder)


def test_files_are_found_relative_to_the_build_and_by_absolute_name(tmp_path: Path) -> None:
    other = write(tmp_path / "elsewhere" / "data.bin", b"D")
    folder = idf(tmp_path / "build", {"flash_files": {"0x10000": "app.bin", "0x9000": str(other)}}, app=b"A")
    assert [region.data for region in from_project(folder).regions] == [b"D", b"A"]


def test_a_build_says_which_files_want_encryption(tmp_path: Path) -> None:
    table = {
        "flash_files": {"0x0": "boot.bin", "0x10000": "app.bin"},
        "bootloader": {"offset": "0x0", "file": "boot.bin", "encrypted": "false"},
        "app": {"offset": "0x10000", "file": "app.bin", "encrypted": "true"},
    }
    regions = from_project(idf(tmp_path, table, boot=b"B", app=b"A")).regions
    assert [region.encrypted for region in regions] == [False, True]


def test_a_build_that_writes_everything_encrypted_says_so_for_each_file(tmp_path: Path) -> None:
    table = {
        "write_flash_args": ["--flash_mode", "dio", "--encrypt"],
        "flash_files": {"0x0": "a.bin", "0x9000": "b.bin"},
    }
    assert all(region.encrypted for region in from_project(idf(tmp_path, table, a=b"A", b=b"B")).regions)


def test_roles_come_from_the_build_where_it_says_them_and_from_names_elsewhere(tmp_path: Path) -> None:
    table = {
        "flash_files": {
            "0x0": "boot.bin",
            "0x9000": "nvs_partition.bin",
            "0xf000": "ota_data_initial.bin",
            "0x10000": "recovery.bin",
            "0x110000": "main.bin",
            "0x300000": "storage.bin",
            "0x8000": "pt.bin",
        },
        "bootloader": {"offset": "0x0", "file": "boot.bin"},
        "partition-table": {"offset": "0x8000", "file": "pt.bin"},
        "otadata": {"offset": "0xf000", "file": "ota_data_initial.bin"},
        "app": {"offset": "0x110000", "file": "main.bin"},
    }
    names = ("boot", "nvs_partition", "ota_data_initial", "recovery", "main", "storage", "pt")
    regions = from_project(idf(tmp_path, table, **dict.fromkeys(names, b"x"))).regions
    assert {region.file.stem: region.role for region in regions} == {
        "boot": "bootloader",
        "pt": "partitions",
        "nvs_partition": "nvs",
        "ota_data_initial": "otadata",
        "recovery": "data",
        "main": "application",
        "storage": "data",
    }


def test_a_build_without_files_says_so(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="build the project first"):
        from_project(idf(tmp_path, {"flash_files": {}}))


def test_flash_args_lists_files_behind_options(tmp_path: Path) -> None:
    write(tmp_path / "build" / "bootloader" / "bootloader.bin", b"B")
    write(tmp_path / "build" / "app.bin", b"A")
    words = b"--flash_mode dio --flash_freq 80m --flash_size 4MB\n0x10000 app.bin\n0x0 bootloader/bootloader.bin\n"
    write(tmp_path / "build" / "flash_args", words)
    regions = from_project(tmp_path).regions
    assert [(region.address, region.role) for region in regions] == [(0, "bootloader"), (0x10000, "application")]


def test_flash_args_without_files_are_named(tmp_path: Path) -> None:
    write(tmp_path / "flash_args", b"--flash_mode dio\n")
    with pytest.raises(PlanError, match="names no files"):
        from_project(tmp_path)


def test_a_partition_table_moves_the_application_of_a_platformio_build(tmp_path: Path) -> None:
    folder = tmp_path / ".pio" / "build" / "s3"
    write(folder / "firmware.bin", b"A")
    write(folder / "bootloader.bin", image(chip_id=9))
    write(folder / "partitions.bin", row(b"otadata", 1, 0, 0xD000, 0x2000) + row(b"app0", 0, 0x10, 0x20000, 0x100000))
    write(folder / "boot_app0.bin", b"O")
    regions = from_project(tmp_path).regions
    assert [(region.address, region.role) for region in regions] == [
        (0, "bootloader"),
        (0x8000, "partitions"),
        (0xD000, "otadata"),
        (0x20000, "application"),
    ]


def test_the_newest_platformio_environment_is_taken(tmp_path: Path) -> None:
    old = write(tmp_path / ".pio" / "build" / "old" / "firmware.bin", b"old")
    new = write(tmp_path / ".pio" / "build" / "new" / "firmware.bin", b"new")
    os.utime(old, (1, 1))
    assert [region.file for region in from_project(tmp_path).regions] == [new]


def test_a_bootloader_of_an_unknown_chip_is_not_put_anywhere(tmp_path: Path) -> None:
    folder = tmp_path / ".pio" / "build" / "x"
    write(folder / "firmware.bin", b"A")
    write(folder / "bootloader.bin", b"what is this")
    with pytest.raises(PlanError, match=r"bootloader\.bin is no bootloader"):
        from_project(tmp_path)


def test_an_application_alone_with_a_descriptor_is_no_esp8266_image(tmp_path: Path) -> None:
    write(tmp_path / "blink.ino.bin", image() + description())
    assert [region.address for region in from_project(tmp_path).regions] == [0x10000]


def test_hex_pieces_inside_one_sector_become_one_region(tmp_path: Path) -> None:
    path = write(tmp_path / "a.hex", b":0400000001020304F2\n:04001000AABBCCDDDE\n:00000001FF\n")
    (region,) = from_pairs([str(path)]).regions
    assert region.data == b"\x01\x02\x03\x04" + b"\xff" * 12 + b"\xaa\xbb\xcc\xdd"


def test_hex_and_pairs_may_be_mixed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.hex", b":0400000001020304F2\n:00000001FF\n")
    other = write(tmp_path / "b.bin", b"B")
    assert [region.address for region in from_pairs(["0x9000", str(other), str(path)]).regions] == [0x9000, 0]


def test_a_hex_file_without_data_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.hex", b":00000001FF\n")
    with pytest.raises(PlanError, match="holds no data"):
        from_pairs([str(path)])


@pytest.mark.parametrize("text", ["-1", "0x", "ten", ""])
def test_what_is_no_address_is_said(text: str) -> None:
    with pytest.raises(PlanError, match="no address"):
        number(text)


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.bin", b"")
    with pytest.raises(PlanError, match=r"a\.bin is empty"):
        from_pairs(["0", str(path)])


def test_a_role_that_the_plan_lacks_is_said(tmp_path: Path) -> None:
    plan = from_pairs(["0", str(write(tmp_path / "a.bin", b"A"))])
    with pytest.raises(PlanError, match="no application"):
        plan.only("application")


def test_looking_for_a_sketch_does_not_walk_the_whole_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "far" / "away" / "blink.ino.bin", image())
    monkeypatch.setattr(elves, "MAX_DEPTH", 1)
    with pytest.raises(PlanError, match="holds no build"):
        from_project(tmp_path)


def test_an_image_that_a_build_takes_away_meanwhile_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = Path.stat

    def gone(path: Path, **options: bool) -> os.stat_result:
        if path.suffix == ".bin":
            raise FileNotFoundError(errno.ENOENT, "gone", str(path))
        return there(path, **options)

    write(tmp_path / "blink.ino.bin", image())
    monkeypatch.setattr(Path, "stat", gone)
    with pytest.raises(PlanError, match="holds no build"):
        from_project(tmp_path)
