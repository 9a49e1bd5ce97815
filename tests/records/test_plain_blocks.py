"""Blocks of which it is known that nothing is to be found in them: what they say is what any other block says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espmon.records.demux import Demultiplexer
from espmon.records.json_lines import json_text
from espmon.records.line_shapes import LineShapes, PlainText
from espmon.records.lines import LineBlock, block_of
from espmon.records.plain_block import PlainBlock, has_long

CAP = 1 << 16
LINES = st.lists(
    st.sampled_from([b"\n", b"\r\n", b"I (1) a: b\r\n", b"\x1b[0;32mW (20) c: d\x1b[0m\n", b"text\r\n"]), min_size=1
)


def both(data: bytes, time: float | None = 2.0, began: float | None = 1.0) -> tuple[PlainBlock, LineBlock]:
    return PlainBlock(data, 100, time, began), block_of(data, 100, CAP, time, began)


@given(LINES)
def test_a_plain_block_says_what_a_block_of_the_same_lines_says(lines: list[bytes]) -> None:
    plain, block = both(b"".join(lines))
    assert len(plain) == len(block) == len(lines)
    assert list(plain.starts) == list(block.starts)
    assert [line.to_json() for line in plain] == [line.to_json() for line in block]
    assert json_text(plain) == json_text(block)
    assert list(plain.overwritten()) == list(block.overwritten())
    assert [plain.unfinished(index) for index in range(len(plain))] == [False] * len(lines)


@given(LINES, st.data())
def test_its_parts_are_those_of_a_block(lines: list[bytes], data: st.DataObject) -> None:
    plain, block = both(b"".join(lines))
    first = data.draw(st.integers(0, len(lines) - 1))
    stop = data.draw(st.integers(first + 1, len(lines)))
    assert [line.to_json() for line in plain.part(first, stop)] == [line.to_json() for line in block.part(first, stop)]


@given(LINES, st.integers(1, 200))
def test_its_last_lines_begin_in_its_last_bytes(lines: list[bytes], size: int) -> None:
    plain, block = both(b"".join(lines))
    last = plain.last(size)
    rows = [line.to_json() for line in block]
    kept = [row for row in rows if row["offset"] >= 100 + block.length - size]
    assert [line.to_json() for line in last] == (kept or rows[-1:])


@given(st.lists(st.integers(0, 40), min_size=1, max_size=30), st.integers(2, 30))
def test_a_line_beyond_the_cap_is_never_missed(lengths: list[int], cap: int) -> None:
    data = b"".join(b"x" * length + b"\n" for length in lengths)
    if max(lengths) > cap:
        assert has_long(data, cap)
    if len(data) <= cap:
        assert not has_long(data, cap)


def large(line: bytes) -> bytes:
    return line * (600 // len(line) + 1)


def parts(data: bytes, **options: list[bytes]) -> list[LineBlock]:
    demux = Demultiplexer(**options)  # type: ignore[arg-type]
    blocks = [part for _ in range(3) for part in demux.feed(data).parts if isinstance(part, LineBlock)]
    return blocks[-1:]


def test_large_reads_of_ordinary_log_are_plain() -> None:
    assert [block.plain for block in parts(large(b"I (1) wifi: up\r\n"))] == [True]


@pytest.mark.parametrize(
    "line",
    [b"10%\r20%\r\n", b"a\r\r\n", b"\x1b[6n> \r\n", b"x" * (CAP + 1) + b"\n"],
    ids=["an overwritten line", "two CR", "a watched string", "a long line"],
)
def test_what_must_be_looked_at_is_not_plain(line: bytes) -> None:
    assert [block.plain for block in parts(large(line), watched=[b"\x1b[6n"])] == [False]


def test_lines_with_a_cr_in_them_are_told_apart_also_when_they_are_known() -> None:
    shapes = LineShapes([b"rst:0x"])
    for _ in range(2):
        assert shapes.all_plain(b"I (1) wifi: up\r\n10%\r20%\r\n") is PlainText.LINES
        assert shapes.all_plain(b"I (1) wifi: up\r\n") is PlainText.EVEN
        assert shapes.all_plain(b"rst:0x1\r\n") is PlainText.NO
