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


def test_decoded_lines_are_written_as_records_write_them() -> None:
    check(binary_log(b"%d of %s", arguments=b"\0\0\0\1\xff\xfeab") + binary_log(b"a\nb"))


def test_whole_logs_are_written_as_records_write_them(log: Log) -> None:
    check(log.data)
