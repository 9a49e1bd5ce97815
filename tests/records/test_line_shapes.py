"""Lines that are taken without a search: only those that cannot hold anything else."""

from __future__ import annotations

import random

import pytest

from espmon.records import Demultiplexer
from espmon.records.line_shapes import FORGET_AFTER, MAX_SHAPES, SHAPELESS, LineShapes
from tests.records.streams import BANNER, as_json, core_dump, frame, framed_png, packet, png, records


def plain(shapes: LineShapes, line: bytes) -> bool:
    return shapes.plain(line.translate(None, SHAPELESS), line)


def test_what_differs_from_a_plain_line_in_its_numbers_alone_is_found() -> None:
    shapes = LineShapes([b"rst:0x"])
    assert plain(shapes, b"rst: x")
    assert not plain(shapes, b"rst:0x1")
    assert not shapes.known


def test_a_shape_is_remembered_when_no_line_of_it_can_hold_a_string() -> None:
    shapes = LineShapes([b"rst:0x"])
    assert plain(shapes, b"I (1) wifi: 0x12")
    assert b"I (77) wifi: 0xab".translate(None, SHAPELESS) in shapes.known


def test_a_string_of_dull_bytes_alone_is_found() -> None:
    shapes = LineShapes([b"007"])
    assert plain(shapes, b"door 008")
    assert not plain(shapes, b"door 007")
    assert not shapes.known


def test_many_lines_are_plain_when_each_of_them_is() -> None:
    shapes = LineShapes([b"rst:0x"])
    assert shapes.all_plain(b"I (1) wifi: 0x12\r\nI (2) boot: up\r\n")
    remembered = set(shapes.known)
    assert b"I (77) wifi: 0xab\r".translate(None, SHAPELESS) in remembered
    assert shapes.all_plain(b"I (3) boot: up\r\nrst: x\r\n"), "that looks like a reset and is none"
    assert shapes.known == remembered
    assert not shapes.all_plain(b"I (3) boot: up\r\nrst:0x1\r\n")
    assert not shapes.all_plain(b"rst:0x1")
    assert shapes.known == remembered


@pytest.mark.parametrize("size", [600, 1_000, 4_000, 70_000])
def test_large_reads_of_a_log_that_repeats_itself_give_the_same_records(size: int) -> None:
    chance = random.Random(size)
    odd = [BANNER, b"rst: x 0\r\n", frame(b"{}"), packet(b"T05"), core_dump(), b"10%\r20%\r\n", b"Backtrace: 0x\r\n"]
    data = b"".join(
        chance.choice(odd) if chance.random() < 0.002 else b"I (%d) wifi: state %d\r\n" % (number, number % 7)
        for number in range(6_000)
    )
    assert as_json(records(data, range(size, len(data), size))) == as_json(records(data, range(1, len(data), 300)))


def test_shapes_that_are_remembered_have_a_limit() -> None:
    shapes = LineShapes([b"needle"])
    for number in range(FORGET_AFTER + 2):
        line = bytes(b"GHIJKLMNPQRSTUVW"[number >> shift & 15] for shift in (0, 4, 8, 12))
        assert plain(shapes, line)
        assert len(shapes.known) <= MAX_SHAPES
    assert len(shapes.known) == 2
    assert plain(shapes, b"gnkm" * 100)
    assert len(shapes.known) == 2


@pytest.mark.parametrize("size", [1, 2, 7, 16, 64, 200, 512, 513])
def test_small_reads_of_a_log_that_repeats_itself_give_the_same_records(size: int) -> None:
    chance = random.Random(size)
    odd = [
        framed_png(png()), frame(b"{}"), core_dump(), packet(b"T05"), BANNER, b"10%\r20%\r", b"a\r\r\n", b"$#\n",
        b"rst:x\r\n", b"9\r9%\r\n", b"#\r", b"esp> ", b"x" * 700 + b"\n",
    ]  # fmt: skip
    data = b"".join(
        chance.choice(odd) if chance.random() < 0.05 else b"I (%d) wifi: state %d\r\n" % (number, number % 7)
        for number in range(600)
    )
    assert as_json(records(data, range(size, len(data), size))) == as_json(records(data))


def test_reads_may_be_any_kind_of_bytes() -> None:
    demux = Demultiplexer()
    found = [*demux.feed(b"one\n"), *demux.feed(bytearray(b"two\n")), *demux.feed(memoryview(b"three\n"))]  # type: ignore[arg-type]
    assert [record.to_json()["text"] for record in found] == ["one", "two", "three"]
