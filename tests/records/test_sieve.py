"""Lines that are taken without a search: only those that cannot hold anything else."""

from __future__ import annotations

import random

import pytest

from espmon.records import Demultiplexer
from espmon.records.sieve import KEPT, Sieve
from tests.records.streams import BANNER, as_json, core_dump, frame, framed_png, packet, png, records


def test_what_differs_from_a_plain_line_in_its_digits_alone_is_found() -> None:
    sieve = Sieve([b"rst:0x"])
    assert not sieve.plain(b"rst:x")
    assert sieve.plain(b"rst: x")


def test_a_cr_inside_a_line_is_no_plain_line() -> None:
    sieve = Sieve([b"x"])
    assert sieve.plain(b"one\r")
    assert not sieve.plain(b"one\rtwo")


def test_shapes_that_are_remembered_have_a_limit() -> None:
    sieve = Sieve([b"needle"])
    for number in range(KEPT * 2):
        assert sieve.plain(b"-" * (number % 150) + bytes([65 + number % 26, 65 + number // 26 % 26]))
        assert len(sieve.known) <= KEPT
    size = len(sieve.known)
    assert sieve.plain(b"long" * 100)
    assert len(sieve.known) == size


@pytest.mark.parametrize("size", [1, 2, 7, 16, 64, 200, 512, 513])
def test_small_reads_of_a_log_that_repeats_itself_give_the_same_records(size: int) -> None:
    chance = random.Random(size)
    odd = [
        framed_png(png()), frame(b"{}"), core_dump(), packet(b"T05"), BANNER, b"10%\r20%\r", b"a\r\r\n", b"$#\n",
        b"rst:x\r\n", b"#\r", b"esp> ", b"x" * 700 + b"\n",
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
