"""The installed program in a pseudo-terminal whose screen pyte keeps: keys in exact packets, exact cells."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pyte.screens import Char

from tests.e2e.raw_client import Reference
from tests.torture.window import Window


class PtyScreen(Window):
    """espmon and the screen that it draws; arguments as of `Window`, 120 columns and 40 rows."""

    def __init__(self, folder: Path, arguments: Sequence[str], *, settings: str = 'start_in = "log"\n') -> None:
        self._screen = Reference(120, 40)
        super().__init__(folder, arguments, settings=settings)

    def took(self, data: bytes) -> None:
        """Draw it."""
        super().took(data)
        self._screen.feed(data)

    def rows(self) -> list[str]:
        """The screen."""
        return self._screen.rows()

    def cells(self) -> list[list[Char]]:
        """The screen with colours and attributes."""
        return self._screen.cells()

    def packet(self, data: bytes) -> None:
        """Send keys in one write, as the far end of a network does."""
        assert os.write(self.master, data) == len(data)

    def screen_shows(self, *texts: str) -> None:
        """Wait until all `texts` are on the screen."""
        try:
            self.until(lambda: all(text in "\n".join(self.rows()) for text in texts), f"{texts} on the screen")
        except AssertionError as error:
            raise AssertionError("\n".join([str(error), *self.rows()])) from None
