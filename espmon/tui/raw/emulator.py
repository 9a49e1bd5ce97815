"""What raw mode needs of a terminal emulator. Two stand behind it; neither is known to anything else.

A board's bytes go in, cells come out: a board can move this screen's cursor and colour its cells, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from espmon.tui.log.sgr import Pen

Run = tuple[str, Pen]
"""Text of one pen. Over a row, the cells of all texts are as many as the screen has columns."""


class Emulator(Protocol):
    """A VT100/xterm screen of `columns` by `rows` cells. Not thread-safe; it belongs to who feeds it."""

    columns: int
    rows: int

    def feed(self, data: bytes) -> bytes:
        """Take the board's bytes. Returns what a terminal answers to the questions among them, b"" for none."""

    def resize(self, columns: int, rows: int) -> None:
        """Set the size in cells (each at least 1); what no longer fits is cut or wrapped as the emulator does it."""

    def row(self, number: int) -> Sequence[Run]:
        """Cells of row `number` (0 is the top) as runs; printable text only."""

    def changed(self) -> Sequence[int]:
        """Rows that may look different since this was called last, in order."""

    @property
    def cursor(self) -> tuple[int, int] | None:
        """Column and row of the cursor, counted from 0; None while the board hides it."""

    @property
    def turned(self) -> bool:
        """Whether the whole screen is reversed (DECSCNM)."""

    @property
    def bracketed_paste(self) -> bool:
        """Whether the board wants pasted text between `ESC[200~` and `ESC[201~`."""

    @property
    def application_cursor(self) -> bool:
        """Whether the board wants cursor keys as `ESC O A` (DECCKM)."""

    @property
    def application_keypad(self) -> bool:
        """Whether the board wants keypad keys as `ESC O p` (DECKPAM)."""
