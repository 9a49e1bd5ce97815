"""Nothing that a board sends in raw mode stops keys, reading, or the way out."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.e2e.pty_screen import PtyScreen
from tests.torture.raw_floods import CALM, RAW_FLOODS
from tests.torture.window import LIMIT, PtyBoard

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals and POSIX signals"),
]

MAX_MEMORY = 300.0
"""Megabytes that the program may take at most; it takes some 65."""


def test_floods_in_raw_mode_stop_neither_reading_nor_keys(tmp_path: Path) -> None:
    board = PtyBoard()
    window = PtyScreen(tmp_path, [board.path, "--raw"], settings="")
    try:
        window.screen_shows("RAW KEYS")
        for name, flood in RAW_FLOODS.items():
            sent = 0
            while sent < 200_000:
                board.send(flood)
                sent += len(flood)
            window.type(b"k")
            got = bytearray()

            def came(got: bytearray = got) -> bool:
                got += board.received()
                return b"k" in got

            window.until(came, f"a key beside {name}")
            assert len(got) < 100_000, f"{name}: {len(got)} bytes of answers"
            if name == "questions":
                window.screen_shows("too many questions")
            board.send(CALM + b"after " + name.encode() + b"\r\n")
            window.screen_shows(f"after {name}")
        window.type(b"\x14\x1b")
        window.screen_shows("INPUT")
        window.until(lambda: len(window.recorded()) == board.sent, "every byte in the recording")
        assert window.peak_memory() < MAX_MEMORY
        window.type(b"\x1d")
        assert window.ended(LIMIT) == 0
        assert b"Traceback" not in window.seen
    finally:
        window.end()
        board.close()
