"""How one line of bytes becomes text and colour."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from espmon.tui.log import sgr
from espmon.tui.log.display import LEVEL_PENS, display
from espmon.tui.log.sgr import PLAIN
from espmon.tui.sanitise import visible


def test_colour_becomes_spans_and_leaves_the_text() -> None:
    line = display(b"\x1b[0;32mI (5) wifi: up\x1b[0m")
    assert line.text == "I (5) wifi: up"
    assert line.spans == [(0, 14, (2, None, 0))]


def test_256_and_true_colour_are_read() -> None:
    line = display(b"\x1b[38;5;208ma\x1b[48;2;1;2;3mb\x1b[38:2::9:8:7mc")
    assert [pen for _, _, pen in line.spans] == [(208, None, 0), (208, (1, 2, 3), 0), ((9, 8, 7), (1, 2, 3), 0)]


def test_attributes_go_on_and_off() -> None:
    pen = sgr.apply(sgr.apply(PLAIN, "1;4;91"), "22")
    assert pen == (9, None, sgr.UNDERLINE)
    assert sgr.apply(pen, "") == PLAIN


@pytest.mark.parametrize("parameters", ["38", "38;5", "38;2;1;2", "999999999999", ";;;", "1:2:3", "38;2;900;900;900"])
def test_broken_colour_sequences_are_survived(parameters: str) -> None:
    foreground, _, _ = sgr.apply(PLAIN, parameters)
    assert foreground is None or isinstance(foreground, int | tuple)


@pytest.mark.parametrize("level", "EWIDV")
def test_a_line_without_colour_gets_that_of_its_level(level: str) -> None:
    assert display(f"{level} (12) tag: text".encode()).spans[0][2] == LEVEL_PENS[level]


def test_a_line_with_its_own_colour_keeps_it() -> None:
    assert display(b"\x1b[35mE (12) tag: text").spans[0][2] == (5, None, 0)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"a\x1b]0;owned\x07b", "a␛]0;owned␇b"),
        (b"a\x1b[2Jb", "a␛[2Jb"),
        ("a\u009b2Jb".encode(), "a\\x9b2Jb"),
        (b"a\x9b2Jb", "a\\x9b2Jb"),
        (b"a\x00\x08\x7fb", "a␀␈␡b"),
        ("a\u202eb\u200bc".encode(), "a\\u202eb\\u200bc"),
        (b"\xff\xfe", "\\xff\\xfe"),
    ],
)
def test_nothing_that_a_terminal_obeys_is_left(raw: bytes, shown: str) -> None:
    assert display(raw).text == shown


def test_tabs_reach_the_next_stop_also_behind_colour() -> None:
    assert display(b"ab\tc").text == "ab      c"
    assert display(b"\x1b[31mab\x1b[0m\tc").text == "ab      c"


@settings(max_examples=150)
@given(st.binary(max_size=200))
def test_any_bytes_are_shown_without_control_characters(raw: bytes) -> None:
    line = display(raw.replace(b"\n", b"").replace(b"\r", b""))
    assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in line.text)
    assert "".join(line.text[start:end] for start, end, _ in line.spans) == line.text


@settings(max_examples=100)
@given(st.text(max_size=80), st.integers(2, 30))
def test_wrapped_rows_give_back_the_line_and_never_exceed_the_width(text: str, width: int) -> None:
    line = display(text.encode("utf-8", "replace"))
    starts = [*line.wraps(width), len(line.text)]
    rows = [line.text[low:high] for low, high in pairwise(starts)]
    assert "".join(rows) == line.text
    assert all(cell_len(row) <= width for row in rows)
    assert len(rows) == line.rows(width)


def test_wide_characters_are_found_by_their_cell() -> None:
    line = display("a中b".encode())
    assert [line.character_at(cell) for cell in (0, 1, 2, 3, 4)] == [0, 1, 2, 2, 3]
    assert line.end_for(0, 2) == 1
    assert line.width == 4


def test_visible_leaves_ordinary_text_alone() -> None:
    assert visible("Grüße, 中文 ok [red]x[/]") == "Grüße, 中文 ok [red]x[/]"
