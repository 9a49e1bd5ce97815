"""Core dump capture: whole, in noise, damaged, cut off."""

from __future__ import annotations

import pytest

from espmon.records import Coredump, Demultiplexer, Limits, Line, Note, Record
from tests.inputs import Dump
from tests.records.streams import BANNER, END, START, assert_tiles, core_dump, core_image, core_lines, records


def dump_in(found: list[Record]) -> Coredump:
    (record,) = [record for record in found if isinstance(record, Coredump)]
    return record


def texts(found: list[Record]) -> list[str]:
    return [record.text for record in found if isinstance(record, Line)]


@pytest.mark.parametrize("eol", [b"\n", b"\r\n"])
def test_real_dumps_are_captured_with_a_good_checksum_inside_noise(dump: Dump, eol: bytes) -> None:
    text = dump.text.replace(b"\n", eol)
    noise = b"I (5) wifi: busy\r\n"
    rows = text.splitlines(keepends=True)
    body = b"".join(rows[:7]) + noise + b"".join(rows[7:])
    data = noise + START + body + END + noise
    found = records(data, range(50, len(data), 997))
    record = dump_in(found)
    assert (record.checksum, record.complete, record.error, record.lines) == ("ok", True, None, len(rows))
    assert texts(found) == ["I (5) wifi: busy"] * 2
    assert_tiles(found, len(data))


def test_lines_of_other_tasks_inside_are_notes_and_are_read() -> None:
    rows = core_lines(core_image())
    panic = b"abort() was called at PC 0x400d66b9 on core 0\r\n"
    found = records(START + rows[0] + panic + b"".join(rows[1:]) + END)
    assert dump_in(found).checksum == "ok"
    assert [record.text for record in found if isinstance(record, Note)] == [panic.decode().strip()]
    assert "panic" in {record.type for record in found}


def test_a_line_cut_in_two_by_another_task_is_put_together() -> None:
    rows = core_lines(core_image())
    cut = rows[1][:21] + b"\x1b[0;32mI (77) wifi: scan done\x1b[0m\r\n" + rows[1][21:]
    found = records(START + rows[0] + cut + b"".join(rows[2:]) + END)
    record = dump_in(found)
    assert (record.checksum, record.error, record.damaged_lines) == ("ok", None, ())
    assert [record.text for record in found if isinstance(record, Note)] == ["I (77) wifi: scan done"]


def test_the_damaged_line_is_named() -> None:
    rows = core_lines(core_image())
    rows[2] = b"?" + rows[2][1:]
    record = dump_in(records(START + b"".join(rows) + END))
    assert not record.complete
    assert record.damaged_lines == (3,)
    assert record.error is not None
    assert "line 3 is not base64" in record.error


def test_a_flipped_bit_makes_the_checksum_bad() -> None:
    image = bytearray(core_image())
    image[40] ^= 1
    record = dump_in(records(core_dump(bytes(image))))
    assert (record.checksum, record.complete) == ("bad", True)
    assert record.error == "the SHA256 does not match"


def test_an_unknown_version_is_kept_unchecked() -> None:
    image = bytearray(core_image())
    image[4] = 0x77
    record = dump_in(records(core_dump(bytes(image))))
    assert record.checksum == "unknown"
    assert record.payload == bytes(image)


def test_a_restart_in_the_middle_of_a_line_keeps_what_came_and_logs_the_banner() -> None:
    rows = core_lines(core_image())
    data = START + rows[0] + rows[1][:22] + BANNER + b"I (1) boot: again\r\n"
    found = records(data)
    record = dump_in(found)
    assert (record.complete, record.payload) == (False, core_image()[: 48 + 15])
    assert record.error is not None
    assert "restarted" in record.error
    assert texts(found)[0] == "ets Jul 29 2019 12:21:46"
    assert texts(found)[-1] == "I (1) boot: again"
    assert "reset" in {other.type for other in found}
    assert_tiles(found, len(data))


def test_a_lost_end_line_does_not_mute_the_log() -> None:
    rows = core_lines(core_image())
    log = [f"I ({number}) app: line {number}" for number in range(200)]
    found = records(START + b"".join(rows) + "\r\n".join(log).encode() + b"\r\n")
    assert not dump_in(found).complete
    assert dump_in(found).checksum == "ok"
    assert texts(found) == log


def test_a_dump_that_stalls_is_kept_as_partial() -> None:
    demux = Demultiplexer()
    rows = core_lines(core_image())
    demux.feed(START + rows[0] + rows[1])
    assert not demux.idle()
    status = demux.capture
    assert status is not None
    assert (status.kind, status.lines, status.expected) == ("coredump", 2, None)
    (record,) = demux.stall()
    assert isinstance(record, Coredump)
    assert (record.complete, len(record.payload)) == (False, 96)
    assert [after.to_json()["text"] for after in demux.feed(b"log again\n")] == ["log again"]


def test_a_pause_in_the_middle_of_a_line_changes_nothing() -> None:
    demux = Demultiplexer()
    data = core_dump()
    found: list[Record] = []
    for at in range(0, len(data), 13):
        found += [*demux.feed(data[at : at + 13]), *demux.idle()]
    assert dump_in(found).checksum == "ok"
    assert len(found) == 1


def test_an_aborted_dump_keeps_what_came() -> None:
    demux = Demultiplexer()
    demux.feed(START + core_lines(core_image())[0])
    (record,) = demux.abort_capture()
    assert isinstance(record, Coredump)
    assert (len(record.payload), record.error) == (48, "stopped by the user; 48 of 300 bytes")


def test_a_pasted_report_is_not_a_dump() -> None:
    found = records(b"=" * 60 + b"\n==== ESP32 CORE DUMP START ====\nx\n")
    assert {record.type for record in found} == {"line"}


def test_a_dump_above_the_cap_ends() -> None:
    demux = Demultiplexer(Limits(coredump=1000))
    found = records(START + core_lines(core_image())[0] * 40, demux=demux)
    assert dump_in(found).error is not None
    assert "cap" in (dump_in(found).error or "")


def test_a_second_start_ends_the_first_dump() -> None:
    data = START + core_lines(core_image())[0] + core_dump()
    first, second = [record for record in records(data) if isinstance(record, Coredump)]
    assert not first.complete
    assert second.checksum == "ok"


def test_an_empty_dump_is_reported() -> None:
    record = dump_in(records(START + END))
    assert (record.complete, record.lines, record.payload) == (False, 0, b"")
