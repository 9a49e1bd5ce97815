"""The laws of the records: tiling, chunk invariance, progress, no exception."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from espmon.records import Demultiplexer, Record
from tests.records.streams import SMALL, STREAMS, as_json, assert_tiles, records

FAST = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
LOGS = sorted((Path(__file__).resolve().parents[3] / "shared" / "data" / "logs").glob("*.log"))


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


@given(STREAMS)
@FAST
def test_what_is_held_stays_below_the_caps(data: bytes) -> None:
    demux = Demultiplexer(SMALL)
    for at in range(len(data)):
        demux.feed(data[at : at + 1])
        status = demux.capture
        assert len(demux.pending) <= SMALL.line + 64 + 1023 + SMALL.gdb
        assert status is None or status.received <= 4096 + 4096 + 512 + 64


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.name)
def test_real_logs_tile_and_do_not_depend_on_cuts(path: Path) -> None:
    data = path.read_bytes()
    whole = records(data)
    assert_tiles(whole, len(data))
    expected = as_json(whole)
    chance = random.Random(path.name)
    for count in (1, 3, 10, 40, 200):
        assert as_json(records(data, chance.sample(range(len(data)), min(count, len(data) - 1)))) == expected


def test_real_logs_are_there(shared_data: Path) -> None:
    assert LOGS
