"""The log store keeps lines as blocks, with ids that never change."""

from __future__ import annotations

from array import array

import pytest

from espmon.records.lines import LineBlock
from espmon.session.store import LogStore


def block(offset: int, *lines: bytes) -> LineBlock:
    starts = array("I", [0])
    for line in lines:
        starts.append(starts[-1] + len(line))
    return LineBlock(b"".join(lines), offset, starts)


def test_lines_are_found_by_id_across_blocks() -> None:
    store = LogStore()
    store.append(block(0, b"a\n", b"b\n"))
    store.append(block(4, b"c\n"))
    assert len(store) == 3
    assert [store.record(line).text for line in range(3)] == ["a", "b", "c"]


def test_a_stream_offset_leads_to_its_line() -> None:
    store = LogStore()
    store.append(block(0, b"aa\n", b"bb\n"))
    store.append(block(6, b"cc\n"))
    assert [store.line_at(offset) for offset in (0, 2, 3, 5, 6, 8, 99)] == [0, 0, 1, 1, 2, 2, 2]


def test_an_empty_store_has_no_line_at_any_offset() -> None:
    assert LogStore().line_at(0) is None


def test_old_blocks_go_at_the_cap_and_ids_stay() -> None:
    store = LogStore(limit=100)
    for number in range(50):
        store.append(block(number * 10, b"%09d\n" % number))
    assert len(store) == 50
    assert store.bytes <= 100
    assert store.first > 0
    assert store.record(49).text == "000000049"
    assert store.record(store.first).text == f"{store.first:09d}"
    with pytest.raises(IndexError):
        store.record(0)


def test_a_reader_that_took_the_segments_keeps_them_through_an_eviction() -> None:
    store = LogStore(limit=100)
    store.append(block(0, b"first\n"))
    held = store.segments()
    for number in range(50):
        store.append(block(6 + number * 10, b"%09d\n" % number))
    assert held[0].block.text(0) == "first"


def test_segments_start_at_the_block_that_holds_the_line() -> None:
    store = LogStore()
    for number in range(10):
        store.append(block(number * 4, b"a\n", b"b\n"))
    assert [segment.first for segment in store.segments(13)] == [12, 14, 16, 18]
