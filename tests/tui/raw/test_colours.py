"""Colours and attributes of both emulators, cell by cell beside the reference's, cut at every byte."""

from __future__ import annotations

import pytest

from tests.tui.raw.board_outputs import COLUMNS, ROWS
from tests.tui.raw.reference import XtermScreen, XtermStream, differences
from tests.tui.raw.test_board_outputs import KINDS, emulator_of

ALL_ON = b"\x1b[1;3;4;7;9;31;43m"

COLOURS: dict[str, bytes] = {
    "sixteen": b"".join(b"\x1b[%dmx\x1b[%dmy" % (code, code + 10) for code in (*range(30, 38), *range(90, 98))),
    "256": b"".join(b"\x1b[38;5;%dm%c\x1b[48;5;%dm." % (code, 65 + code % 26, 255 - code) for code in range(256)),
    "true": b"\x1b[38;2;1;2;3ma\x1b[48;2;200;100;50mb\x1b[39mc\x1b[49md",
    "each attribute on and off": b"".join(b"\x1b[%dma" % code for code in (1, 3, 4, 7, 9, 22, 23, 24, 27, 29)),
    "a reset among others": b"\x1b[1;31;44mx\x1b[my\x1b[0;32mz\x1b[;33mq",
    "erased to the end of the line": ALL_ON + b"ab\x1b[K\r\ncd\x1b[0m",
    "erased to the beginning": b"abcdef" + ALL_ON + b"\x1b[3G\x1b[1K",
    "erased display": b"one\x1b[42m\x1b[J\x1b[2;2Hx\x1b[1J\x1b[46;4m\x1b[2J",
    "erased characters": b"abcdef" + ALL_ON + b"\x1b[3G\x1b[2X",
    "inserted characters": b"abcdef" + ALL_ON + b"\x1b[3G\x1b[2@",
    "deleted characters": b"abcdef" + ALL_ON + b"\x1b[3G\x1b[2P\x1b[0;44m\x1b[99P",
    "insert mode": b"abcdef\x1b[4h" + ALL_ON + b"\x1b[3Gxy\x1b[4l",
    "inserted and deleted lines": b"a\r\nb\r\nc" + ALL_ON + b"\x1b[1;1H\x1b[2M\x1b[3Lx",
    "scrolled by line feeds": b"\x1b[44m" + b"\n" * 9 + b"foo\x1b[0m\nbar",
    "scrolled by reverse index": b"\x1b[45m\x1b[1;1H\x1bMxx\x1bM",
    "scrolled by SU and SD": b"a\r\nb\r\nc\x1b[46m\x1b[2S\x1b[1T\x1b[2;4r\x1b[3S",
    "wrapped": b"\x1b[43m" + b"x" * 45 + b"\x1b[0m\r\nok",
    "over a tab": b"\x1b[43ma\tb",
    "the alternate screen": b"\x1b[41mmain\x1b[?1049halt\x1b[K\x1b[?1049lback",
    "the alternate screen again": b"main\x1b[?1049h\x1b[31mone\r\n\x1b[?1049l\x1b[?1049htwo\x1b[H\x1b[?1049l",
    "kept with the cursor": b"\x1b[1;35ma\x1b7\x1b[0mb\x1b8c",
    "after a reset of the terminal": b"\x1b[41mmain\x1bcnew",
    "wide": "\x1b[41;1m中文\x1b[0;42m!".encode(),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", COLOURS)
def test_after_every_byte_the_cells_have_the_reference_s_pens(kind: str, name: str) -> None:
    emulator, screen = emulator_of(kind), XtermScreen(COLUMNS, ROWS)
    stream, data = XtermStream(screen), COLOURS[name]
    step = 1 if len(data) < 1000 else 13
    for at in range(0, len(data), step):
        emulator.feed(data[at : at + step])
        stream.feed(data[at : at + step])
        assert not differences(emulator, screen), data[: at + step]
