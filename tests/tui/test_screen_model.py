from __future__ import annotations

import pytest
from hypothesis import given, settings
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tests.tui.pictures import HEIGHT, HISTORIES, WIDTH, Emulator, Picture, Writer, as_textual_writes

BASE = Style(color="#c8d0dc", bgcolor="#101418")


def line(text: str, width: int = WIDTH, style: Style = BASE) -> Strip:
    return Strip([Segment(text.ljust(width), style)], width)


def rows(*texts: str, top: int = 0) -> Picture:
    return [(top + y, 0, line(text)) for y, text in enumerate(texts)]


@settings(max_examples=60, deadline=None)
@given(HISTORIES)
def test_the_difference_shows_cell_by_cell_what_textuals_own_writes_show(pictures: list[Picture]) -> None:
    ours, theirs, writer = Emulator(), Emulator(), Writer()
    for picture in pictures:
        ours.feed(writer.paint(picture))
        theirs.feed(as_textual_writes(picture))
        assert ours.cells() == theirs.cells()


@settings(max_examples=30, deadline=None)
@given(HISTORIES)
def test_the_model_knows_what_the_terminal_shows(pictures: list[Picture]) -> None:
    terminal, writer = Emulator(), Writer()
    for picture in pictures:
        terminal.feed(writer.paint(picture))
    # What is known is written nowhere again; what is forgotten is written to any terminal.
    assert writer.paint([part for picture in pictures[-1:] for part in picture]) == ""
    for y, row in enumerate(terminal.cells()):
        for x, text in enumerate(writer.model.row(y)[0]):
            if text not in (None, "") and text.isascii():
                assert row[x].data == text


def test_nothing_is_written_for_a_picture_that_is_there_already() -> None:
    writer = Writer()
    assert writer.paint(rows("one", "two"))
    assert writer.paint(rows("one", "two")) == ""


def test_a_log_that_moves_up_is_scrolled_by_the_terminal() -> None:
    writer = Writer()
    texts = [f"line {number} " + "abcdefghij"[number % 10] * 9 for number in range(40)]
    writer.paint(rows(*texts[:HEIGHT]))
    data = writer.paint(rows(*texts[3 : HEIGHT + 3]))
    assert f"\x1b[1;{HEIGHT}r" in data
    assert data.count("\n", 0, data.index("\x1b[r")) == 3
    assert "line 5" not in data
    assert all(f"line {number}" in data for number in range(HEIGHT, HEIGHT + 3))


def test_only_the_cells_that_changed_are_written() -> None:
    writer = Writer()
    writer.paint(rows("12:00:01 running"))
    data = writer.paint(rows("12:00:02 running"))
    assert data.startswith("\x1b[1;8H")
    assert data.count("2") >= 1
    assert "running" not in data


def test_what_a_cell_that_nobody_knows_shows_is_never_scrolled() -> None:
    writer = Writer()
    texts = [f"line {number}" for number in range(40)]
    narrow = [(y, 0, line(text, 20)) for y, text in enumerate(texts[:HEIGHT])]
    writer.paint(narrow)  # four columns are unknown: a picture may stand there
    data = writer.paint([(y, 0, line(text, 20)) for y, text in enumerate(texts[2 : HEIGHT + 2])])
    assert "r" not in data.replace("\x1b[0;", "")


def test_after_forgetting_everything_is_written() -> None:
    writer = Writer()
    first = writer.paint(rows("one", "two"))
    writer.model.forget()
    assert writer.paint(rows("one", "two")) == first


@pytest.mark.parametrize("wide", ["漢", "👍"])
def test_half_of_a_wide_character_leaves_a_blank(wide: str) -> None:
    writer = Writer()
    writer.paint([(0, 0, Strip([Segment(f"a{wide}{wide}b", BASE)], 6))])
    data = writer.paint([(0, 2, Strip([Segment("xy", BASE)], 2))])
    assert writer.model.row(0)[0][:6] == ["a", " ", "x", "y", " ", "b"]
    assert " xy " in data, "what is left of the two is cleared, however the terminal does it"


def test_after_a_character_of_doubtful_width_the_cursor_is_set() -> None:
    data = Writer().paint([(0, 0, Strip([Segment("a👍b", BASE)], 4))])
    assert "a  \x1b[1;2H👍\x1b[1;4Hb" in data


def test_links_are_opened_and_closed() -> None:
    style = Style(link="https://example.org/")
    data = Writer().paint([(0, 0, Strip([Segment("go", style), Segment(" on", Style())], 5))])
    assert data.index("\x1b]8;id=") < data.index("go") < data.index("\x1b]8;;\x1b\\") < data.index(" on")
