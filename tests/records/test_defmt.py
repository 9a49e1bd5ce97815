"""defmt: every type and hint, both encodings, frames beside text, damage, and what must not be taken for a frame."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from espmon.records import Demultiplexer, Line, Record
from espmon.records.defmt.defmt_frame import decode_frame
from espmon.records.defmt.defmt_table import DefmtError, DefmtSymbol, read_table
from espmon.records.defmt.defmt_values import float_text
from espmon.records.defmt.rzcobs import decode_rzcobs
from espmon.session.defmt_strings import defmt_table
from tests.records.defmt_wire import Firmware, rzcobs
from tests.records.streams import SMALL, STREAMS, as_json, assert_tiles, records

FAST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def shown(firmware: Firmware, data: bytes) -> list[str]:
    found = records(data, demux=Demultiplexer(defmt=firmware.table))
    assert_tiles(found, len(data))
    return [record.text for record in found if isinstance(record, Line)]


def message(firmware: Firmware, text: str, body: bytes = b"") -> str:
    (line,) = shown(firmware, firmware.frame(text, body))
    assert line.startswith("I (1.500000) app: ")
    return line.removeprefix("I (1.500000) app: ")


VALUES = [
    ("{=u8} {=i8}", [("u8", 42), ("i8", -42)], "42 -42"),
    ("{=u16} {=i16}", [("u16", 65535), ("i16", -1)], "65535 -1"),
    ("{=u32} {=i32}", [("u32", 2**32 - 1), ("i32", -(2**31))], "4294967295 -2147483648"),
    ("{=u64} {=i64}", [("u64", 2**64 - 1), ("i64", -2)], "18446744073709551615 -2"),
    ("{=u128} {=i128}", [("u128", 2**128 - 1), ("i128", -(2**127))], f"{2**128 - 1} {-(2**127)}"),
    ("{=usize} {=isize}", [("usize", 7), ("isize", -7)], "7 -7"),
    ("{=f32} {=f64}", [("f32", 0.1), ("f64", 0.1)], "0.1 0.1"),
    ("{=f32} {=f64}", [("f32", 1.0), ("f64", 1e16)], "1.0 1e16"),
    ("{=bool} {=bool}", [("bool", True), ("bool", False)], "true false"),
    ("{=char}{=char}", [("char", "x"), ("char", "ß")], "xß"),
    ("{=str} {=str:?}", [("str", "a\tb"), ("str", 'a\t"b"\x07')], 'a\tb "a\\t\\"b\\"\\u{7}"'),
    ("{=istr}!", [("istr", "from flash")], "from flash!"),
    ("{=[u8]} {=[u8; 3]}", [("[u8]", b"\x01\xff"), ("[u8;]", b"abc")], "[1, 255] [97, 98, 99]"),
    ("{=[u8]:x} {=[u8]:#04x}", [("[u8]", b"\x01\xff"), ("[u8]", b"\x01")], "[1, ff] [0x01]"),
    ("{=[u8]:a}", [("[u8]", b'he\xffllo\n"')], 'b"he\\xffllo\\n\\""'),
    ("{=u8:x} {=u8:X} {=u8:#x} {=u8:#X}", [("u8", 0x2A)] * 4, "2a 2A 0x2a 0x2A"),
    ("{=u8:b} {=u8:#010b} {=u8:o} {=u8:#o}", [("u8", 0x2A)] * 4, "101010 0b00101010 52 0o52"),
    ("{=u8:03} {=u8:08X} {=i8:04}", [("u8", 42), ("u8", 42), ("i8", -4)], "042 0000002A -004"),
    ("{=i8:x} {=i16:#x} {=i32:X}", [("i8", -1), ("i16", -2), ("i32", -3)], "ff 0xfffe FFFFFFFD"),
    ("{=u64:us} {=u32:ms} {=u32:ts}", [("u64", 61_000_001), ("u32", 1500), ("u32", 3661)], "61.000001 1.500 01:01:01"),
    ("{=u64:tus} {=u64:tms}", [("u64", 1), ("u64", 90_061_001)], "00:00:00.000001 1:01:01:01.001"),
    ("{=u64:iso8601s} {=u64:iso8601ms}", [("u64", 1_600_000_000), ("u64", 1_600_000_000_123)],
     "2020-09-13T12:26:40Z 2020-09-13T12:26:40.123Z"),
    ("{=u64:iso8601s}", [("u64", 2**64 - 1)], "18446744073709551615"),
    ("{1=u16} {0=u8} {1=u16:#x}", [("u8", 1), ("u16", 258)], "258 1 0x102"),
    ("{0=0..4} {0=4..8:b} {0=2..6:#x}", [("u8", 0xA5)], "5 1010 0x9"),
    ("{0=8..12} {0=20..24}", [("u16", 0x3005 >> 0)], "5 3"),
    ("{0=0..20}", [("u32", 0xFABCDE)], str(0xABCDE)),
    ("{0=0..16:a}", [("u16", 0x6869)], 'b"hi"'),
    ("{{{=u8}}} 100%", [("u8", 1)], "{1} 100%"),
    ("{=__internal_Display} {=__internal_Debug:?}", [("printed", "made on board"), ("printed", "x")],
     'made on board "x"'),
    ("{=u8:cbor} {=u8:new_hint}", [("u8", 1), ("u8", 2)], "1 2"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "values", "expected"), VALUES, ids=lambda value: str(value)[:30])
@pytest.mark.parametrize("encoding", ["rzcobs", "raw"])
def test_values_and_hints(encoding: str, text: str, values: list[tuple[str, object]], expected: str) -> None:
    firmware = Firmware(encoding=encoding)
    assert message(firmware, text, b"".join(firmware.value(*value) for value in values)) == expected


def test_nested_formats_pass_their_hint_on() -> None:
    firmware = Firmware()
    inner = firmware.nested("Y {{ z: {=u8}, w: {=u8:b} }}", b"\x2a\x2a")
    outer = firmware.nested("X {{ y: {=?} }}", inner)
    assert message(firmware, "{=?}", outer) == "X { y: Y { z: 42, w: 101010 } }"
    assert message(firmware, "{:#x}", outer) == "X { y: Y { z: 0x2a, w: 101010 } }"


def test_variants_slices_arrays_and_sequences() -> None:
    firmware = Firmware()
    option = "None|Some({=?})"
    some = firmware.nested(option, b"\x01" + firmware.nested("{=u8}", b"\x07", "defmt_prim"), "defmt_prim")
    none = firmware.nested(option, b"\x00", "defmt_prim")
    assert message(firmware, "{=?} {=?}", some + none) == "Some(7) None"
    number = struct.pack("<H", firmware.intern("defmt_prim", "{=u16}"))
    three = struct.pack("<IHHHH", 3, firmware.intern("defmt_prim", "{=u16}"), 1, 2, 3)
    assert message(firmware, "{=[?]}", three) == "[1, 2, 3]"
    assert message(firmware, "{=[?; 2]:#06x}", number + b"\1\0\2\0") == "[0x0001, 0x0002]"
    kinds = struct.pack("<IH", 2, firmware.intern("defmt_derived", "A|B {{ x: {=u8} }}")) + b"\x00\x01\x09"
    assert message(firmware, "{=[?]}", kinds) == "[A, B { x: 9 }]"
    letters = struct.pack("<IH", 2, firmware.intern("defmt_prim", "{=u8}")) + b"hi"
    assert message(firmware, "{=[?]:a}", letters) == 'b"hi"'
    written = firmware.nested("a|{=u8}", b"\x05", "defmt_write") + firmware.nested(
        " then {=u8}", b"\x06", "defmt_write"
    )
    sequence = firmware.nested("{=__internal_FormatSequence}", written + b"\0\0", "defmt_prim")
    assert message(firmware, "{=?}!", sequence) == "a|5 then 6!"


def test_names_of_flags() -> None:
    firmware = Firmware()
    for position, (name, value) in enumerate([("NONE", 0), ("READ", 1), ("WRITE", 2), ("BOTH", 3)]):
        firmware.intern("defmt_bitflags_value", f"Access::{position}::{name}", value, disambiguator="9")
    text = "{=u8:__internal_bitflags_Access@pkg@9@app}"
    seen = [
        message(firmware, "{=?}", firmware.nested(text, bytes([value]), "defmt_bitflags")) for value in (0, 1, 3, 8)
    ]
    assert seen == ["NONE", "READ", "READ | WRITE | BOTH", "(empty)"]
    unknown = firmware.nested("{=u8:__internal_bitflags_Other@pkg@9@app}", b"\x05", "defmt_bitflags")
    assert message(firmware, "{=?}", unknown) == "5"


def test_levels_tags_and_times_are_columns() -> None:
    firmware = Firmware(crate="my_app")
    data = b"".join(
        firmware.frame("text", level=level, time=2_000_000)
        for level in ("trace", "debug", "info", "warn", "error", "println")
    )
    found = records(data, demux=Demultiplexer(defmt=firmware.table))
    lines = [record for record in found if isinstance(record, Line)]
    assert [line.level for line in lines] == ["V", "D", "I", "W", "E", None]
    assert {line.tag for line in lines} == {"my_app", None}
    assert {line.device_ms for line in lines} == {2000}
    assert lines[4].text == "E (2.000000) my_app: text"
    assert lines[5].text == "2.000000 text"
    assert {line.to_json()["source"] for line in lines} == {"defmt"}


def test_a_firmware_without_a_time() -> None:
    firmware = Firmware(timestamp=None)
    assert shown(firmware, firmware.frame("up")) == ["I app: up"]


def test_frames_stand_beside_text_and_cut_its_lines() -> None:
    firmware = Firmware()
    data = b"ESP-ROM:esp32c3\r\n" + firmware.frame("one") + b"half a " + firmware.frame("two\nrows") + b"line\r\n"
    assert shown(firmware, data) == [
        "ESP-ROM:esp32c3", "I (1.500000) app: one", "half a ", "I (1.500000) app: two", "rows", "line"
    ]  # fmt: skip


def assert_any_cut_is_the_same(draw: st.DataObject, firmware: Firmware, pieces: list[bytes]) -> None:
    """Pieces and streams behind one another give the same records, wherever they are cut."""
    data = b"".join(draw.draw(st.lists(st.one_of(st.sampled_from(pieces), STREAMS), max_size=6)))
    whole = as_json(records(data, demux=Demultiplexer(SMALL, defmt=firmware.table)))
    cuts = draw.draw(st.lists(st.integers(0, len(data)), max_size=12))
    cut = records(data, cuts, demux=Demultiplexer(SMALL, defmt=firmware.table))
    assert_tiles(cut, len(data))
    assert as_json(cut) == whole
    assert as_json(records(data, range(1, len(data)), demux=Demultiplexer(SMALL, defmt=firmware.table))) == whole


@given(st.data())
@FAST
def test_any_cut_gives_the_same_records(draw: st.DataObject) -> None:
    firmware = Firmware(encoding=draw.draw(st.sampled_from(["rzcobs", "raw"])))
    text = firmware.frame("n {=u32} {=str}", b"\x00\x01\x00\x00" + firmware.value("str", "x" * 150))
    pieces = [text, firmware.frame("b"), b"plain text\r\n", b"\xff", b"\x00", b"\xff\x00", b"a\n", text[:9]]
    assert_any_cut_is_the_same(draw, firmware, pieces)


@given(st.binary(max_size=400))
@FAST
def test_rzcobs_gives_back_what_was_encoded(data: bytes) -> None:
    decoded = decode_rzcobs(rzcobs(data))
    assert decoded[: len(data)] == data
    assert not decoded[len(data) :].strip(b"\0")
    assert 0 not in rzcobs(data)


@given(st.binary(max_size=80))
@FAST
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    firmware = Firmware()
    for text in ("{=str}", "{=[?]}", "{=?}", "{=__internal_Display} {=char}", "{0=0..9} {=[u8]}"):
        firmware.message(text)
    firmware.intern("defmt_derived", "A|B {=?}")
    firmware.intern("defmt_prim", "{=[?; 100000000]}")
    firmware.intern("defmt_write", "{=nonsense}")
    firmware.intern("defmt_write", "{=u8")
    for index in range(16, 32):
        try:
            decode_frame(firmware.table, rzcobs(struct.pack("<H8x", index) + data))
        except DefmtError:
            continue


def test_a_damaged_frame_is_told_and_the_next_one_read() -> None:
    firmware = Firmware()
    whole = firmware.frame("temperature {=u32} of {=u32}", struct.pack("<II", 0x81828384, 0x85868788))
    cut = whole[:-6] + b"\0"
    found = shown(firmware, firmware.frame("a") + cut + firmware.frame("b"))
    assert found[0].endswith("a")
    assert found[1].startswith("<defmt frame of ")
    assert found[2].endswith("b")
    lost_end = shown(firmware, firmware.frame("a") + whole[:-6] + firmware.frame("b"))
    assert lost_end[1].startswith("<defmt frame of ")
    assert lost_end[2].endswith("b")


def test_a_frame_of_another_firmware_is_told() -> None:
    firmware = Firmware()
    (line,) = shown(firmware, b"\xff\x00" + rzcobs(b"\x99\x99" + bytes(8)) + b"\0")
    assert "names the message 39321, which the ELF does not have" in line


def test_without_an_elf_frames_are_told_and_noise_is_text() -> None:
    firmware = Firmware()
    found = records(b"boot\n" + firmware.frame("a") + b"\xff\x00 noise, and then a long line of quite usual text\n")
    lines = [record for record in found if isinstance(record, Line)]
    assert lines[1].text.startswith("<defmt frame of 6 bytes: no ELF with its strings is loaded: 11 ")
    assert lines[2].text == "\\xff\x00 noise, and then a long line of quite usual text"


def test_text_behind_a_stray_start_is_not_held_for_long() -> None:
    demux = Demultiplexer(defmt=Firmware().table)
    found: list[Record] = [*demux.feed(b"\xff\x00")]
    for _ in range(10):
        found += demux.feed(b"I (1) main: a line of text\n")
    assert [record.length for record in found] == [29, *[27] * 9]


def test_the_strings_come_out_of_the_elf(tmp_path: Path) -> None:
    firmware = Firmware()
    data = firmware.frame("value {=u8:#x}", b"\x10")
    path = firmware.elf(tmp_path / "app.elf", [("main", 0x42000000), ("printf", 0x40000040)])
    assert defmt_table([path]) == firmware.table
    demux = Demultiplexer(defmt=defmt_table([path]))
    assert [record.to_json()["text"] for record in records(data, demux=demux)] == ["I (1.500000) app: value 0x10"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("_defmt_version_ = 9", "version 4 and 9"),
        ("_defmt_encoding_ = cobs", "encoding 'cobs'"),
        ('{"tag": "defmt_info"}', "no tag or no text"),
        ('{"tag": ', "damaged"),
        ('{"tag": "defmt_bitflags_value", "data": "A::B"}', "flag"),
    ],
)
def test_strings_that_cannot_be_read_say_why(tmp_path: Path, name: str, reason: str) -> None:
    firmware = Firmware()
    firmware.names.append((name, 20, 1))
    with pytest.raises(ValueError, match=reason):
        defmt_table([firmware.elf(tmp_path / "app.elf")])


def test_the_quotes_of_a_linker_script_are_no_part_of_the_version() -> None:
    table = read_table([DefmtSymbol('"_defmt_version_ = 3"', 0, b""), DefmtSymbol('"_defmt_encoding_ = raw"', 0, b"")])
    assert table.encoding == "raw"


@pytest.mark.parametrize(
    ("value", "single", "text"),
    [
        (0.0, True, "0.0"), (-0.0, False, "-0.0"), (1.5, True, "1.5"), (123456.0, True, "123456.0"),
        (1e13, True, "1e13"), (16777216.0, True, "16777216.0"), (1e-5, False, "0.00001"), (1e-7, False, "1e-7"),
        (1.25e-9, False, "1.25e-9"), (1e15, False, "1000000000000000.0"), (1e16, False, "1e16"),
        (float("nan"), True, "NaN"), (float("-inf"), False, "-inf"), (3.4028234663852886e38, True, "3.4028235e38"),
        (struct.unpack("<f", struct.pack("<f", 0.3))[0], True, "0.3"), (-2.5e-45, False, "-2.5e-45"),
    ],
)  # fmt: skip
def test_floating_point_numbers_are_the_shortest_that_mean_the_same(value: float, single: bool, text: str) -> None:
    assert float_text(value, single=single) == text


def bare(frame: bytes) -> bytes:
    """A frame as defmt's own encoder writes it, where nothing marks it: a zero before it and one behind."""
    return frame.removeprefix(b"\xff")


def test_bare_frames_are_read_and_text_beside_them_stays_text() -> None:
    firmware = Firmware()
    number = firmware.frame("n {=u32}", struct.pack("<I", 0x81828384))
    data = bare(firmware.frame("one")) + bare(number) + b"ESP-ROM:esp32c3\r\n" + bare(firmware.frame("two\nrows"))
    assert shown(firmware, data) == [
        "I (1.500000) app: one", "I (1.500000) app: n 2172814212", "ESP-ROM:esp32c3", "I (1.500000) app: two", "rows"
    ]  # fmt: skip
    mixed = b"half a " + bare(number) + firmware.frame("three") + b"line\r\n"
    assert shown(firmware, mixed)[1:] == ["I (1.500000) app: n 2172814212", "I (1.500000) app: three", "line"]


def test_a_damaged_bare_frame_costs_no_other() -> None:
    firmware = Firmware()
    number = bare(firmware.frame("n {=u32} {=u32}", struct.pack("<II", 0x81828384, 0x85868788)))
    data = bare(firmware.frame("a")) + number[:-6] + b"\0" + bare(firmware.frame("b"))
    found = shown(firmware, data)
    assert found[0].endswith("app: a")
    assert found[-1].endswith("app: b")


def test_zeros_in_text_are_no_frames_and_hold_nothing_up_for_long() -> None:
    demux = Demultiplexer(defmt=Firmware().table)
    found: list[Record] = [*demux.feed(b"a\0b\0\0c\n")]
    for _ in range(10):
        found += demux.feed(b"I (1) main: a line of text\n")
    assert [record.length for record in found] == [7, *[27] * 10]
    assert [record.length for record in [*Demultiplexer(defmt=None).feed(b"a\0b\0\n")]] == [5]


@given(st.data())
@FAST
def test_any_cut_of_bare_frames_gives_the_same_records(draw: st.DataObject) -> None:
    firmware = Firmware()
    text = firmware.frame("n {=u32} {=str}", b"\x00\x01\x00\x00" + firmware.value("str", "x" * 150))
    pieces = [bare(text), bare(firmware.frame("b")), firmware.frame("c"), b"plain text\r\n", b"\xff", b"\x00", text[:9]]
    assert_any_cut_is_the_same(draw, firmware, pieces)
