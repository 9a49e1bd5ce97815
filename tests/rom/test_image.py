"""Images, descriptors and partition tables, read from bytes."""

from __future__ import annotations

import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espmon.rom.app_image import (
    PARTITION_END,
    image_problems,
    looks_like_image,
    overlaps,
    parse_description,
    parse_header,
    parse_partitions,
)


def image(chip_id: int = 5, size_code: int = 2, minimum: int = 3, maximum: int = 199) -> bytes:
    header = struct.pack("<BBBBI", 0xE9, 3, 2, size_code << 4, 0x40380000)
    extension = struct.pack("<BBBBHBHHIB", 0xEE, 0, 0, 0, chip_id, 0, minimum, maximum, 0, 1)
    return header + extension + bytes(8)


def description() -> bytes:
    return struct.pack(
        "<IIII32s32s16s16s32s32s",
        0xABCD5432,
        0,
        0,
        0,
        b"1.2.3",
        b"blink",
        b"12:00:00",
        b"Nov 20 2026",
        b"v5.5",
        b"\xab" * 32,
    )


def row(name: bytes, kind: int, subtype: int, offset: int, size: int, flags: int = 0) -> bytes:
    return struct.pack("<HBBII16sI", 0x50AA, kind, subtype, offset, size, name, flags)


def test_a_header_tells_chip_flash_size_and_entry() -> None:
    header = parse_header(image())
    assert header is not None
    assert (header.chip_id, header.flash_size, header.entry, header.hash_appended) == (5, 4 << 20, 0x40380000, True)


def test_what_is_no_image_has_no_header() -> None:
    assert parse_header(b"\xff" * 64) is None
    assert parse_header(b"\xe9") is None


def test_the_descriptor_names_project_version_idf_and_elf() -> None:
    found = parse_description(image() + description())
    assert found is not None
    assert (found.project, found.version, found.idf, found.elf_sha256) == ("blink", "1.2.3", "v5.5", "ab" * 32)


def test_an_image_that_fits_has_no_problem() -> None:
    assert image_problems(image(), chip="ESP32-C3", chip_id=5, flash_size=4 << 20, revision=4) == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"hello", "0xe9"),
        (image(chip_id=9), "chip id 9"),
        (image(minimum=101), "revision 1.1"),
        (image(size_code=4), "16 MB"),
        (image(minimum=0, maximum=3), "up to revision 0.3"),
    ],
)
def test_what_does_not_fit_is_said(data: bytes, words: str) -> None:
    (problem,) = image_problems(data, chip="ESP32-C3", chip_id=5, flash_size=4 << 20, revision=4)
    assert words in problem


@pytest.mark.parametrize("maximum", [0, 0xFFFF, 4, 199])
def test_an_image_without_a_limit_or_within_it_runs(maximum: int) -> None:
    data = image(minimum=0, maximum=maximum)
    assert image_problems(data, chip="ESP32-C3", chip_id=5, flash_size=4 << 20, revision=4) == []


def test_data_that_begins_with_the_magic_by_chance_is_no_image() -> None:
    assert looks_like_image(image())
    assert not looks_like_image(b"\xe9\x80\x02\x20" + bytes(20))
    assert not looks_like_image(b"\xe9\x01\x77\x20" + bytes(20))


def test_an_esp8266_image_is_judged_without_a_chip_id() -> None:
    assert image_problems(b"\xe9\x01\x02\x40" + bytes(4), chip="ESP8266", chip_id=None, flash_size=4 << 20) == []


def table() -> bytes:
    rows = row(b"nvs", 1, 2, 0x9000, 0x6000) + row(b"factory", 0, 0, 0x10000, 0x100000, 1)
    digest = struct.pack("<H14s", 0xEBEB, b"\xff" * 14) + hashlib.md5(rows).digest()
    return (rows + digest).ljust(0xC00, b"\xff")


def test_a_partition_table_is_read_row_by_row() -> None:
    rows, problems = parse_partitions(table())
    assert problems == []
    assert [(item.name, item.type_name, item.subtype_name, item.offset) for item in rows] == [
        ("nvs", "data", "nvs", 0x9000),
        ("factory", "app", "factory", 0x10000),
    ]
    assert rows[1].encrypted


def test_a_damaged_table_says_so() -> None:
    broken = bytearray(table())
    broken[5] ^= 1
    assert parse_partitions(bytes(broken))[1] == ["the partition table's MD5 does not fit its rows"]


def test_empty_flash_has_no_partitions() -> None:
    assert PARTITION_END == 0xFFFF
    assert parse_partitions(b"\xff" * 0xC00) == ([], [])


@given(st.binary(max_size=400))
def test_no_bytes_make_the_readers_raise(data: bytes) -> None:
    parse_header(data)
    parse_description(data)
    parse_partitions(data)
    image_problems(data, chip="x", chip_id=5, flash_size=1 << 20)


def test_regions_that_share_bytes_are_named() -> None:
    assert overlaps([(0x1000, 0x100, "a"), (0x10FF, 1, "b"), (0x2000, 1, "c")]) == [
        "b at 0x10ff begins inside a (0x1000 to 0x1100)"
    ]
