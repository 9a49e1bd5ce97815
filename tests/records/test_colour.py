from __future__ import annotations

from pathlib import Path

import pytest

from espmon.records.colour import AutoColour
from espmon.records.print_filter import FilteredLines, PrintFilter


@pytest.mark.parametrize("step", [1, 5, 1 << 20])
def test_the_reference_log_is_coloured_byte_for_byte(shared_data: Path, step: int) -> None:
    data = (shared_data / "monitor" / "color.txt").read_bytes()
    lines, colour = FilteredLines(PrintFilter()), AutoColour()
    pieces = [piece for at in range(0, len(data), step) for piece in lines.feed(data[at : at + step])]
    coloured = b"".join(colour.piece(piece) for piece in [*pieces, *lines.idle()])
    assert coloured == (shared_data / "monitor" / "color_out.txt").read_bytes()


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
