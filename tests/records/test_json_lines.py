"""Lines as JSON text: the same as through objects, only sooner."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings

from espmon.records import Demultiplexer, LineBlock
from espmon.records.json_lines import json_rows
from tests.inputs import Log
from tests.records.streams import STREAMS, binary_log


def check(data: bytes, time: float | None = None) -> None:
    demux = Demultiplexer()
    for part in [*demux.feed(data, time).parts, *demux.flush(time).parts]:
        if isinstance(part, LineBlock):
            assert list(json_rows(part)) == [json.dumps(line.to_json()) for line in part]


@given(STREAMS)
@settings(max_examples=100, deadline=None)
def test_rows_say_what_records_say(data: bytes) -> None:
    check(data)


@pytest.mark.parametrize("time", [None, 0.0, 1.5, 1763676427.123456, 7])
def test_times_are_written_as_records_write_them(time: float | None) -> None:
    check(b"I (5) app: hi\r\n\x1b[0;31mE (6) app: no\x1b[0m\r\nlast", time)


def test_bad_bytes_quotes_and_line_ends_are_written_as_records_write_them() -> None:
    check(b'say "\\" \xff\xc3\xbc \x1b]0;x\x07 \0\r\r\n10%\r20%\r\n\xe2\x80\xa8\n')


def test_lines_of_all_kinds_in_one_block_are_written_as_records_write_them() -> None:
    lines = [
        b"W (12345) wifi-x.c: said \"no\"", b"I (0) a: ", b"I (007) a: padded", b"I (5) a\tb: a tab", b"no head",
        b"\x1b[0;32mI (9) app: green\x1b[0m", b"D (10) app: \x1b[1mbold\x1b[0m within", b"V (11) \xc3\xbc: umlaut", b"",
        b"E (12) app: back\\slash", b"\x1b[2KI (13) app: cleared", b"[   14][E][main.c:3] f(): Arduino", b"\x1b[0m",
        b"I (9999999999999999999) long: nineteen digits", b"I (10000000000000000000) longer: twenty", b"\x7f\x00\x85",
    ]  # fmt: skip
    for end in (b"\n", b"\r\n", b"\r\r\n"):
        check(end.join(lines) + end)
        check(end.join(reversed(lines)) + end, 1.5)
    demux = Demultiplexer()
    demux.feed(b"I (1) app: begun ", 1.0)
    (block,) = demux.feed(b"early\nI (2) app: later\n", 2.0).parts
    assert isinstance(block, LineBlock)
    assert list(json_rows(block)) == [json.dumps(line.to_json()) for line in block]
    assert json.loads(json_rows(block)[0])["time"] == 1.0


def test_decoded_lines_are_written_as_records_write_them() -> None:
    check(binary_log(b"%d of %s", arguments=b"\0\0\0\1\xff\xfeab") + binary_log(b"a\nb"))


def test_whole_logs_are_written_as_records_write_them(log: Log) -> None:
    check(log.data)
