"""One row of a terminal, beside a terminal emulator that is fed with the same bytes."""

from __future__ import annotations

from unicodedata import normalize

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from espmon.model.terminal_size import TERMINAL_COLUMNS
from espmon.tui.log import sgr
from espmon.tui.log.row_editor import MAX_CONTROLS, MAX_KEPT, MAX_ROW_CELLS, RowEditor
from espmon.tui.log.sgr import PLAIN

CORPUS = [
    b"Connecting.....",
    b"\rProgress: 10%\rProgress: 55%\rProgress: 100%\r\x1b[Kdone",
    b"[>         ]  1%\r[=>        ] 10%\r[==========] 100%",
    b"working |\b/\b-\b\\\b|\b ok",
    b"long text here\rshort",
    b"esp> helo\x08\x1b[K\x08\x1b[Klp",
    b"\x1b[0G>>> h\x1b[0K\r\x1b[4C\x1b[0G>>> he\x1b[0K\r\x1b[5C",  # linenoise, one refresh a key
    b"\x1b[0Gesp> print(1)\x1b[0K\r\x1b[5C\x1b[0Gesp> print(12)\x1b[0K\r\x1b[14C",
    b"$ abcdef\x1b[6D\x1b[2PXY",  # readline: delete in the middle
    b"$ abcdef\x1b[3D\x1b[2@--",  # readline: insert in the middle
    b"a\tb\tc\r\tX",
    b"\x1b[31mred\x1b[0m plain \x1b[1;42mloud\x1b[22m still\x1b[49m end",
    b"\x1b[2Kgone\x1b[1Kback\x1b[2K\rnew",
    b"123456789\x1b[5G\x1b[3X|",
    b"abc\x1b[s 123\x1b[uXYZ",
    "名前: 中文\b\b文\r日".encode(),
    "cafe\u0301 ok\b\b\bX".encode(),
    b"\x1b[999C\x1b[10Dright",
    b"\x1b[40Gmiddle\x1b[500D<",
    b"\x07bell\x07",
    b"\x1b[?25l10%\r20%\x1b[?25h\x1b[?2004h",
    b"\x1b[5n\x1b[6n\x1b[cprompt> ",
]
"""What boards and their consoles print on one row."""

NARROW = st.sampled_from(
    [b"abc", b"X", b"\r", b"\b", b"\t", b" ", "é".encode(), b"0123456789", b"\x07", b"\x1b[K", b"\x1b[0K", b"\x1b[1K",
     b"\x1b[2K", b"\x1b[3G", b"\x1b[G", b"\x1b[12G", b"\x1b[C", b"\x1b[4C", b"\x1b[D", b"\x1b[3D", b"\x1b[P",
     b"\x1b[2P", b"\x1b[@", b"\x1b[3@", b"\x1b[2X", b"\x1b[31m", b"\x1b[0m", b"\x1b[1;44m", b"\x1b[m",
     b"\x1b[38;5;208m", b"\x1b[38;2;1;2;3m"]
)  # fmt: skip
WIDE = st.sampled_from(["中".encode(), "日本".encode(), "e\u0301".encode()])
"""The emulator of the tests does not part wide characters: those are judged by what a row must always be."""


def emulated(data: bytes) -> pyte.Screen:
    """A terminal so wide that nothing wraps on it, with these bytes on its first row."""
    screen = pyte.Screen(400, 2)
    pyte.ByteStream(screen).feed(data)
    return screen


def edited(data: bytes) -> RowEditor:
    editor = RowEditor()
    editor.feed(data.decode("utf-8", "backslashreplace"))
    return editor


def row(editor: RowEditor) -> str:
    return "".join(editor.cells).rstrip()


@pytest.mark.parametrize("data", CORPUS)
def test_a_row_shows_what_a_terminal_shows(data: bytes) -> None:
    screen = emulated(data.replace(b"999C", b"79C").replace(b"\x1b[s", b"\x1b7").replace(b"\x1b[u", b"\x1b8"))
    assert normalize("NFC", row(edited(data))) == screen.display[0].rstrip()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("中中中\x1b[2GA\x1b[5GB", " A中B"),
        ("中\babc", " abc"),
        ("中\rX", "X"),
        ("a中\x1b[2G\x1b[P|", "a|"),
        ("中\x1b[2G\x1b[K", ""),
    ],
)
def test_half_of_a_wide_character_takes_the_other_half_with_it(text: str, shown: str) -> None:
    assert row(edited(text.encode())) == shown


@given(st.lists(st.one_of(NARROW, WIDE), max_size=25).map(b"".join))
@settings(max_examples=300, deadline=None)
def test_each_character_has_its_cells(data: bytes) -> None:
    editor = edited(data)
    for at, cell in enumerate(editor.cells):
        wide = at + 1 < len(editor.cells) and not editor.cells[at + 1]
        assert cell_len(cell) == (2 if wide else 1 if cell else 0), (at, editor.cells)


@given(st.lists(NARROW, max_size=25).map(b"".join))
@settings(max_examples=400, deadline=None)
def test_any_editing_shows_what_a_terminal_shows(data: bytes) -> None:
    screen = emulated(data)
    editor = edited(data)
    assert row(editor) == screen.display[0].rstrip()
    cells = screen.buffer[0]
    for column, (character, pen) in enumerate(zip(editor.cells, editor.pens, strict=True)):
        if character not in ("", " "):
            assert bool(pen[2] & sgr.BOLD) == cells[column].bold
            assert (pen[0] is None) == (cells[column].fg == "default")
            assert (pen[1] is None) == (cells[column].bg == "default")


@given(st.lists(st.one_of(NARROW, WIDE), max_size=25))
@settings(max_examples=100, deadline=None)
def test_a_row_in_pieces_is_the_row(pieces: list[bytes]) -> None:
    editor = RowEditor()
    for piece in pieces:
        editor = editor.copy()
        editor.feed(piece.decode())
    whole = edited(b"".join(pieces))
    assert (editor.cells, editor.pens, editor.column) == (whole.cells, whole.pens, whole.column)


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"a\x1b[2Jb", "a␛[2Jb"),
        (b"a\x1b[3;4Hb", "a␛[3;4Hb"),
        (b"a\x1b]0;owned\x07b", "a␛]0;owned␇b"),
        (b"a\x1b[", "a␛["),
        (b"a\x1bb", "a␛b"),
        (b"a\x00\x7f\x0bb", "a␀␡␋b"),
        (b"a\xc2\x9b2Jb", "a\\x9b2Jb"),
        (b"a\x1b[99999999999999999999Cb", "a" + " " * (TERMINAL_COLUMNS - 2) + "b"),
    ],
)
def test_what_does_not_concern_the_row_is_visible_and_inert(data: bytes, shown: str) -> None:
    assert row(edited(data)) == shown


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_nothing_that_a_terminal_obeys_is_left_on_a_row(data: bytes) -> None:
    text = row(edited(data))
    assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in text)


@pytest.mark.parametrize(
    "piece", [b"\x1b[99999@", b"\t", b"\x1b[99999G", b"\x1b[K\x1b[31m", b"x\x1b[500@", b"x\x1b[1K\t"]
)
def test_a_flood_of_editing_stays_bounded(piece: bytes) -> None:
    editor = edited((piece * (65536 // len(piece) + 1))[:65536])
    assert len(editor.cells) <= 2 * MAX_ROW_CELLS


def test_the_pen_that_was_left_on_is_where_the_row_begins() -> None:
    pen = sgr.apply(PLAIN, "31")
    editor = RowEditor(pen)
    editor.feed("a\x1b[0mb")
    assert list(editor.runs()) == [("a", pen), ("b", PLAIN)]


@pytest.mark.parametrize(
    ("step", "shows"),
    [
        ("\b|\b/\b-\b\\", "ab\\"),
        ("\rstep {:04}\x1b[K", "step 9999"),
        ("\b\b\b\b{:04}", "9999"),
        ("\x1b[3G{:04}\x1b[K", "ab9999"),
    ],
)
def test_of_ten_thousand_steps_of_a_spinner_the_last_one_stands(step: str, shows: str) -> None:
    editor = RowEditor()
    editor.feed("abc" + "".join(map(step.format, range(10_000))))
    assert "".join(editor.cells) == shows


@pytest.mark.parametrize("piece", ["\x1b", "\x1b[", "\x1bP", "\x1b7", "\x1b[1;3q", "\x01\b", "\x1b]0;t\x07"])
def test_a_row_of_nothing_but_controls_is_not_read_to_its_end(piece: str) -> None:
    editor = RowEditor()
    editor.feed(piece * 10_000 + "\x1b[0mend")
    assert "".join(editor.cells).endswith("end")
    assert len(editor.cells) <= 2 * MAX_KEPT + len("end")


def test_a_long_text_with_few_controls_is_there_as_a_whole() -> None:
    editor = RowEditor()
    editor.feed("x" * 60_000 + "\x1b[31m" * MAX_CONTROLS + "y")
    assert len(editor.cells) == 60_001
