"""The fast emulator: libghostty-vt through pyghostty, some 40 MB/s; the extra `terminal`, where there is a wheel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from pyghostty._ffi import check, ffi, lib
from pyghostty.core import Terminal, init_sized
from rich.cells import cell_len

from espmon.tui.log import sgr
from espmon.tui.log.sgr import PLAIN, Colour, Pen
from espmon.tui.raw.emulator import Run
from espmon.tui.raw.sequence_guard import SequenceGuard
from espmon.tui.sanitise import plain

CURSOR_KEYS, REVERSED, CURSOR_VISIBLE, KEYPAD, BRACKETED_PASTE = 1, 5, 25, 66, 2004
"""DEC private modes."""

MAX_CODE_POINTS = 16
"""Code points of one cell that are shown: a base and its marks."""

MAX_PLAIN_CELLS = 4096
"""Cells without a style that are remembered."""

Cell = tuple[str, Pen, int]
"""Characters, "" for none; how they look; how many cells behind it they take."""

CELL_WIDTH, CELL_HEIGHT = 8, 16
"""Pixels of a cell, for boards that ask for the size in pixels."""

_ATTRIBUTES = (
    ("bold", sgr.BOLD),
    ("faint", sgr.DIM),
    ("italic", sgr.ITALIC),
    ("underline", sgr.UNDERLINE),
    ("inverse", sgr.REVERSE),
    ("strikethrough", sgr.STRIKE),
)


class _Size(Protocol):
    """What the board is told of the screen."""

    rows: int
    columns: int
    cell_width: int
    cell_height: int


class _Rgb(Protocol):
    r: int
    g: int
    b: int


class _ColourValue(Protocol):
    palette: int
    rgb: _Rgb


class _StyleColour(Protocol):
    """The library's tagged union."""

    tag: int
    value: _ColourValue


DELETE = b"\x7f"
"""Drawn by the library, where a terminal passes it over: boards that do not know the key send it back."""


class GhosttyEmulator:
    """See `Emulator`. What scrolls off is not kept: the log has it."""

    def __init__(self, columns: int, rows: int, poll: Callable[[], None] = lambda: None) -> None:
        self._poll = poll
        self.columns = columns
        self.rows = rows
        self._terminal = Terminal(columns, rows, scrollback=0)
        self._handle = self._terminal._t[0]
        self._answers = bytearray()
        self._terminal.on_reply(self._answers.extend)
        self._size = ffi.callback("GhosttyTerminalSizeFn", self._answer_size)
        check(lib.ghostty_terminal_set(self._handle, lib.GHOSTTY_TERMINAL_OPT_SIZE, self._size), "size")
        self._guard = SequenceGuard()
        self._state = _owned("GhosttyRenderState*", lib.ghostty_render_state_new, lib.ghostty_render_state_free)
        self._iterator = _owned(
            "GhosttyRenderStateRowIterator*",
            lib.ghostty_render_state_row_iterator_new,
            lib.ghostty_render_state_row_iterator_free,
        )
        self._cells = _owned(
            "GhosttyRenderStateRowCells*",
            lib.ghostty_render_state_row_cells_new,
            lib.ghostty_render_state_row_cells_free,
        )
        self._number, self._length = ffi.new("uint16_t*"), ffi.new("size_t*")
        self._points = ffi.new(f"uint32_t[{MAX_CODE_POINTS}]")
        self._styled, self._style = ffi.new("bool*"), init_sized("GhosttyStyle")
        self._raw, self._tag = ffi.new("GhosttyCell*"), ffi.new("int*")
        self._index, self._background = ffi.new("uint8_t*"), ffi.new("GhosttyColorRgb*")
        self._rows: dict[int, Sequence[Run]] = {}
        self._plain_cells: dict[int, Cell] = {}

    def _answer_size(self, terminal: object, userdata: object, size: _Size) -> bool:
        size.rows, size.columns, size.cell_width, size.cell_height = self.rows, self.columns, CELL_WIDTH, CELL_HEIGHT
        return True

    def feed(self, data: bytes) -> bytes:
        """See `Emulator`. A size that the board asks for is not taken: the size is that of the screen here."""
        self._terminal.feed(self._guard.feed(data).replace(DELETE, b""))
        if self._terminal.size != (self.columns, self.rows):
            self._terminal.resize(self.columns, self.rows)
        answers = bytes(self._answers)
        self._answers.clear()
        return answers

    def resize(self, columns: int, rows: int) -> None:
        """See `Emulator`."""
        if (columns, rows) != (self.columns, self.rows):
            self.columns, self.rows = columns, rows
            self._terminal.resize(columns, rows)
            self._rows.clear()

    def changed(self) -> Sequence[int]:
        """See `Emulator`."""
        state, iterator = self._state[0], self._iterator
        check(lib.ghostty_render_state_update(state, self._handle), "update")
        check(lib.ghostty_render_state_get(state, lib.GHOSTTY_RENDER_STATE_DATA_ROW_ITERATOR, iterator), "rows")
        changed = []
        while lib.ghostty_render_state_row_iterator_next_dirty(iterator[0], self._number):
            number = int(self._number[0])
            check(
                lib.ghostty_render_state_row_get(iterator[0], lib.GHOSTTY_RENDER_STATE_ROW_DATA_CELLS, self._cells),
                "cells",
            )
            self._rows[number] = self._read_row()
            self._poll()  # a tenth of a millisecond each
            changed.append(number)
        check(lib.ghostty_render_state_clean(state), "clean")
        return changed

    def row(self, number: int) -> Sequence[Run]:
        """See `Emulator`."""
        return self._rows.get(number) or [(" " * self.columns, PLAIN)]

    def _read_row(self) -> Sequence[Run]:
        runs: list[Run] = []
        text: list[str] = []
        last, column, skip = PLAIN, 0, 0
        while lib.ghostty_render_state_row_cells_next(self._cells[0]) and column < self.columns:
            column += 1
            if skip:
                skip -= 1
                continue
            characters, pen, skip = self._cell()
            if pen != last and text:
                runs.append((plain("".join(text)), last))
                text.clear()
            last = pen
            text.append(characters or " ")
        runs.append((plain("".join(text)), last))
        return runs

    def _cell(self) -> Cell:
        """The cell that the library stands at. What has no style is all in its content, and looks the same again."""
        lib.ghostty_render_state_row_cells_get(self._cells[0], lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_RAW, self._raw)
        content = int(self._raw[0])
        found = self._plain_cells.get(content)
        if found is None:
            characters = self._characters()
            pen = self._pen(blank=not characters)
            found = characters, pen, max(cell_len(characters) - 1, 0)
            if not self._styled[0] and self._length[0] <= 1:
                if len(self._plain_cells) >= MAX_PLAIN_CELLS:
                    self._plain_cells.clear()
                self._plain_cells[content] = found
        return found

    def _characters(self) -> str:
        cell = self._cells[0]
        lib.ghostty_render_state_row_cells_get(
            cell, lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_GRAPHEMES_LEN, self._length
        )
        count = int(self._length[0])
        if not 0 < count <= MAX_CODE_POINTS:
            return "\ufffd" if count else ""
        lib.ghostty_render_state_row_cells_get(
            cell, lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_GRAPHEMES_BUF, self._points
        )
        return "".join(map(chr, self._points[0:count]))

    def _pen(self, blank: bool) -> Pen:
        cell = self._cells[0]
        lib.ghostty_render_state_row_cells_get(cell, lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_HAS_STYLING, self._styled)
        if self._styled[0]:
            style = self._style
            lib.ghostty_render_state_row_cells_get(cell, lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_STYLE, style)
            attributes = sum(bit for name, bit in _ATTRIBUTES if getattr(style, name))
            foreground, background = _colour(style.fg_color), _colour(style.bg_color)
            return background if style.invisible else foreground, background, attributes
        return (None, self._erased_with(), 0) if blank else PLAIN

    def _erased_with(self) -> Colour:
        """The background of a cell without text: it is the cell's content, for there is no style."""
        cell = self._raw[0]
        check(lib.ghostty_cell_get(cell, lib.GHOSTTY_CELL_DATA_CONTENT_TAG, self._tag), "content")
        if self._tag[0] == lib.GHOSTTY_CELL_CONTENT_BG_COLOR_PALETTE:
            check(lib.ghostty_cell_get(cell, lib.GHOSTTY_CELL_DATA_COLOR_PALETTE, self._index), "colour")
            return int(self._index[0])
        if self._tag[0] == lib.GHOSTTY_CELL_CONTENT_BG_COLOR_RGB:
            check(lib.ghostty_cell_get(cell, lib.GHOSTTY_CELL_DATA_COLOR_RGB, self._background), "colour")
            return int(self._background.r), int(self._background.g), int(self._background.b)
        return None

    @property
    def cursor(self) -> tuple[int, int] | None:
        """See `Emulator`."""
        return self._terminal.cursor if self._terminal.mode(CURSOR_VISIBLE) else None

    @property
    def turned(self) -> bool:
        """See `Emulator`."""
        return bool(self._terminal.mode(REVERSED))

    @property
    def bracketed_paste(self) -> bool:
        """See `Emulator`."""
        return bool(self._terminal.mode(BRACKETED_PASTE))

    @property
    def application_cursor(self) -> bool:
        """See `Emulator`."""
        return bool(self._terminal.mode(CURSOR_KEYS))

    @property
    def application_keypad(self) -> bool:
        """See `Emulator`."""
        return bool(self._terminal.mode(KEYPAD))


def _owned(kind: str, new: Callable[[object, object], int], free: Callable[[object], None]) -> Sequence[object]:
    """Returns a library object that is freed with the Python object that holds it."""
    pointer = ffi.new(kind)
    check(new(ffi.NULL, pointer), kind)
    held: Sequence[object] = ffi.gc(pointer, lambda held: free(held[0]))
    return held


def _colour(colour: _StyleColour) -> Colour:
    if colour.tag == lib.GHOSTTY_STYLE_COLOR_PALETTE:
        return int(colour.value.palette)
    if colour.tag == lib.GHOSTTY_STYLE_COLOR_RGB:
        rgb = colour.value.rgb
        return int(rgb.r), int(rgb.g), int(rgb.b)
    return None
