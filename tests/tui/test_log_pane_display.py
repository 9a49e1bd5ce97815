"""How one line of bytes becomes text and colour."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from espmon.tui.log import sgr
from espmon.tui.log.contrast import contrast
from espmon.tui.log.display import display
from espmon.tui.log.meaning import LEVELS, Meaning
from espmon.tui.log.painter import Painter
from espmon.tui.log.sgr import PLAIN
from espmon.tui.log_colours import log_colours
from espmon.tui.sanitise import visible
from espmon.tui.theme import THEMES


def test_colour_becomes_spans_and_leaves_the_text() -> None:
    line = display(b"\x1b[0;32mT (5) wifi: up\x1b[0m")
    assert line.text == "T (5) wifi: up"
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


@pytest.mark.parametrize("colour", ["", "\x1b[{}m"])
@pytest.mark.parametrize(("level", "code"), [("E", "0;31"), ("W", "0;33"), ("D", "0;36"), ("V", "0;37")])
def test_a_line_in_its_levels_colour_or_none_is_coloured_as_a_whole(level: str, code: str, colour: str) -> None:
    line = display(f"{colour.format(code)}{level} (12) tag: text\x1b[0m".encode())
    assert line.spans == [(0, 16, (LEVELS[level], None, 0))]


@pytest.mark.parametrize(
    ("raw", "level", "time", "tag"),
    [
        ("I (12) wifi: up", "I", " (12) ", "wifi"),
        ("\x1b[0;32mI (12) wifi: up\x1b[0m", "I", " (12) ", "wifi"),
        ("[    12][I][WiFi.cpp:7] up", "I", "[    12][][", "WiFi.cpp"),
        ("[00:00:01.500,000] <inf> os: up", "inf", "[00:00:01.500,000] <> ", "os"),
        ("INFO - up", "INFO", "", None),
        ("0.123456 INFO  up", "INFO", "0.123456 ", None),
    ],
)
def test_of_information_only_level_time_and_tag_are_coloured(raw: str, level: str, time: str, tag: str | None) -> None:
    line = display(raw.encode())
    shown: dict[object, str] = {}
    for low, high, pen in line.spans:
        shown[pen[0]] = shown.get(pen[0], "") + line.text[low:high]
    assert shown.get(Meaning.INFORMATION) == level
    assert shown.get(Meaning.TIME, "") == time
    assert shown.get(Meaning.TAG) == tag
    assert "".join(line.text[low:high] for low, high, _ in line.spans) == line.text


def test_lines_that_a_board_colours_for_itself_keep_its_colours() -> None:
    line = display(b"\x1b[32mI (1) a: \x1b[31mred\x1b[0m")
    assert [pen[0] for _, _, pen in line.spans] == [2, 1]
    assert display(b"\x1b[44mI (1) a: b").spans[0][2] == (None, 4, 0)
    assert display(b"I (1) a: b", colour=False).spans == [(0, 10, PLAIN)]


@pytest.mark.parametrize("theme", [*THEMES, *BUILTIN_THEMES.values()], ids=lambda theme: theme.name)
def test_every_text_of_the_log_can_be_read_in_every_theme(theme: Theme) -> None:
    colours = log_colours(theme)
    assert set(colours) == set(Meaning)
    if theme.name.startswith("ansi"):
        assert not [colour for colour in colours.values() if colour.startswith("#")], "the terminal's own"
        return
    ground = Color.parse(theme.background or ("#121212" if theme.dark else "#efefef"))
    under = {Meaning.CRASH, Meaning.MATCH, Meaning.CURRENT}
    for meaning in set(Meaning) - under:
        assert contrast(Color.parse(colours[meaning]), ground) >= 4.5, meaning
    painter = Painter(Style(), dark=theme.dark, colours=colours)
    for style in (painter.alert, painter.highlight(Style(), "match"), painter.highlight(Style(), "current")):
        assert style.color is not None
        assert style.bgcolor is not None
        text, below = (Color.from_rich_color(one) for one in (style.color, style.bgcolor))
        assert contrast(text, below) >= 4.5


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
