"""The installed program in a pseudo-terminal whose screen pyte keeps: keys in exact packets, exact cells."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Sequence
from pathlib import Path

import pyte

from tests.torture.window import Window

FOREIGN = re.compile(rb"\x1b\[[<>=][\d;]*[a-z]")
"""Sequences of the keyboard protocol, which pyte prints."""

BEGUN = re.compile(rb"\x1b(?:\[[<>=\d;]*)?\Z")


class PtyScreen(Window):
    """espmon and the screen that it draws; arguments as of `Window`, 120 columns and 40 rows."""

    def __init__(self, folder: Path, arguments: Sequence[str], *, settings: str = 'start_in = "log"\n') -> None:
        self._lock = threading.Lock()
        self._cells = pyte.Screen(120, 40)
        self._stream = pyte.ByteStream(self._cells)
        self._begun = b""
        super().__init__(folder, arguments, settings=settings)

    def took(self, data: bytes) -> None:
        """Draw it."""
        super().took(data)
        data = self._begun + data
        begun = BEGUN.search(data)
        end = len(data) if begun is None else begun.start()
        self._begun = data[end:]
        with self._lock:
            self._stream.feed(FOREIGN.sub(b"", data[:end]))

    def rows(self) -> list[str]:
        """The screen."""
        with self._lock:
            return [row.rstrip() for row in self._cells.display]

    def packet(self, data: bytes) -> None:
        """Send keys in one write, as the far end of a network does."""
        assert os.write(self.master, data) == len(data)

    def screen_shows(self, *texts: str) -> None:
        """Wait until all `texts` are on the screen."""
        try:
            self.until(lambda: all(text in "\n".join(self.rows()) for text in texts), f"{texts} on the screen")
        except AssertionError as error:
            raise AssertionError("\n".join([str(error), *self.rows()])) from None
