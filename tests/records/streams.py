"""Streams for tests: payloads as boards send them, whole and damaged, and strategies that mix them."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import zlib
from collections.abc import Iterable, Sequence

from hypothesis import strategies as st

from espmon.records import Demultiplexer, JsonObject, Limits, Record
from espmon.records.spans.binlog_frame import crc8

EQUALS = b"=" * 17
START = EQUALS + b" CORE DUMP START " + EQUALS + b"\r\n"
END = EQUALS + b" CORE DUMP END " + EQUALS + b"\r\n"
BANNER = b"ets Jul 29 2019 12:21:46\r\n\r\nrst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int = 4, height: int = 2) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * (width * 3 + 1) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def framed_png(picture: bytes, *, streamed: bool = False) -> bytes:
    return b"PNG_BEGIN %d\n" % (0 if streamed else len(picture)) + picture + b"\nPNG_END\r\n"


def frame(
    payload: bytes, kind: str = "json", encoding: str = "raw", *, crc: bool = True, size: int | None = None
) -> bytes:
    wire = zlib.compress(payload) if encoding.endswith("zlib") else payload
    if encoding.startswith("base64"):
        wire = base64.b64encode(wire)
    check = f"{zlib.crc32(wire):08x}" if crc else "-"
    header = f"@ESPFRAME {kind} {len(wire) if size is None else size} {encoding} {check}\r\n"
    return header.encode() + wire + b"\r\n@ESPFRAME_END\r\n"


def core_image(body: bytes = b"core" * 64) -> bytes:
    """A core dump image of version 0x0104 (ELF, SHA256) with a right checksum."""
    head = struct.pack("<III", 12 + len(body) + 32, 0x0104, 0)
    return head + body + hashlib.sha256(head + body).digest()


def core_lines(image: bytes) -> list[bytes]:
    return [base64.b64encode(image[at : at + 48]) + b"\r\n" for at in range(0, len(image), 48)]


def core_dump(image: bytes | None = None) -> bytes:
    return START + b"".join(core_lines(image or core_image())) + END


def packet(payload: bytes) -> bytes:
    return b"$" + payload + b"#%02x" % (sum(payload) & 0xFF)


def embedded(text: bytes) -> bytes:
    return struct.pack(">h", 1 - len(text)) + text


def binary_log(form: bytes, tag: bytes = b"app", arguments: bytes = b"", *, level: int = 3, kind: int = 2) -> bytes:
    body = embedded(form) + embedded(tag) + struct.pack(">I", 123) + arguments
    length = 3 + len(body) + 1
    raw = bytes([kind]) + struct.pack(">H", length | level << 10) + body
    return raw + bytes([crc8(raw)])


def records(data: bytes, cuts: Iterable[int] = (), demux: Demultiplexer | None = None) -> list[Record]:
    """All records of a stream that arrives in reads that end at `cuts`."""
    demux = demux or Demultiplexer()
    found: list[Record] = []
    at = 0
    for cut in [*sorted(cuts), len(data)]:
        found.extend(demux.feed(data[at:cut]))
        at = cut
    found.extend(demux.flush())
    return found


def as_json(found: Sequence[Record]) -> list[JsonObject]:
    return [json.loads(json.dumps(record.to_json())) for record in found]


def spans(found: Sequence[Record]) -> list[Record]:
    return [record for record in found if not record.derived]


def assert_tiles(found: Sequence[Record], size: int, start: int = 0) -> None:
    at = start
    for record in spans(found):
        assert record.offset == at
        assert record.length > 0
        at += record.length
    assert at == size
    for record in found:
        if record.derived:
            assert start <= record.offset
            assert record.offset + record.length <= size


SMALL = Limits(line=96, frame=4096, png=4096, coredump=4096, coredump_foreign=3, gdb=64, value=256, read=512, defmt=300)
"""Caps that generated streams reach."""

TEXTS = st.sampled_from(
    [
        b"I (123) wifi: connected\r\n", b"\x1b[0;32mI (5) boot: ok\x1b[0m\r\n",
        b"esp> ", b"\r", b"\n", b"\r\r\n",
        b"\r\n", b"10%\r20%\r", b"x" * 100,
        b"Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.\r\n",
        b"Core  0 register dump:\r\nPC      : 0x400d1234  PS      : 0x00060030\r\n",
        b"Backtrace: 0x400d1234:0x3ffb0000 0x400d2222:0x3ffb0020\r\n", b"ELF file SHA256: 0123456789abcdef\r\n",
        b"Rebooting...\r\n", BANNER, b"PNG_BEGIN ", b"PNG_BEGIN 20\n", b"PNG_BEGIN 0\n", b"PNG_END\n", b"@ESPFRAME ",
        b"@ESPFRAME json 9 raw -\n", b"@ESPFRAME json 99999999999 raw\n", b"@ESPFRAME a 40 base64 -\n",
        b"@ESPFRAME_END\n", b"@ESPCAPS {}\r\n", START, END, EQUALS, b"QUJD\r\n", b"$T05", b"#b9", b"$T05#b9", b"\x01",
        b"\x02", b"\x01\x0c\x14", b"\xff\xfe", "grüße\n".encode(), b"\0", b"$", b"#", b"> ",
        b"Press Enter to print core dump to UART...\r\n",
    ]
)  # fmt: skip
PAYLOADS = st.one_of(
    st.builds(framed_png, st.just(png()), streamed=st.booleans()),
    st.builds(
        frame,
        st.sampled_from(
            [b'{"a": 1}', b"[]", b"\xa1aa\x01", b"oops\n@ESPFRAME_END\n", b"a\r\nb" * 30, png(), b"x" + BANNER]
        ),
        st.sampled_from(["json", "cbor", "png", "file:a/b.txt", "other"]),
        st.sampled_from(["raw", "base64", "zlib", "base64+zlib"]),
        crc=st.booleans(),
    ),
    st.just(core_dump()),
    st.builds(packet, st.sampled_from([b"T05", b"S0b", b"T05thread:1;", b"Tzz", b"O41", b"T05}\x03"])),
    st.builds(binary_log, st.sampled_from([b"hi", b"%d of %s", b"a\nb"]), arguments=st.binary(max_size=12)),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A payload with a piece cut out, another piece put in, or one byte changed."""
    data = draw(PAYLOADS)
    at = draw(st.integers(0, len(data)))
    kind = draw(st.sampled_from(["cut", "insert", "flip", "drop"]))
    if kind == "cut":
        return data[:at]
    if kind == "insert":
        return data[:at] + draw(TEXTS) + data[at:]
    if kind == "flip":
        return data[:at] + bytes([draw(st.integers(0, 255))]) + data[at + 1 :]
    return data[:at] + data[at + draw(st.integers(1, 8)) :]


STREAMS = st.lists(st.one_of(TEXTS, PAYLOADS, damaged(), st.binary(max_size=40)), max_size=14).map(b"".join)
