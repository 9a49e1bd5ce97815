from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from espmon.records.colour import AutoColour
from espmon.records.print_filter import PrintFilter
from tests.records.filtered_lines import FilteredLines
from tests.records.streams import STREAMS


@pytest.mark.parametrize("step", [1, 5, 1 << 20])
def test_the_reference_log_is_coloured_byte_for_byte(inputs: Path, step: int) -> None:
    data = (inputs / "monitor" / "color.txt").read_bytes()
    lines, colour = FilteredLines(PrintFilter()), AutoColour()
    pieces = [piece for at in range(0, len(data), step) for piece in lines.feed(data[at : at + step])]
    coloured = b"".join(colour.piece(piece) for piece in [*pieces, *lines.idle()])
    assert coloured == (inputs / "monitor" / "color_out.txt").read_bytes()


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r\r\n", b"\r"])
def test_the_reset_stands_before_the_line_end(end: bytes) -> None:
    assert AutoColour().piece(b"E (1) a: x" + end) == b"\x1b[1;31mE (1) a: x\x1b[0m" + end


def test_an_unfinished_line_gets_its_reset_at_the_line_end() -> None:
    colour = AutoColour()
    assert colour.piece(b"W (1) a: x") == b"\x1b[0;33mW (1) a: x"
    assert colour.piece(b" y") == b" y"
    assert colour.piece(b" z\r\n") == b" z\x1b[0m\r\n"
    assert colour.piece(b"plain\r\n") == b"plain\r\n"


@pytest.mark.parametrize(
    "line", [b"D (1) a: x\n", b"V (1) a: x\n", b"I a: x\n", b" I (1) a: x\n", b"\x1b[0;32mI (1) a\n"]
)
def test_other_lines_stay_as_they_are(line: bytes) -> None:
    assert AutoColour().piece(line) == line


@given(STREAMS)
@settings(max_examples=100, deadline=None)
def test_a_block_is_coloured_as_its_lines_are(data: bytes) -> None:
    whole = AutoColour().block(data)
    if whole is not None:
        colour = AutoColour()
        assert whole == b"".join(colour.piece(line) for line in data.splitlines(True))


@pytest.mark.parametrize("data", [b"E (1) a: x", b"10%\rE (1) a: x\n", b"E (1) a: x\r\r\n"])
def test_lines_with_an_odd_end_are_coloured_one_by_one(data: bytes) -> None:
    assert AutoColour().block(data) is None


def test_the_rest_of_a_coloured_line_is_no_block() -> None:
    colour = AutoColour()
    colour.piece(b"W (1) a: x")
    assert colour.block(b"E (1) a: y\r\n") is None
    assert colour.piece(b"E (1) a: y\r\n") == b"E (1) a: y\x1b[0m\r\n"
