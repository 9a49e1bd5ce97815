"""The JSON that scripts rely on: every field of every record type, with its type. More fields may be added."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings

from espmon.records import Demultiplexer
from tests.inputs import Log
from tests.records.streams import BANNER, STREAMS, core_dump, frame, framed_png, packet, png, records

Check = Callable[[Any], bool]


def kind(*types: type) -> Check:
    """A value of one of these types; a bool is no number."""
    return lambda value: type(value) in types


def one_of(*values: object) -> Check:
    return lambda value: value in values


def nullable(check: Check) -> Check:
    return lambda value: value is None or check(value)


def address(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch("0x[0-9a-f]{8}", value) is not None


def sha256(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def bytes_in_base64(value: object) -> bool:
    return isinstance(value, str) and base64.b64encode(base64.b64decode(value, validate=True)).decode() == value


def texts(value: object) -> bool:
    return isinstance(value, list) and all(type(item) is str for item in value)


def registers(value: object) -> bool:
    return isinstance(value, dict) and all(map(address, value.values()))


def frames(value: object) -> bool:
    return isinstance(value, list) and all(fits(entry, FRAME) for entry in value)


def fits(value: dict[str, Any], fields: dict[str, Check]) -> bool:
    return not [name for name, check in fields.items() if name not in value or not check(value[name])]


text, number, flag = kind(str), kind(int), kind(bool)

FRAME = {
    "pc": address, "sp": nullable(address), "function": nullable(text), "file": nullable(text),
    "line": nullable(number), "inlined": flag,
}  # fmt: skip
COMMON = {"type": text, "offset": number, "length": number, "time": nullable(kind(float, int)), "derived": flag}
PAYLOAD = {"bytes": number, "complete": flag, "error": nullable(text), "path": nullable(text)}
SPAN_FIELDS: dict[str, dict[str, Check]] = {
    "line": {
        "text": text, "level": one_of("E", "W", "I", "D", "V", None), "tag": nullable(text),
        "device_ms": nullable(number), "eol": one_of("\n", "\r\n", "\r\r\n", "\r", ""), "partial": flag, "ansi": flag,
        "source": one_of("text", "binlog"),
    },
    "frame": PAYLOAD | {
        "kind": text, "encoding": text, "crc": one_of("ok", "bad", "none"), "sha256": nullable(sha256),
        "value": lambda value: True, "name": nullable(text),
    },
    "png": PAYLOAD | {"width": nullable(number), "height": nullable(number), "sha256": nullable(sha256)},
    "coredump": PAYLOAD | {"lines": number, "checksum": one_of("ok", "bad", "unknown")},
    "gdb": {"packet": text, "signal": nullable(number), "checksum": one_of("ok", "bad")},
    "raw": {"bytes": bytes_in_base64, "reason": text},
}  # fmt: skip
EVENT_FIELDS: dict[str, dict[str, Check]] = {
    "reset": {
        "code": number, "reason": text, "boot_mode": nullable(text), "expected": nullable(flag),
        "hint": nullable(text),
    },
    "panic": {
        "kind": one_of(
            "exception", "abort", "assert", "task_wdt", "int_wdt", "stack_overflow", "stack_smash", "heap", "cache",
            "brownout", "rust", "other",
        ),
        "cause": nullable(text), "core": nullable(number), "task": nullable(text), "pc": nullable(address),
        "excvaddr": nullable(address), "registers": registers, "backtrace": frames, "corrupted": flag,
        "elf_sha256": nullable(text), "elf_match": one_of(True, False, None), "message": nullable(text),
        "damaged": texts,
    },
    "boot": {
        "chip": nullable(text), "idf_version": nullable(text), "app": nullable(text), "app_version": nullable(text),
        "elf_sha256": nullable(text), "hint": nullable(text),
    },
    "caps": {},
    "note": {"text": text},
}  # fmt: skip

EVERYTHING = b"".join(
    [
        b"I (5) app: one\r\n10%\r20%\r\r\n\xff", framed_png(png()), frame(b"{}"), frame(b"\xa0", "cbor", "zlib"),
        frame(b"x", "file:a/b.txt"), frame(b"x", size=99),
        b"text\n" * 50, framed_png(png())[:-30], b"\n" * 50, core_dump(),
        packet(b"T05thread:1;"), packet(b"W00"), BANNER, b'@ESPCAPS {"version":1}\r\n@ESPCAPS {no\r\n',
        b"Press Enter to print core dump to UART...\r\n",
        b"I (29) boot: ESP-IDF v5.1 2nd stage bootloader\r\nI (99) app_init: Project name:     demo\r\n",
        b"Guru Meditation Error: Core  1 panic'ed (LoadProhibited). Exception was unhandled.\r\n",
        b"Core  1 register dump:\r\nPC      : 0x400D1234  PS      : 0x00060030\r\n",
        b"Backtrace: 0x400D1234:0x3ffb0000 0x400d2222:0x3ffb0020\r\n\r\nRebooting...\r\n",
    ]
)  # fmt: skip


def check(record: dict[str, Any]) -> str:
    """Hold one record to the contract; returns its type."""
    name = record["type"]
    fields = SPAN_FIELDS[name] if name in SPAN_FIELDS else EVENT_FIELDS[name]
    wrong = {
        field: record.get(field, "missing")
        for field, test in (COMMON | fields).items()
        if not fits(record, {field: test})
    }
    assert not wrong, (name, wrong)
    assert record["derived"] == (name in EVENT_FIELDS)
    return str(name)


def test_each_record_type_has_its_fields() -> None:
    demux = Demultiplexer()
    found = [*records(EVERYTHING, demux=demux), *demux.raw(b"\xc0", "flash")]
    assert {check(json.loads(json.dumps(record.to_json()))) for record in found} == {*SPAN_FIELDS, *EVENT_FIELDS}


def test_host_time_is_a_number() -> None:
    for record in Demultiplexer().feed(EVERYTHING, 1763676427.5):
        assert check(record.to_json())
        assert record.to_json()["time"] == 1763676427.5


@given(STREAMS)
@settings(max_examples=100, deadline=None)
def test_no_stream_makes_a_record_of_another_shape(data: bytes) -> None:
    for record in records(data):
        check(json.loads(json.dumps(record.to_json(), allow_nan=False)))


def test_whole_logs_keep_the_contract(log: Log) -> None:
    for record in records(log.data):
        check(record.to_json())


@pytest.mark.parametrize("damage", [b"Core  0 regi", b"Backtrace: 0x4", b"rst:0x", b"@ESPFRAME json 5 raw -\n{"])
def test_what_the_end_of_the_stream_cuts_keeps_the_contract(damage: bytes) -> None:
    for cut in range(0, len(EVERYTHING), 97):
        for record in records(EVERYTHING[:cut] + damage):
            check(record.to_json())
