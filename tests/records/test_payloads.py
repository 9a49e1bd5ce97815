"""Frames, pictures, packets: whole, damaged, and what stands around them."""

from __future__ import annotations

import json
import zlib

import cbor2
import pytest

from espmon.records import Caps, Demultiplexer, Frame, Gdb, Limits, Line, Note, Png, Record
from tests.records.streams import BANNER, assert_tiles, binary_log, frame, framed_png, packet, png, records


def one(found: list[Record], kind: type[Record]) -> Record:
    (record,) = [record for record in found if isinstance(record, kind)]
    return record


def texts(found: list[Record]) -> list[str]:
    return [record.text for record in found if isinstance(record, Line)]


@pytest.mark.parametrize("streamed", [False, True])
def test_a_picture_behind_a_prompt(streamed: bool) -> None:
    data = b"esp> " + framed_png(png(), streamed=streamed) + b"OK len=68\r\n"
    found = records(data)
    picture = one(found, Png)
    assert isinstance(picture, Png)
    assert (picture.width, picture.height, picture.payload, picture.error) == (4, 2, png(), None)
    assert texts(found) == ["esp> ", "OK len=68"]
    assert_tiles(found, len(data))


def test_a_device_that_cannot_encode_says_so() -> None:
    found = records(b"PNG_BEGIN 0\nPNG_END\nERR: screenshot failed\n")
    picture = one(found, Png).to_json()
    assert (picture["complete"], picture["error"]) == (False, "the device could not encode the picture")
    assert texts(found) == ["ERR: screenshot failed"]


def test_a_picture_with_a_wrong_chunk_crc_is_text_again() -> None:
    broken = bytearray(png())
    broken[-20] ^= 1
    data = framed_png(bytes(broken)) + b"next\n"
    found = records(data)
    picture = one(found, Png).to_json()
    assert not picture["complete"]
    assert "CRC" in picture["error"]
    assert texts(found)[-2:] == ["PNG_END", "next"]
    assert_tiles(found, len(data))


@pytest.mark.parametrize("kind", [b"SPFR", b"wifi", b"IDAX", b"iend"])
def test_a_chunk_that_png_does_not_know_claims_nothing(kind: bytes) -> None:
    demux = Demultiplexer()
    broken = png()[:33] + b"\0\x0a\x40\x45" + kind
    found = list(demux.feed(b"PNG_BEGIN 0\n" + broken + b"\r\nI (1) app: goes on\r\n"))
    assert demux.capture is None
    assert f"chunk type {kind.decode()}" in one(found, Png).to_json()["error"]
    assert texts(found)[-1] == "I (1) app: goes on"


@pytest.mark.parametrize("size", [1, 7, 8, 15, 33, len(png()) - 1])
def test_a_length_that_is_too_short_is_said_at_once(size: int) -> None:
    demux = Demultiplexer()
    data = framed_png(png()).replace(b"%d" % len(png()), b"%d" % size, 1)
    found = list(demux.feed(data + b"I (1) app: goes on\r\n"))
    assert demux.capture is None
    assert not one(found, Png).to_json()["complete"]
    assert texts(found)[-1] == "I (1) app: goes on"


def test_a_panic_inside_a_picture_is_read() -> None:
    panic = b"Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.\r\n"
    data = b"PNG_BEGIN 5000\n" + png()[:20] + b"\r\n" + panic + BANNER + b"I (1) boot: again\r\n"
    found = records(data)
    assert not one(found, Png).to_json()["complete"]
    assert "panic" in {record.type for record in found}
    assert "I (1) boot: again" in texts(found)
    assert_tiles(found, len(data))


def test_a_restart_ends_a_picture_at_once() -> None:
    demux = Demultiplexer()
    demux.feed(b"PNG_BEGIN 5000\n" + png()[:33] + b"\0\0\x10\0IDAT" + b"\0" * 9)
    assert demux.capture is not None
    found = list(demux.feed(BANNER))
    assert one(found, Png).to_json()["error"] == "the board restarted after 50 bytes"
    assert demux.capture is None


def test_a_picture_above_the_cap_is_refused_at_its_header() -> None:
    found = records(b"PNG_BEGIN 2147483648\nhello\n")
    assert "above the cap" in one(found, Png).to_json()["error"]
    assert texts(found) == ["hello"]


@pytest.mark.parametrize("encoding", ["raw", "base64", "zlib", "base64+zlib"])
def test_frames_in_every_encoding(encoding: str) -> None:
    payload = b'{"name": "gr\xc3\xbc\xc3\x9fe", "list": [1, 2.5, null]}'
    shown = one(records(frame(payload, encoding=encoding)), Frame).to_json()
    assert shown["value"] == json.loads(payload)
    assert (shown["crc"], shown["bytes"], shown["complete"], shown["error"]) == ("ok", len(payload), True, None)


@pytest.mark.parametrize("sign", [1, -1])
def test_an_integer_of_thousands_of_digits_is_shown_as_text(sign: int) -> None:
    payload = cbor2.dumps({"a": sign << 20_000, "b": 1 << 64})
    shown = one(records(frame(payload, "cbor")), Frame).to_json()
    assert json.loads(json.dumps(shown))["value"] == {"a": hex(sign << 20_000), "b": 1 << 64}


def test_a_cbor_frame_is_shown_as_json() -> None:
    payload = cbor2.dumps({"a": b"\x01", 2: [float("nan")], "u": "x"})
    shown = one(records(frame(payload, "cbor")), Frame).to_json()
    assert shown["value"] == {"a": "AQ==", "2": ["nan"], "u": "x"}


def test_an_unknown_kind_is_kept_as_it_is() -> None:
    record = one(records(frame(b"\x00\x01\r\n@ESPFRAME_END\r\nnot yet", "trace.v2")), Frame)
    assert isinstance(record, Frame)
    assert (record.kind, record.payload, record.complete) == ("trace.v2", b"\x00\x01\r\n@ESPFRAME_END\r\nnot yet", True)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("log.txt", "log.txt"), ("../../etc/passwd", "passwd"), ("C:\\a\\b.txt", "b.txt"), ("..", None), ("a:b", "a_b")],
)
def test_a_file_name_is_never_a_path(sent: str, kept: str | None) -> None:
    assert one(records(frame(b"x", f"file:{sent}")), Frame).to_json()["name"] == kept


DAMAGES = [
    (frame(b"{}").replace(b"{}", b"{]"), "crc32"),
    (frame(b"{}", size=3), "crc32|end line"),
    (frame(b"{}", size=5000), "the stream ended"),
    (frame(b"{", crc=False), "not JSON"),
    (frame(b"{}", encoding="lzma"), "unknown encoding"),
    (frame(b"{}", "trace", size=0), "length 0"),
    (frame(b"\x22: [1", "cbor", crc=False), "4 bytes behind the CBOR item"),
    (frame(b"21", size=0), "begins with {"),
    (frame(b"{(}", size=0), "byte 1 is not JSON"),
    (frame(b'{"a\nb"}', size=0), "byte 3 is not JSON"),
    (frame(b"\xa1\x61a\xff", "cbor", size=0), "a break at byte 3"),
    (frame(b"\xa1\x1c", "cbor", size=0), "reserved value 28"),
    (frame(b"\x81" * 80, "cbor", size=0), "nested deeper"),
    (frame(b"\x5b" + b"\x7f" * 8, "cbor", size=0), "does not end within"),
    (frame(b"x", "trace", "zlib", size=0).replace(b"\x78\x9c", b"\x78\x9d"), "not a zlib stream"),
    (frame(b"x" * 90, "trace", "base64", size=0).replace(b"eHh4", b"e(h4", 1), "is not base64"),
    (frame(b"{}", size=1 << 31), "above the cap"),
    (frame(b"A" * 40, "other", "base64").replace(b"QUFB", b"Q!FB", 1), "not base64"),
    (b"@ESPFRAME JSON 2 raw -\r\n{}\r\n", "malformed"),
    (b"@ESPFRAME x 4 base64 -\nAAA=AAA=\n", "end line"),
    (b"@ESPFRAME x 4 zlib -\nAAAA\n@ESPFRAME_END\n", "zlib"),
]


@pytest.mark.parametrize(("data", "reason"), DAMAGES)
def test_a_damaged_frame_is_reported_and_its_bytes_are_text(data: bytes, reason: str) -> None:
    data += b"I (1) app: goes on\r\n"
    found = records(data)
    shown = one(found, Frame).to_json()
    assert shown["complete"] is False
    assert any(part in shown["error"] for part in reason.split("|"))
    assert shown["length"] == data.index(b"\n") + 1
    assert texts(found)[-1] == "I (1) app: goes on"
    assert_tiles(found, len(data))


SELF_DELIMITING = [
    ("json", "raw", b'{"a": [1, {"b": "}]\\"\\\\"}], "c": "gr\xc3\xbc\xc3\x9fe"}'),
    ("json", "raw", b"[[], {}, 1.5e-3, true, null]"),
    ("cbor", "raw", cbor2.dumps({"a": [1, 1 << 40, -5, 2.5, None], "b": b"\0" * 300, "c": "x" * 30})),
    ("cbor", "raw", b"\xbf\x61a\x9f\x01\x82\x02\x03\xff\x61b\x7f\x61x\x61y\xff\xff"),
    ("cbor", "raw", b"\xd9\xd9\xf7\x83\x01\x02\x03"),
    ("png", "raw", png()),
    ("png", "base64", png()),
    ("json", "base64", b"21"),
    ("acme/telemetry", "zlib", b"\0\x01@ESPFRAME_END\n" * 40),
    ("acme/telemetry", "base64+zlib", bytes(range(256)) * 9),
    ("file:a.csv", "base64", b"a,b\n"),
]


@pytest.mark.parametrize(("kind", "encoding", "payload"), SELF_DELIMITING)
@pytest.mark.parametrize("crc", [True, False])
def test_length_0_is_for_payloads_whose_end_can_be_known(kind: str, encoding: str, payload: bytes, crc: bool) -> None:
    data = b"esp> " + frame(payload, kind, encoding, size=0, crc=crc) + b"I (1) app: goes on\r\n"
    for cuts in (range(0), range(len(data)), range(0, len(data), 7)):
        found = records(data, cuts)
        record = one(found, Frame)
        assert isinstance(record, Frame)
        assert (record.payload, record.error, record.crc) == (payload, None, "ok" if crc else "none")
        assert texts(found)[-1] == "I (1) app: goes on"
        assert_tiles(found, len(data))


def test_a_payload_of_unknown_length_ends_at_the_cap() -> None:
    limits = Limits(frame=1000)
    for kind, encoding, payload in (
        ("json", "raw", b"[" + b"1," * 2000),
        ("cbor", "raw", b"\x9f" + b"\x01" * 2000),
        ("acme", "zlib", b"\0" * 2000),
        ("acme", "base64", b"x" * 2000),
    ):
        found = records(frame(payload, kind, encoding, size=0), demux=Demultiplexer(limits))
        assert "1000 bytes" in one(found, Frame).to_json()["error"]


def test_kinds_of_your_own_have_a_maker_s_name() -> None:
    record = one(records(frame(b"\0", "acme/telemetry")), Frame)
    assert isinstance(record, Frame)
    assert (record.kind, record.title) == ("acme/telemetry", "Frame acme/telemetry: 1 bytes")
    for kind in ("acme/", "/acme", "a/b/c", "x" * 33):
        assert "malformed" in one(records(frame(b"\0", kind)), Frame).to_json()["error"]


def test_a_png_frame_is_a_picture_of_its_size() -> None:
    record = one(records(frame(png(), "png", "base64")), Frame)
    assert isinstance(record, Frame)
    assert (record.pixels, record.title) == ((4, 2), f"Screenshot 4x2: {len(png())} bytes")
    shown = record.to_json()
    assert (shown["width"], shown["height"]) == (4, 2)


@pytest.mark.parametrize("encoding", ["raw", "base64", "zlib", "base64+zlib"])
def test_a_frame_of_the_binary_log_is_its_lines(encoding: str) -> None:
    payload = binary_log(b"hello") + binary_log(b"two\nlines") + binary_log(b"bye")
    data = frame(payload, "binlog", encoding) + b"I (1) app: goes on\r\n"
    for cuts in (range(0), range(len(data))):
        found = records(data, cuts)
        assert texts(found) == [
            "I (123) app: hello", "I (123) app: two", "I (123) app: lines", "I (123) app: bye", "I (1) app: goes on",
        ]  # fmt: skip
        assert [record.source for record in found if isinstance(record, Line)][:4] == ["binlog"] * 4
        assert_tiles(found, len(data))


def test_a_binlog_frame_that_holds_something_else_keeps_it() -> None:
    record = one(records(frame(b"\x01\x02 no log", "binlog")), Frame)
    assert isinstance(record, Frame)
    assert (record.payload, record.error) == (b"\x01\x02 no log", "not frames of the binary log")


def test_a_zip_bomb_is_refused() -> None:
    found = records(frame(b"\0" * 100_000, "other", "zlib"), demux=Demultiplexer(Limits(frame=10_000)))
    assert one(found, Frame).to_json()["error"] == "unpacks to more than 10000 bytes"


def test_a_header_in_the_middle_of_a_sentence_is_text() -> None:
    found = records(b"I (5) doc: send @ESPFRAME json 2 raw -\r\n{}\r\n")
    assert {record.type for record in found} == {"line"}


def test_a_frame_inside_a_frame_is_payload() -> None:
    inner = frame(b"{}")
    record = one(records(frame(inner, "file:nested")), Frame)
    assert isinstance(record, Frame)
    assert record.payload == inner


def test_hostile_headers_do_not_cost_more_than_the_stream() -> None:
    # Each header claims everything behind it: without a bound every one of them would read the rest of the stream.
    data = b"@ESPFRAME x 1000000 raw -\n" * 20_000
    found = records(data)
    assert_tiles(found, len(data))
    assert sum(isinstance(record, Frame) for record in found) < 20


def test_a_stalled_frame_is_given_up() -> None:
    demux = Demultiplexer()
    demux.feed(b"@ESPFRAME json 20 raw -\n{")
    assert not demux.idle()
    status = demux.capture
    assert status is not None
    assert (status.kind, status.received, status.expected) == ("frame", 25, 44)
    found = list(demux.stall())
    assert one(found, Frame).to_json()["error"] == "nothing came any more after 1 of 20 bytes"
    assert texts([*found, *demux.feed(b"\n")]) == ["{"]


def test_stop_packets_over_any_cut() -> None:
    data = b"Entering gdb stub now.\r\n" + packet(b"T05thread:1;") + b"I (1) x: y\r\n"
    for cut in range(len(data)):
        found = records(data, [cut])
        shown = one(found, Gdb).to_json()
        assert (shown["packet"], shown["signal"], shown["checksum"]) == ("T05thread:1;", 5, "ok")
        assert texts(found) == ["Entering gdb stub now.", "I (1) x: y"]


def test_a_packet_is_there_as_soon_as_its_last_byte_is() -> None:
    assert one(list(Demultiplexer().feed(b"Entering gdb stub now.\n$T0b#e6")), Gdb).to_json()["signal"] == 11


def test_a_packet_with_a_wrong_checksum_says_so() -> None:
    assert one(records(b"$T05#00\n"), Gdb).to_json()["checksum"] == "bad"


def test_escaped_bytes_of_a_packet_stay_in_it() -> None:
    record = one(records(packet(b"T05x:}\x03}\x04;")), Gdb)
    assert isinstance(record, Gdb)
    assert record.payload == b"T05x:}\x03}\x04;"


@pytest.mark.parametrize("text", [b"price: $T99 only", b"$TERM#ab", b"echo $S0 # comment", b"$Txyz#00"])
def test_dollars_in_text_are_no_packets(text: bytes) -> None:
    assert {record.type for record in records(text + b"\n")} == {"line"}


def test_capabilities_are_an_event_behind_their_line() -> None:
    found = records(b'esp> @ESPCAPS {"frames":["png"],"version":1}\r\n')
    assert [record.type for record in found] == ["line", "caps"]
    assert isinstance(found[1], Caps)
    assert found[1].value == {"frames": ["png"], "version": 1}


@pytest.mark.parametrize("text", ["{oops", "[1]", "{" * 5000])
def test_bad_capabilities_never_raise(text: str) -> None:
    found = records(f"@ESPCAPS {text}\n".encode())
    assert all(record.to_json()["value"] is None for record in found if isinstance(record, Caps))


def test_the_prompt_before_a_core_dump_asks_for_enter() -> None:
    demux = Demultiplexer()
    demux.feed(b"Press Enter to print core dump to UART...")
    note = list(demux.idle())[-1]
    assert isinstance(note, Note)
    assert note.action == "enter"


def test_a_frame_with_the_right_crc_in_upper_case() -> None:
    data = b"@ESPFRAME x 3 raw %08X\nabc\n@ESPFRAME_END\n" % zlib.crc32(b"abc")
    assert one(records(data), Frame).to_json()["crc"] == "ok"


def test_what_frames_unpack_to_is_in_proportion_to_what_the_board_sent() -> None:
    limits = Limits(frame=100_000, unpacked_per_byte=16)
    bomb = frame(b"\0" * 100_000, "trace", "zlib")
    received = bomb * 100
    found = [record for record in records(received, demux=Demultiplexer(limits)) if isinstance(record, Frame)]
    unpacked = sum(len(record.payload) for record in found)
    assert unpacked <= limits.frame + limits.unpacked_per_byte * len(received)
    assert found[0].complete  # the first is a picture of one colour, perhaps
    assert "unpacks to more than" in str(found[-1].error)


def test_a_board_that_compresses_well_is_not_held_up() -> None:
    payload = bytes(range(256)) * 200
    sent = frame(payload, "trace", "zlib") + b"I (1) app: a line of the log\r\n" * 200
    found = records(sent * 40, demux=Demultiplexer(Limits(frame=100_000)))
    assert all(record.complete for record in found if isinstance(record, Frame))
