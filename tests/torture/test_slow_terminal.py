"""A terminal that reads nothing stalls only the picture, and what it shows afterwards is right."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pyte
import pytest

from tests.torture.window import KEYS_TO_LOG, LIMIT, WHOLE_WORDS, PtyBoard, Window

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals"),
]


@pytest.fixture
def board() -> Iterator[PtyBoard]:
    made = PtyBoard()
    yield made
    made.close()


class Emulated(Window):
    """A window with an emulator in it: what it shows, however the program wrote it."""

    def __init__(self, folder: Path, board: PtyBoard, settings: str) -> None:
        self._screen = pyte.Screen(120, 40)
        self._stream = pyte.ByteStream(self._screen)
        super().__init__(folder, [board.path], settings=settings)

    def took(self, data: bytes) -> None:
        super().took(data)
        self._stream.feed(data)

    def resize(self, columns: int, rows: int) -> None:
        super().resize(columns, rows)
        self._screen.resize(rows, columns)

    def rows(self) -> list[str]:
        """What is shown."""
        return list(self._screen.display)


@pytest.fixture(params=[WHOLE_WORDS, KEYS_TO_LOG], ids=["rows", "differences"])
def window(request: pytest.FixtureRequest, tmp_path: Path, board: PtyBoard) -> Iterator[Emulated]:
    made = Emulated(tmp_path, board, request.param)
    yield made
    made.end()


def test_a_terminal_that_reads_nothing_stalls_only_the_picture(window: Emulated, board: PtyBoard) -> None:
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
    window.until(lambda: any("line 1999" in row for row in window.rows()), "the last line")
    newest = next(number for number, row in enumerate(window.rows()) if "line 1999" in row)
    assert "line 1998" in window.rows()[newest - 1]
    window.type(b"\x1d")
    assert window.ended(LIMIT) == 0
    assert window.given_back()
