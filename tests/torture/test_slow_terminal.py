"""A terminal that reads nothing stalls only the picture, and what it shows afterwards is right."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.torture.window import LIMIT, PtyBoard, Window

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals"),
]


@pytest.fixture
def board() -> Iterator[PtyBoard]:
    made = PtyBoard()
    yield made
    made.close()


@pytest.fixture
def window(tmp_path: Path, board: PtyBoard) -> Iterator[Window]:
    made = Window(tmp_path, [board.path])
    yield made
    made.end()


def test_a_terminal_that_reads_nothing_stalls_only_the_picture(window: Window, board: PtyBoard) -> None:
    window.shows(b"rec")
    window.reading.clear()
    sent = bytearray()
    for number in range(2000):
        line = b"I (%d) app: nobody looks at line %d, which is long enough to fill a terminal\r\n" % (number, number)
        sent += line
        board.send(line)
        if not number % 100:
            window.resize(80 + number // 100, 40)
    window.until(lambda: window.recorded() == sent, "the recording, while nobody reads the picture")
    window.resize(100, 30)
    window.type(b"e")
    window.reading.set()
    window.shows(b"line 1999")
    window.type(b"\x1d")
    assert window.ended(LIMIT) == 0
    assert window.given_back()
