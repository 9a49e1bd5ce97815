"""Both emulators against cells: what vttest asks of a VT100 and xterm, as far as boards use it."""

from __future__ import annotations

import importlib.util

import pytest

from espmon.tui.log.sgr import BOLD, REVERSE, UNDERLINE
from espmon.tui.raw.emulator import Emulator
from tests.tui.raw.reference import make_emulator

KINDS = ["bittty", pytest.param("ghostty", marks=pytest.mark.skipif(
    importlib.util.find_spec("pyghostty") is None, reason="the extra `terminal` is not installed"))]  # fmt: skip


@pytest.fixture(params=KINDS)
def emulator(request: pytest.FixtureRequest) -> Emulator:
    return make_emulator(request.param, 20, 6)


def screen(emulator: Emulator) -> list[str]:
    emulator.changed()
    return ["".join(text for text, _ in emulator.row(row)).rstrip() for row in range(emulator.rows)]


CASES = {
    "cursor addressing": (b"\x1b[3;5Hx\x1b[1;1Hy\x1b[Bz", ["y", " z", "    x", "", "", ""]),
    "erase in line": (b"abcdef\x1b[3D\x1b[K\r\nabcdef\x1b[3D\x1b[1K\r\nabc\x1b[2K", ["abc", "    ef", "", "", "", ""]),
    "erase in display": (b"a\r\nb\r\nc\x1b[2;1H\x1b[J", ["a", "", "", "", "", ""]),
    "insert and delete characters": (b"abcdef\x1b[3G\x1b[2@\x1b[1G\x1b[P", ["b  cdef", "", "", "", "", ""]),
    "insert and delete lines": (b"1\r\n2\r\n3\x1b[2;1H\x1b[L\x1b[1;1H\x1b[M", ["", "2", "3", "", "", ""]),
    "scroll region": (b"a\r\nb\r\nc\r\nd\x1b[2;3r\x1b[3;1H\nX", ["a", "c", "X", "d", "", ""]),
    "reverse index scrolls down": (b"a\r\nb\x1b[1;1H\x1bMtop", ["top", "a", "b", "", "", ""]),
    "scrolls at the end": (b"1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n7", ["2", "3", "4", "5", "6", "7"]),
    "wraps at the margin": (b"x" * 21, ["x" * 20, "x", "", "", "", ""]),
    "stays at the margin without wrapping": (b"\x1b[?7l" + b"x" * 19 + b"yz", ["x" * 19 + "z", "", "", "", "", ""]),
    "alternate screen and back": (b"main\x1b[?1049h\x1b[Halt\x1b[?1049l", ["main", "", "", "", "", ""]),
    "save and restore the cursor": (b"ab\x1b7\x1b[5;5Hx\x1b8c", ["abc", "", "", "", "    x", ""]),
    "tab stops": (b"a\tb\x1b[3g\rc\td", ["c       b          d", "", "", "", "", ""]),
    "tab stops that no parameter names": (b"\x1b[1;9H\x1b[1g\x1b[2g\r\tx", ["        x", "", "", "", "", ""]),
    "a delete that is echoed": (b"ab\x7fc", ["abc", "", "", "", "", ""]),
    "line drawing": (b"\x1b(0lqk\x1b(B", ["┌─┐", "", "", "", "", ""]),
    "wide characters": ("中文".encode() + b"\x1b[4D.", [". 文", "", "", "", "", ""]),
    "backspace overwrites": (b"abc\b\bX", ["aXc", "", "", "", "", ""]),
    "repeat": (b"-\x1b[4b", ["-----", "", "", "", "", ""]),
    "reset": (b"abc\x1bcd", ["d", "", "", "", "", ""]),
    "insert mode": (b"abc\x1b[4h\x1b[1GX\x1b[4l", ["Xabc", "", "", "", "", ""]),
    "origin mode": (b"\x1b[3;5r\x1b[?6h\x1b[1;1Ho", ["", "", "o", "", "", ""]),
    "linenoise redraws its line": (b">>> h\x1b[0G>>> he\x1b[0K\r\x1b[6C", [">>> he", "", "", "", "", ""]),
}


@pytest.mark.parametrize("case", CASES)
def test_cells(emulator: Emulator, case: str) -> None:
    data, rows = CASES[case]
    emulator.feed(data)
    assert screen(emulator) == rows


@pytest.mark.parametrize("case", CASES)
def test_cells_are_the_same_byte_by_byte(emulator: Emulator, case: str) -> None:
    data, rows = CASES[case]
    for byte in data:
        emulator.feed(bytes((byte,)))
    assert screen(emulator) == rows


def test_colours_and_attributes(emulator: Emulator) -> None:
    emulator.feed(b"\x1b[1;31ma\x1b[0;48;5;20mb\x1b[0;38;2;1;2;3;4;7mc\x1b[0m")
    emulator.changed()
    runs = dict(run for run in emulator.row(0) if run[0].strip())
    assert runs["a"] == (1, None, BOLD)
    assert runs["b"] == (None, 20, 0)
    assert runs["c"] == ((1, 2, 3), None, UNDERLINE | REVERSE)


def test_an_erased_line_keeps_its_background(emulator: Emulator) -> None:
    emulator.feed(b"\x1b[44mx\x1b[K")
    emulator.changed()
    assert [pen[1] for text, pen in emulator.row(0)] == [4] * len(emulator.row(0))


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (b"\x1b[5n", b"\x1b[0n"),
        (b"\x1b[3;5r\x1b[?6h\x1b[2;4H\x1b[6n", b"\x1b[2;4R"),
        (b"\x1b[3;4H\x1b[6n", b"\x1b[3;4R"),
        (b"\x1b[18t", b"\x1b[8;6;20t"),
    ],
)
def test_questions_are_answered(emulator: Emulator, question: bytes, answer: bytes) -> None:
    assert emulator.feed(question) == answer


def test_a_board_that_asks_what_this_is_hears_a_terminal(emulator: Emulator) -> None:
    assert emulator.feed(b"\x1b[c").startswith(b"\x1b[?")


def test_the_wishes_of_the_board_are_known(emulator: Emulator) -> None:
    assert (emulator.bracketed_paste, emulator.application_cursor, emulator.application_keypad) == (False,) * 3
    emulator.feed(b"\x1b[?2004h\x1b[?1h\x1b=")
    assert (emulator.bracketed_paste, emulator.application_cursor, emulator.application_keypad) == (True,) * 3


def test_the_screen_is_reversed_when_the_board_reverses_it(emulator: Emulator) -> None:
    assert not emulator.turned
    emulator.feed(b"\x1b[?5h")
    assert emulator.turned
    emulator.feed(b"\x1b[?5l")
    assert not emulator.turned


@pytest.mark.parametrize(
    ("data", "shown"),
    [(b"\x1b[20hab\ncd", ["ab", "cd"]), (b"ab\ncd", ["ab", "  cd"]), (b"\x1b(A#\x1b(B#\x1b)A\x0e#\x0f#", ["£#£#", ""])],
    ids=["line feeds are new lines", "line feeds are line feeds", "pound"],
)
def test_modes_of_the_vt100(emulator: Emulator, data: bytes, shown: list[str]) -> None:
    emulator.feed(data)
    emulator.changed()
    assert ["".join(text for text, _ in emulator.row(row)).rstrip() for row in range(2)] == shown


def test_the_cursor_is_hidden_when_the_board_hides_it(emulator: Emulator) -> None:
    emulator.feed(b"ab")
    assert emulator.cursor == (2, 0)
    emulator.feed(b"\x1b[?25l")
    assert emulator.cursor is None


def test_a_size_that_the_board_asks_for_is_not_taken(emulator: Emulator) -> None:
    emulator.feed(b"\x1b[8;500;500t\x1b[?3h\x1b[?40h\x1b[?3h\x1b[30tx")
    assert (emulator.columns, emulator.rows, len(screen(emulator))) == (20, 6, 6)
    assert sum(len(text) for text, _ in emulator.row(0)) == 20


def test_another_size_keeps_what_fits(emulator: Emulator) -> None:
    emulator.feed(b"hello\r\nworld")
    emulator.resize(30, 8)
    assert screen(emulator)[:2] == ["hello", "world"]
    assert len(screen(emulator)) == 8


def test_a_size_set_again_loses_nothing(emulator: Emulator) -> None:
    emulator.feed(b"hello")
    emulator.changed()
    emulator.resize(20, 6)
    assert screen(emulator)[0] == "hello"


def test_only_what_changed_is_named(emulator: Emulator) -> None:
    emulator.changed()
    emulator.feed(b"\x1b[4;1Hx")
    assert 3 in emulator.changed()
    assert len(list(emulator.changed())) <= 1


def test_hostile_bytes_do_no_harm(emulator: Emulator) -> None:
    emulator.feed(bytes(range(256)) * 40 + b"\x1b[999999999b\x1b[999999999L\x1b[999999999;999999999H!")
    for row in screen(emulator):
        assert all(character.isprintable() for character in row)
