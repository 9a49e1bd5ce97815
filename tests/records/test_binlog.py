"""The binary log: real stream, every conversion, damage, and what must not be taken for it."""

from __future__ import annotations

import random
import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espmon.records import Demultiplexer, Line, Record
from espmon.records.spans.binlog_frame import crc8
from espmon.session.binlog_strings import BinlogStrings
from tests.records.streams import as_json, assert_tiles, binary_log, embedded, records


def texts(found: list[Record]) -> list[str]:
    return [record.text for record in found if isinstance(record, Line)]


def message(form: bytes, arguments: bytes = b"") -> str:
    (line,) = records(binary_log(form, arguments=arguments))
    assert isinstance(line, Line)
    assert line.source == "binlog"
    assert line.text.startswith("I (123) app: ")
    return line.text.removeprefix("I (123) app: ")


def test_a_whole_stream_is_line_exact_at_any_cut(inputs: Path) -> None:
    folder = inputs / "binlog"
    data = (folder / "stream.bin").read_bytes()
    strings = BinlogStrings([folder / "log.elf", folder / "bootloader.elf"])
    expected = re.sub(r"\x1b\[[\d;]*m", "", (folder / "expected.txt").read_text()).splitlines()
    whole = records(data, demux=Demultiplexer(strings=strings))
    assert texts(whole) == expected
    assert_tiles(whole, len(data))
    chance = random.Random(1)
    cuts = [
        range(1, len(data)),
        *(chance.sample(range(len(data)), 30) for _ in range(20)),
        *([cut] for cut in range(330, 480)),
    ]
    for cut in cuts:
        assert texts(records(data, cut, demux=Demultiplexer(strings=strings))) == expected


I32, U64, F64 = struct.Struct(">i"), struct.Struct(">Q"), struct.Struct(">d")
CONVERSIONS = [
    (b"%d", I32.pack(-5), "-5"),
    (b"%5d|%-5d|%05d", I32.pack(42) * 3, "   42|42   |00042"),
    (b"%+d % d", I32.pack(7) * 2, "+7  7"),
    (b"%.3d|%6.3d|%-6.3d|", I32.pack(7) * 3, "007|   007|007   |"),
    (b"%08.3d", I32.pack(-7), "    -007"),
    (b"%.0d.", I32.pack(0), "."),
    (b"%u", I32.pack(-1), "4294967295"),
    (b"%x %X %#x %#X %o %#o", I32.pack(255) * 6, "ff FF 0xff 0XFF 377 0377"),
    (b"%#010x %#x", I32.pack(255) + I32.pack(0), "0x000000ff 0"),
    (b"%hd %hu %hhd %hhu", I32.pack(0xFFFE) * 4, "-2 65534 -2 254"),
    (b"%lld %llu %llx %jd", struct.pack(">q", -2) + U64.pack(2**64 - 1) * 2 + struct.pack(">q", 9),
     "-2 18446744073709551615 ffffffffffffffff 9"),
    (b"%ld %zu %td", I32.pack(1) * 3, "1 1 1"),
    (b"%c%c", I32.pack(65) + I32.pack(66), "AB"),
    (b"%s|%10s|%-6s|%.2s", embedded(b"abc") * 4, "abc|       abc|abc   |ab"),
    (b"%p", I32.pack(0x3FFB3200), "0x3ffb3200"),
    (b"%f %.2f %8.1f|%-8.1f|%08.1f", F64.pack(1.6) * 5, "1.600000 1.60      1.6|1.6     |000001.6"),
    (b"%e %E %g %G %.3g", F64.pack(12345.678) * 5, "1.234568e+04 1.234568E+04 12345.7 12345.7 1.23e+04"),
    (b"%f %05f %F", F64.pack(float("inf")) + F64.pack(float("-inf")) + F64.pack(float("nan")), "inf  -inf NAN"),
    (b"%a %A %.2a %a", F64.pack(1.5) + F64.pack(-10.0) + F64.pack(1.999) + F64.pack(0.0),
     "0x1.8p+0 -0X1.4P+3 0x2.00p+0 0x0p+0"),
    (b"%*d|%-*d|%.*f", I32.pack(5) + I32.pack(3) + I32.pack(4) + I32.pack(3) + I32.pack(1) + F64.pack(2.25),
     "    3|3   |2.2"),
    (b"%*d|", I32.pack(-5) + I32.pack(3), "3    |"),
    (b"100%% %d%%", I32.pack(5), "100% 5%"),
    (b"%5%|%y|%", b"", "%5%|%y|%"),
    (b"%d %d", I32.pack(1), "%d %d"),
    (b"no arguments", I32.pack(1), "no arguments"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "arguments", "expected"), CONVERSIONS, ids=lambda value: repr(value)[:24])
def test_conversions_follow_c(form: bytes, arguments: bytes, expected: str) -> None:
    assert message(form, arguments) == expected


def test_a_width_from_a_damaged_argument_does_not_fill_the_memory() -> None:
    assert len(message(b"%*d", I32.pack(2**31 - 1) + I32.pack(1))) == 1024


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_no_format_and_no_argument_raises(form: bytes, arguments: bytes) -> None:
    data = binary_log(form, arguments=arguments)
    assert_tiles(records(data), len(data))


def test_64_bit_time_and_levels() -> None:
    found = [records(binary_log(b"xx", level=level))[0] for level in range(6)]
    assert [line.to_json()["level"] for line in found] == [None, "E", "W", "I", "D", "V"]


def test_without_an_elf_the_references_say_so() -> None:
    frame = bytes.fromhex("010c1000001934000019c70000001f")
    from espmon.records.spans.binlog_frame import crc8

    frame += bytes([crc8(frame)])
    assert texts(records(frame)) == ["I (31) <no ELF file>: <no ELF file>"]


class NoStrings:
    def has(self, kind: int) -> bool:
        return True

    def read(self, kind: int, address: int, size: int | None) -> bytes | None:
        return None


def test_a_missing_string_shows_its_address() -> None:
    frame = bytes.fromhex("010c1000001934000019c70000001f")
    from espmon.records.spans.binlog_frame import crc8

    frame += bytes([crc8(frame)])
    found = records(frame, demux=Demultiplexer(strings=NoStrings()))
    assert texts(found) == ["I (31) <not found 000019C7>: <not found 00001934>"]


def test_buffers_give_a_line_for_16_bytes_and_each_line_covers_bytes() -> None:
    content = bytes(range(0x41, 0x41 + 20))
    arguments = struct.pack(">I", len(content)) + embedded(content) + struct.pack(">I", 0x3FFB5BC0)
    hexadecimal = records(binary_log(b"__ESP_BUFFER_HEX_FORMAT__", arguments=arguments))
    assert texts(hexadecimal) == [
        "I (123) app: 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f 50",
        "I (123) app: 51 52 53 54",
    ]
    assert_tiles(hexadecimal, len(binary_log(b"__ESP_BUFFER_HEX_FORMAT__", arguments=arguments)))
    assert texts(records(binary_log(b"__ESP_BUFFER_CHAR_FORMAT__", arguments=arguments))) == [
        "I (123) app: ABCDEFGHIJKLMNOP",
        "I (123) app: QRST",
    ]
    assert texts(records(binary_log(b"__ESP_BUFFER_HEXDUMP_FORMAT__", arguments=arguments))) == [
        "I (123) app: 0x3ffb5bc0   41 42 43 44 45 46 47 48  49 4a 4b 4c 4d 4e 4f 50  |ABCDEFGHIJKLMNOP|",
        "I (123) app: 0x3ffb5bd0   51 52 53 54                                       |QRST|",
    ]


def test_frames_are_found_in_the_middle_of_a_line_and_behind_garbage() -> None:
    frame = binary_log(b"hello")
    data = b"half a line" + frame + b" the rest\n" + b"\x01\x02\x01\xff" + frame + frame
    found = records(data)
    assert texts(found) == [
        "half a line", "I (123) app: hello", " the rest", "\x01\x02\x01\\xff",
        "I (123) app: hello", "I (123) app: hello",
    ]  # fmt: skip
    assert_tiles(found, len(data))


def test_a_damaged_frame_costs_only_itself() -> None:
    frame = bytearray(binary_log(b"hello"))
    frame[12] ^= 0x40
    found = records(bytes(frame) + binary_log(b"next"))
    assert texts(found)[-1] == "I (123) app: next"
    assert sum(record.to_json().get("source") == "binlog" for record in found) == 1


def test_control_bytes_in_text_are_text() -> None:
    data = b"\x01\x02 menu \x01\x0c\x14 item\r\n" * 5
    assert [line.to_json()["source"] for line in records(data)] == ["text"] * 5


@pytest.mark.parametrize("reference", [b"\xff\x00", b"\xfe\x00", b"\xfc\x01"])
def test_a_string_that_ends_behind_its_frame_is_no_frame_at_any_cut(reference: bytes) -> None:
    body = b"\x02" + struct.pack(">H", 255 | 3 << 10) + reference + b"d" * 249
    frame = body + bytes([crc8(body)])
    data = b"text " + frame + b"more text\r\n" + b"\xff" * 700 + b"\r\n"
    whole = as_json(records(data))
    assert {record["source"] for record in whole} == {"text"}
    for step in (1, 9, 64, 260):
        assert as_json(records(data, range(step, len(data), step))) == whole


def test_a_crash_in_a_binary_log_is_an_event() -> None:
    found = records(binary_log(b"Brownout detector was triggered"))
    assert [record.type for record in found] == ["line", "panic"]
