"""The emulator in pure Python: bittty, about 2 MB/s of log, everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from bittty import XTERM, Board

from espmon.tui.log import sgr
from espmon.tui.log.sgr import PLAIN, Colour, Pen
from espmon.tui.raw.bittty_fixes import fix
from espmon.tui.raw.emulator import Run
from espmon.tui.raw.sequence_guard import SequenceGuard
from espmon.tui.sanitise import plain

if TYPE_CHECKING:
    from bittty.style import Color, Style

MAX_PENS = 4096
"""Styles whose pen is remembered; a board that sends more colours than this starts over."""


class Page(Protocol):
    """The screen as the emulator holds it."""

    def observe(self) -> int:
        """The state as it is now, by its number."""

    def dirty_rows(self, since: int) -> list[int]:
        """Rows that changed after a state."""


class _Answers:
    """The host side of the emulator: what it writes there is collected."""

    closed = False

    def __init__(self) -> None:
        self._answers = bytearray()

    def write(self, data: str) -> int:
        return self.write_bytes(data.encode())

    def write_bytes(self, data: bytes) -> int:
        self._answers += data
        return len(data)

    def take(self) -> bytes:
        answers = bytes(self._answers)
        self._answers.clear()
        return answers

    async def read_bytes_async(self, size: int) -> bytes:
        """Part of the interface; bytes come by `feed` alone."""
        return b""

    def flush(self) -> None: ...
    def configure_line(self, line: object) -> None: ...
    def resize(self, rows: int, cols: int) -> None: ...
    def close(self) -> None: ...


class BitttyEmulator:
    """See `Emulator`."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns = columns
        self.rows = rows
        self._answers = _Answers()
        self._board = Board(width=columns, height=rows, model=XTERM)
        self._board.host.attach(self._answers)
        fix(self._board)
        self._guard = SequenceGuard()
        self._seen = 0
        self._page: Page | None = None
        self._pens: dict[Style, Pen] = {}

    def feed(self, data: bytes) -> bytes:
        """See `Emulator`. A size that the board asks for is not taken: the size is that of the screen here."""
        self._board.feed_host_data(self._guard.feed(data))
        if (self._board.width, self._board.height) != (self.columns, self.rows):
            self._board.resize(self.columns, self.rows)
        return self._answers.take()

    def resize(self, columns: int, rows: int) -> None:
        """See `Emulator`."""
        self.columns, self.rows = columns, rows
        self._board.resize(columns, rows)

    def changed(self) -> Sequence[int]:
        """See `Emulator`."""
        page: Page = self._board.display.page
        if page is not self._page:
            self._page = page
            self._seen = page.observe()
            return range(self.rows)
        dirty = page.dirty_rows(self._seen)
        self._seen = page.observe()
        return dirty

    def row(self, number: int) -> Sequence[Run]:
        """See `Emulator`."""
        runs: list[Run] = []
        text: list[str] = []
        last = None
        for style, character in self._board.display.page.grid[number]:
            if style is not last:
                if text:
                    runs.append((plain("".join(text)), self._pen(last)))
                    text.clear()
                last = style
            text.append(character)
        runs.append((plain("".join(text)), self._pen(last)))
        return runs

    def _pen(self, style: Style | None) -> Pen:
        if style is None:
            return PLAIN
        pen = self._pens.get(style)
        if pen is None:
            attributes = 0
            for name, bit in _ATTRIBUTES:
                if getattr(style, name):
                    attributes |= bit
            pen = (_colour(style.fg), _colour(style.bg), attributes)
            if style.conceal:
                pen = (pen[1], pen[1], pen[2])
            if len(self._pens) >= MAX_PENS:
                self._pens.clear()
            self._pens[style] = pen
        return pen

    @property
    def cursor(self) -> tuple[int, int] | None:
        """See `Emulator`."""
        cursor = self._board.display.cursor
        return None if cursor is None else (min(cursor[0], self.columns - 1), min(cursor[1], self.rows - 1))

    @property
    def turned(self) -> bool:
        """See `Emulator`."""
        return bool(self._board.modes.reverse_screen)

    @property
    def bracketed_paste(self) -> bool:
        """See `Emulator`."""
        return bool(self._board.modes.bracketed_paste)

    @property
    def application_cursor(self) -> bool:
        """See `Emulator`."""
        return bool(self._board.modes.cursor_application_mode)

    @property
    def application_keypad(self) -> bool:
        """See `Emulator`."""
        return not self._board.modes.numeric_keypad


_ATTRIBUTES = (
    ("bold", sgr.BOLD),
    ("dim", sgr.DIM),
    ("italic", sgr.ITALIC),
    ("underline", sgr.UNDERLINE),
    ("reverse", sgr.REVERSE),
    ("strike", sgr.STRIKE),
)


def _colour(colour: Color | None) -> Colour:
    return None if colour is None else colour.value
