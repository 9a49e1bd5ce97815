"""Nothing typed, pasted or answered by a terminal ends the program."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.torture.window import LIMIT, PtyBoard, Window

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals and POSIX signals"),
]

INPUTS = {
    "Latin-1": b"caf\xe9 \xff\xfe",
    "Alt as the eighth bit": bytes(range(0xE1, 0xFB)),
    "C1 controls": bytes(range(0x80, 0xA0)),
    "a legacy mouse event": b"\x1b[M \xff\xff\x1b[M#\x80\x80",
    "keys with alternatives": b"\x1b[97:65;2:1u\x1b[97::99;5u",
    "no characters": b"\x1b[1114112u\x1b[55555u\x1b[99999999999999999999u",
    "a megabyte of answer": b"\x1b]52;c;" + b"QUFB" * 250_000 + b"\x07",
    "an answer without an end": b"\x1b]11;rgb:" + b"0" * 1000,
    "a sequence without an end": b"\x1b[" + b"1;" * 2000,
    "five megabytes pasted": b"\x1b[200~" + b"paste \xe9\x00\x1b[A line\n" * 250_000 + b"\x1b[201~",
    "a paste without an end": b"\x1b[200~" + b"never ended " * 100,
    "the end of no paste": b"\x1b[201~\x1b[201~",
}
"""Name -> bytes from the terminal."""


@pytest.fixture
def window(tmp_path: Path) -> Iterator[Window]:
    board = PtyBoard()
    made = Window(tmp_path, [board.path])
    yield made
    made.end()
    board.close()


@pytest.mark.parametrize("place", ["log", "input"])
def test_no_input_ends_the_program(window: Window, place: str) -> None:
    window.shows(b"rec")
    for name, data in INPUTS.items():
        if place == "input":
            window.type(b"i")
        window.type(data)
        assert window.process.poll() is None, name
    window.type(b"\x1d")
    assert window.ended(LIMIT) == 0
    assert b"Traceback" not in window.seen
