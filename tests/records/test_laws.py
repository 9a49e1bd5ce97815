"""The laws of the records: tiling, chunk invariance, progress, no exception."""

from __future__ import annotations

import random
from collections.abc import Iterable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from espmon.records import Demultiplexer, JsonObject, Record
from tests.inputs import Log
from tests.records.streams import SMALL, STREAMS, as_json, assert_tiles, records

FAST = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(STREAMS)
@FAST
def test_spans_tile_any_stream(data: bytes) -> None:
    assert_tiles(records(data), len(data))


@given(STREAMS)
@FAST
def test_spans_tile_any_stream_at_small_caps(data: bytes) -> None:
    assert_tiles(records(data, demux=Demultiplexer(SMALL)), len(data))


@given(STREAMS, st.data())
@FAST
def test_any_cut_gives_the_same_records(data: bytes, draw: st.DataObject) -> None:
    cuts = draw.draw(st.lists(st.integers(0, len(data)), max_size=12))
    assert as_json(records(data, cuts)) == as_json(records(data))


@given(STREAMS)
@FAST
def test_single_bytes_give_the_same_records_at_small_caps(data: bytes) -> None:
    whole = as_json(records(data, demux=Demultiplexer(SMALL)))
    assert as_json(records(data, range(1, len(data)), demux=Demultiplexer(SMALL))) == whole


@given(
    st.lists(
        st.tuples(STREAMS, st.sampled_from(["feed", "idle", "stall", "abort", "settle", "flush", "raw"])), max_size=6
    )
)
@FAST
def test_no_order_of_calls_raises_or_loses_a_byte(steps: list[tuple[bytes, str]]) -> None:
    demux = Demultiplexer(SMALL)
    found: list[Record] = []
    size = 0
    for data, call in steps:
        found += demux.feed(data)
        size += len(data)
        if call == "idle":
            found += demux.idle()
        elif call == "stall":
            found += demux.stall()
        elif call == "abort":
            found += demux.abort_capture()
        elif call == "settle":
            found += demux.settle()
        elif call == "flush":
            found += demux.flush()
        elif call == "raw":
            found += demux.raw(data, "a test")
            size += len(data)
        assert demux.offset == size
    found += demux.flush()
    assert_tiles(found, size)


PAUSES = ("idle", "settle", "stall")
"""What a pause makes of a demultiplexer, in the order in which a longer one does. A stall ends captures, so it comes
between captures only."""


def with_pauses(data: bytes, pauses: Iterable[tuple[int, int]], demux: Demultiplexer) -> list[Record]:
    """All records of a stream that comes with pauses: (position, how long, as an index into `PAUSES`)."""
    found: list[Record] = []
    at = 0
    for position, length in sorted(pauses):
        found += demux.feed(data[at:position])
        at = position
        for call in PAUSES[: length + 1]:
            if call != "stall" or demux.capture is None:
                found += getattr(demux, call)()
    return [*found, *demux.feed(data[at:]), *demux.flush()]


@given(STREAMS, st.data())
@FAST
def test_any_cut_and_any_pause_gives_the_same_lines(data: bytes, draw: st.DataObject) -> None:
    pause = st.tuples(st.integers(0, len(data)), st.integers(0, len(PAUSES) - 1))
    pauses = draw.draw(st.lists(pause, max_size=12))
    found = with_pauses(data, pauses, Demultiplexer(SMALL))
    assert_tiles(found, len(data))
    assert lines_of(found) == lines_of(records(data, demux=Demultiplexer(SMALL)))


@given(STREAMS)
@FAST
def test_a_pause_behind_every_byte_gives_the_same_lines(data: bytes) -> None:
    found = with_pauses(data, ((at, at % 3) for at in range(len(data) + 1)), Demultiplexer(SMALL))
    assert lines_of(found) == lines_of(records(data, demux=Demultiplexer(SMALL)))


def lines_of(found: Iterable[Record]) -> list[JsonObject]:
    return as_json([record for record in found if record.type == "line"])


@given(STREAMS)
@FAST
def test_the_unfinished_line_is_what_the_next_line_begins_with(data: bytes) -> None:
    demux = Demultiplexer(SMALL)
    for at in range(len(data)):
        before = demux.unfinished
        found = [record for record in demux.feed(data[at : at + 1]) if not record.derived]
        after = demux.unfinished
        if before is not None and found:
            assert found[0].offset == before.offset
        elif before is not None and after is not None:
            assert after.data.startswith(before.data)


@given(STREAMS)
@FAST
def test_what_is_held_stays_below_the_caps(data: bytes) -> None:
    demux = Demultiplexer(SMALL)
    for at in range(len(data)):
        demux.feed(data[at : at + 1])
        status = demux.capture
        assert len(demux.pending) <= SMALL.line + 64 + 1023 + SMALL.gdb
        assert status is None or status.received <= 4096 + 4096 + 512 + 64


def test_whole_logs_tile_and_do_not_depend_on_cuts(log: Log) -> None:
    data = log.data
    whole = records(data)
    assert_tiles(whole, len(data))
    expected = as_json(whole)
    chance = random.Random(log.path.name)
    for count in (1, 3, 10, 40, 200):
        assert as_json(records(data, chance.sample(range(len(data)), min(count, len(data) - 1)))) == expected
