"""`espmon formats`: the page's own examples are decoded by espmon, and its figures are the code's."""

from __future__ import annotations

import re

import pytest

from espmon.cli import main
from espmon.cli.formats import PAGE
from espmon.records import Caps, Frame, Limits, Png, Record, cbor, values
from espmon.records.capabilities import MAX_COMMANDS
from espmon.records.record import PayloadRecord
from espmon.records.span import PREFIX_BYTES
from espmon.records.spans.frame import ENCODINGS
from espmon.records.spans.header_lines import HEADER_BYTES
from espmon.session.settings import Settings
from tests.records.streams import assert_tiles, records

TEXT = PAGE.read_text("utf-8")
EXAMPLES = {
    name: bytes.fromhex("".join(row.split("|")[0] for row in body.splitlines()))
    for name, body in re.findall(r"```hex ([\w-]+)\n(.*?)```", TEXT, re.DOTALL)
}
VALUE = {"t": 21.5}
READ: dict[str, tuple[type[Record], dict[str, object]]] = {
    "png-length": (Png, {"width": 1, "height": 1, "complete": True, "error": None}),
    "png-streamed": (Png, {"width": 1, "height": 1, "complete": True, "error": None}),
    "png-failed": (Png, {"complete": False, "error": "the device could not encode the picture"}),
    "frame-raw": (Frame, {"kind": "json", "encoding": "raw", "crc": "ok", "value": VALUE, "error": None}),
    "frame-base64": (Frame, {"kind": "json", "encoding": "base64", "crc": "ok", "value": VALUE, "error": None}),
    "frame-streamed": (Frame, {"kind": "json", "encoding": "raw", "crc": "none", "value": VALUE, "error": None}),
    "frame-file": (Frame, {"kind": "file", "name": "log.csv", "crc": "ok", "bytes": 14, "error": None}),
    "frame-cbor": (Frame, {"kind": "cbor", "crc": "ok", "value": VALUE, "error": None}),
    "frame-own": (Frame, {"kind": "acme/telemetry", "encoding": "base64+zlib", "bytes": 4, "error": None}),
    "caps": (Caps, {"error": None}),
}
"""Example -> the record that it is, and what that says."""


def test_the_command_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["formats"]) == 0
    assert capsys.readouterr().out == TEXT


def test_every_example_is_one_that_is_tested() -> None:
    assert EXAMPLES.keys() == READ.keys()


@pytest.mark.parametrize("name", READ)
def test_an_example_is_what_the_page_says(name: str) -> None:
    kind, said = READ[name]
    for data in (EXAMPLES[name], EXAMPLES[name].replace(b"\n@ESPFRAME_END\n", b"\r\n@ESPFRAME_END\r\n")):
        found = records(data)
        assert_tiles(found, len(data))
        (record,) = [record for record in found if isinstance(record, PayloadRecord | Caps)]
        assert isinstance(record, kind)
        assert {key: record.to_json()[key] for key in said} == said


def test_lengths_and_checksums_that_the_page_names_are_right() -> None:
    (own,) = records(EXAMPLES["frame-own"])
    assert isinstance(own, Frame)
    assert own.payload == bytes.fromhex("0102a0ff")
    for row in re.findall(r"```hex.*?```", TEXT, re.DOTALL):
        for hexes, comment in re.findall(r"^([0-9a-f ]{48,})\| payload: (.*)$", row, re.MULTILINE):
            assert bytes.fromhex(hexes).decode() == comment


LIMITS = Limits()
FIGURES = {
    "a header line": f"{HEADER_BYTES:,} bytes",
    "a prompt before a header": f"{PREFIX_BYTES:,} bytes",
    "a frame's payload, and what it unpacks to": f"{LIMITS.frame:,} bytes",
    "what compressed frames unpack to, for each byte of the stream": f"{LIMITS.unpacked_per_byte} bytes",
    "a picture": f"{LIMITS.png:,} bytes",
    "JSON or CBOR that is decoded; larger ones are kept as they are": f"{LIMITS.value:,} bytes",
    "values in one JSON or CBOR payload": f"{cbor.MAX_VALUES:,}",
    "nesting of JSON or CBOR": f"{cbor.MAX_DEPTH}",
    "silence inside a payload": f"{Settings().stall_seconds:g} s",
    "commands in an announcement": f"{MAX_COMMANDS}",
}


def test_the_limits_are_those_of_the_code() -> None:
    section = TEXT.split("## Limits")[1].split("##")[0]
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", section, re.MULTILINE))
    assert {name: rows[name] for name in FIGURES} == FIGURES
    assert (values.MAX_VALUES, values.MAX_DEPTH) == (cbor.MAX_VALUES, cbor.MAX_DEPTH)
    assert all(f"`{encoding}`" in TEXT for encoding in ENCODINGS)


def test_the_screenshot_line_is_the_setting_s() -> None:
    assert Settings().screenshot_trigger == "screenshot\r\n"
    assert "`screenshot_trigger` (`screenshot` and CR LF)" in TEXT
