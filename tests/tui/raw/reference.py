"""pyte as the reference for text, colours and attributes; where it is not what xterm is, it is made so.

pyte 0.8 erases with all attributes of the cursor where xterm (and every terminfo entry with `bce`) erases with its
background alone; it scrolls in, inserts and deletes cells and lines without that background; it erases only cells that
were written before, and never the last one of a full row, on which xterm's cursor stands; it has neither SU and SD nor
an alternate screen. What it prints instead of passing over (SGR with colons, `ESC[!p`), the half of a wide character
that it leaves, SGR 21 and DECSCNM are not compared. Sources: xterm's ctlseqs, terminfo(5) on `back_color_erase`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from itertools import zip_longest
from typing import Any

import pyte
from pyte import graphics
from pyte.screens import Char
from wcwidth import wcwidth

from espmon.tui.log import sgr
from espmon.tui.log.sgr import Colour
from espmon.tui.raw.bittty_emulator import BitttyEmulator
from espmon.tui.raw.emulator import Emulator

INSTALLED = ["bittty", *(["ghostty"] if importlib.util.find_spec("pyghostty") else [])]
"""Emulators that there are here; the second is the extra `terminal`."""

Cell = tuple[str, str, str, int]
"""Text, foreground, background ("default", or six hexadecimal digits), attributes as in `sgr` (dim is not compared)."""

ALTERNATE = 1049

_ANSI = {
    name: graphics.FG_BG_256[number]
    for first, names in (
        (0, graphics.FG_ANSI),
        (8, graphics.FG_AIXTERM),
        (0, graphics.BG_ANSI),
        (8, graphics.BG_AIXTERM),
    )
    for number, name in enumerate((name for name in names.values() if name != "default"), first)
}
_ATTRIBUTES = {
    "bold": sgr.BOLD,
    "italics": sgr.ITALIC,
    "underscore": sgr.UNDERLINE,
    "reverse": sgr.REVERSE,
    "strikethrough": sgr.STRIKE,
}


class XtermScreen(pyte.Screen):
    """`pyte.Screen` that erases as xterm does, and has an alternate screen."""

    _main: Any = None

    @property
    def blank(self) -> Char:
        """What erasing leaves."""
        return Char(" ", bg=self.cursor.attrs.bg)

    def _fill(self, row: int, columns: range) -> None:
        self.buffer[row].update(dict.fromkeys(columns, self.blank))

    def index(self) -> None:
        """The line that comes in has the background."""
        _, bottom = self.margins or (0, self.lines - 1)
        scrolls = self.cursor.y == bottom
        super().index()
        if scrolls:
            self._fill(bottom, range(self.columns))

    def reverse_index(self) -> None:
        """See `index`."""
        top, _ = self.margins or (0, self.lines - 1)
        scrolls = self.cursor.y == top
        super().reverse_index()
        if scrolls:
            self._fill(top, range(self.columns))

    def insert_lines(self, count: int | None = None) -> None:
        """See `index`."""
        top, bottom = self.margins or (0, self.lines - 1)
        super().insert_lines(count)
        if top <= self.cursor.y <= bottom:
            for row in range(self.cursor.y, min(self.cursor.y + (count or 1), bottom + 1)):
                self._fill(row, range(self.columns))

    def delete_lines(self, count: int | None = None) -> None:
        """See `index`."""
        top, bottom = self.margins or (0, self.lines - 1)
        super().delete_lines(count)
        if top <= self.cursor.y <= bottom:
            for row in range(max(self.cursor.y, bottom + 1 - (count or 1)), bottom + 1):
                self._fill(row, range(self.columns))

    def insert_characters(self, count: int | None = None) -> None:
        """See `index`."""
        super().insert_characters(count)
        self._fill(self.cursor.y, range(self.cursor.x, min(self.cursor.x + (count or 1), self.columns)))

    def delete_characters(self, count: int | None = None) -> None:
        """See `index`."""
        super().delete_characters(count)
        self._fill(self.cursor.y, range(max(self.cursor.x, self.columns - (count or 1)), self.columns))

    def erase_characters(self, count: int | None = None) -> None:
        """With the background alone."""
        self._fill(self.cursor.y, range(self.cursor.x, min(self.cursor.x + (count or 1), self.columns)))

    def erase_in_line(self, how: int = 0, private: bool = False) -> None:
        """With the background alone."""
        first = min(self.cursor.x, self.columns - 1) if how == 0 else 0
        self._fill(self.cursor.y, range(first, self.cursor.x + 1 if how == 1 else self.columns))

    def erase_in_display(self, how: int = 0, *args: Any, **kwargs: Any) -> None:
        """With the background alone, whatever was written before."""
        if how == 3:
            return  # what has scrolled off, not the screen
        first = self.cursor.y + 1 if how == 0 else 0
        for row in range(first, self.cursor.y if how == 1 else self.lines):
            self._fill(row, range(self.columns))
        if how in (0, 1):
            self.erase_in_line(how)

    def set_mode(self, *modes: int, **kwargs: Any) -> None:
        """The alternate screen, too."""
        if kwargs.get("private") and ALTERNATE in modes and self._main is None:
            self._main = self.buffer.copy(), self.cursor.x, self.cursor.y, self.cursor.attrs
            self.buffer.clear()
        super().set_mode(*modes, **kwargs)

    def reset_mode(self, *modes: int, **kwargs: Any) -> None:
        """The screen that was there before."""
        if kwargs.get("private") and ALTERNATE in modes and self._main is not None:
            self.buffer.clear()
            buffer, self.cursor.x, self.cursor.y, self.cursor.attrs = self._main
            self.buffer.update(buffer)
            self._main = None
        super().reset_mode(*modes, **kwargs)

    def scroll_up(self, count: int | None = None) -> None:
        """SU: the lines of the scroll region move up."""
        self._at_margin(self.index, count, bottom=True)

    def scroll_down(self, count: int | None = None) -> None:
        """SD: the lines of the scroll region move down."""
        self._at_margin(self.reverse_index, count, bottom=False)

    def _at_margin(self, move: Callable[[], None], count: int | None, *, bottom: bool) -> None:
        kept = self.cursor.y
        self.cursor.y = (self.margins or (0, self.lines - 1))[bottom]
        for _ in range(count or 1):
            move()
        self.cursor.y = kept

    def cells(self, row: int) -> list[Cell]:
        """One row; a wide character is one cell."""
        listed = [self.buffer[row][column] for column in range(self.columns)]
        return [_cell(char) for char in listed if char.data]


class XtermStream(pyte.ByteStream):
    """Knows SU and SD."""

    csi = {  # noqa: RUF012 (as the base class has it)
        **pyte.ByteStream.csi,
        "S": "scroll_up",
        "T": "scroll_down",
    }
    events = pyte.ByteStream.events | {"scroll_up", "scroll_down"}


def _cell(char: Char) -> Cell:
    attributes = sum(bit for name, bit in _ATTRIBUTES.items() if getattr(char, name))
    return char.data, _ANSI.get(char.fg, char.fg), _ANSI.get(char.bg, char.bg), attributes


def _hexadecimal(colour: Colour) -> str:
    if colour is None:
        return "default"
    return "{:02x}{:02x}{:02x}".format(*colour) if isinstance(colour, tuple) else graphics.FG_BG_256[colour]


def make_emulator(kind: str, columns: int, rows: int) -> Emulator:
    """ "bittty" or "ghostty"."""
    if kind == "bittty":
        return BitttyEmulator(columns, rows)
    from espmon.tui.raw.ghostty_emulator import GhosttyEmulator

    return GhosttyEmulator(columns, rows)


def emulator_cells(emulator: Emulator, row: int) -> list[Cell]:
    """One row of an emulator; a wide character is one cell. Call `changed` before."""
    cells: list[Cell] = []
    for text, (foreground, background, attributes) in emulator.row(row):
        assert foreground is None or isinstance(foreground, int | tuple)
        pen = _hexadecimal(foreground), _hexadecimal(background), attributes & ~sgr.DIM
        for character in text:
            if wcwidth(character) == 0 and cells:
                last = cells.pop()
                cells.append((last[0] + character, *last[1:]))
            else:
                cells.append((character, *pen))
    return cells


def differences(emulator: Emulator, screen: XtermScreen) -> list[str]:
    """Where an emulator has another text, colour or attribute; looked at where either has drawn since last time."""
    rows = sorted({*emulator.changed(), *screen.dirty})
    screen.dirty.clear()
    pairs = [(row, emulator_cells(emulator, row), screen.cells(row)) for row in rows if row < screen.lines]
    return [_difference(row, mine, its) for row, mine, its in pairs if mine != its]


def _difference(row: int, mine: list[Cell], its: list[Cell]) -> str:
    cells = enumerate(zip_longest(mine, its))
    column, (here, there) = next((at, pair) for at, pair in cells if pair[0] != pair[1])
    return f"row {row}, cell {column}: here {here}, there {there}"
