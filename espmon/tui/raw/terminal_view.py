"""The board's screen in raw mode: cells of the emulator, painted as they change."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from espmon.session.store import LogStore
from espmon.tui.log.painter import Painter
from espmon.tui.log.sgr import REVERSE
from espmon.tui.raw.board_stream import CANCEL, BoardStream
from espmon.tui.raw.emulator import Emulator
from espmon.tui.raw.emulator_choice import load_emulator
from espmon.tui.widgets.key_catcher import key_bytes

SLICE = 512
"""Bytes given to the emulator at once."""

BUDGET_SECONDS = 0.004
"""Longest work for the emulator in one turn of the event loop; the rest waits for the next."""

MAX_WAITING = 512 << 10
"""Bytes that wait for the emulator; of more, the oldest are not shown (the log has them)."""

MAX_BEHIND = 32 << 10
"""Bytes that are shown of what waits when the emulator cannot keep up."""

BEHIND_SECONDS = 0.1
"""Time that the emulator may be behind the board; then it does not keep up."""


_NOT_ECHOED = bytes(code for code in range(0x20) if code not in b"\t\r\n") + b"\x7f"


class TerminalView(Widget, can_focus=True):
    """A VT100/xterm screen for the board. `show` begins, `take` follows the log."""

    DEFAULT_CSS = """
    TerminalView { display: none; width: 1fr; height: 1fr; }
    """

    @dataclass
    class Typed(Message):
        """Bytes for the board, where the driver knows keys only."""

        data: bytes

    @dataclass
    class Answered(Message):
        """The board asked its terminal something."""

        data: bytes

    @dataclass
    class WishesChanged(Message):
        """The board wants keys in another form."""

        application_cursor: bool
        application_keypad: bool
        bracketed_paste: bool

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._emulator: Emulator | None = None
        self._stream: BoardStream | None = None
        self._waiting = b""
        self._wishes = (False, False, False)
        self._cursor: tuple[int, int] | None = None
        self._strips: dict[int, Strip] = {}
        self._painter: Painter | None = None
        self._turned = self._scheduled = False
        self._behind_since = 0.0
        self.poll: Callable[[], None] = lambda: None
        """Called between rows and slices: what must not wait for a whole picture."""

    @property
    def emulator(self) -> Emulator | None:
        """The emulator, None before raw mode was first used."""
        return self._emulator

    def show(self, store: LogStore, ready: Callable[[], None] = lambda: None) -> None:
        """Begin (again): the screen is empty but for the last lines of the log.

        Args:
            store: the log.
            ready: called when the emulator is there, and answers; the first time it has to be loaded.
        """
        # Whatever comes while it is being loaded is shown: an alternate screen may be among it.
        stream = BoardStream(store, max(1, self.size.height) - 1)
        self.run_worker(self._show(stream, ready), group="emulator", exclusive=True)

    async def _show(self, stream: BoardStream, ready: Callable[[], None]) -> None:
        make = await asyncio.to_thread(load_emulator)
        columns, rows = max(1, self.size.width), max(1, self.size.height)
        self._emulator = make(columns, rows, lambda: self.poll())
        self._stream = stream
        self._waiting = b""
        self._wishes, self._turned = (False, False, False), False
        self._strips.clear()
        ready()
        self.take(answer=False)

    def hide(self) -> None:
        """End: what the board prints from now on is not followed."""
        self.workers.cancel_group(self, "emulator")
        self._stream = self._emulator = None
        self._waiting = b""

    def take(self, *, answer: bool = True) -> None:
        """Follow the log. Questions in what was printed before are not answered."""
        if self._stream is None:
            return
        self._waiting += self._stream.read()
        late = self._scheduled and time.monotonic() - self._behind_since > BEHIND_SECONDS
        if len(self._waiting) > (MAX_BEHIND if late else MAX_WAITING):
            self._stream.skipped += len(self._waiting) - MAX_BEHIND
            self._waiting = CANCEL + self._waiting[-MAX_BEHIND:]
            self._behind_since = time.monotonic()
        if self._waiting and not self._scheduled:
            self._behind_since = time.monotonic()
            self._work(answer)

    def echo(self, typed: bytes) -> None:
        """Show what was typed, for a board that does not echo it: Enter begins a new line, other controls show nothing.

        A question or a sequence among it is neither answered nor obeyed.
        """
        if self._emulator is not None:
            if b"\x1b" in typed:
                return
            self._emulator.feed(typed.replace(b"\r", b"\r\n").translate(None, _NOT_ECHOED))
            self._repaint(self._emulator)

    @property
    def skipped(self) -> int:
        """Bytes of the board that nobody could have seen, and that were not drawn."""
        return 0 if self._stream is None else self._stream.skipped

    def _work(self, answer: bool = True) -> None:
        """Give the emulator what waits, as far as the budget goes."""
        self._scheduled = False
        emulator = self._emulator
        if emulator is None:
            return
        until = time.monotonic() + BUDGET_SECONDS
        answers, at = bytearray(), 0
        while at < len(self._waiting) and (at == 0 or time.monotonic() < until):
            answers += emulator.feed(self._waiting[at : at + SLICE])
            at += SLICE
            self.poll()
        self._waiting = self._waiting[at:]
        if answers and answer:
            self.post_message(self.Answered(bytes(answers)))
        wishes = (emulator.application_cursor, emulator.application_keypad, emulator.bracketed_paste)
        if wishes != self._wishes:
            self._wishes = wishes
            self.post_message(self.WishesChanged(*wishes))
        self._repaint(emulator)
        if self._waiting:
            self._scheduled = True
            self.call_later(self._work, answer)

    def _repaint(self, emulator: Emulator) -> None:
        cursor = emulator.cursor
        rows = set(emulator.changed())
        if emulator.turned is not self._turned:
            self._turned = emulator.turned
            rows.update(range(emulator.rows))
        if cursor != self._cursor:
            rows.update(place[1] for place in (cursor, self._cursor) if place is not None)
            self._cursor = cursor
        for row in rows:
            self._strips.pop(row, None)
        if rows:
            self.refresh(*(Region(0, row, self.size.width, 1) for row in rows))

    async def on_key(self, event: events.Key) -> None:
        """Each key goes out as a terminal would send it."""
        event.stop()
        event.prevent_default()
        if data := key_bytes(event.key, event.character):
            self.post_message(self.Typed(data))

    def on_paste(self, event: events.Paste) -> None:
        """Pasted text goes out as it is, line ends as Enter."""
        event.stop()
        self.post_message(self.Typed(event.text.replace("\r\n", "\r").replace("\n", "\r").encode()))

    def on_resize(self, event: events.Resize) -> None:
        """The board's screen is as large as this widget; a board learns it when it asks."""
        emulator, (width, height) = self._emulator, event.size
        if emulator is not None and width and height and (emulator.columns, emulator.rows) != (width, height):
            emulator.resize(width, height)
            self._strips.clear()
            self._repaint(emulator)

    def notify_style_update(self) -> None:
        """The theme has changed."""
        super().notify_style_update()
        self._painter = None
        self._strips.clear()

    def _paint(self) -> Painter:
        if self._painter is None:
            theme = self.app.current_theme
            self._painter = Painter(self.rich_style, dark=theme.dark, native=theme.name.startswith("ansi"))
        return self._painter

    def render_line(self, y: int) -> Strip:
        """One row of cells."""
        painter, width = self._paint(), self.size.width
        emulator = self._emulator
        if emulator is None or y >= emulator.rows:
            return Strip.blank(width, painter.base)
        strip = self._strips.get(y)
        if strip is None:
            self.poll()
            runs = emulator.row(y)
            if self._turned:
                runs = [(text, (pen[0], pen[1], pen[2] ^ REVERSE)) for text, pen in runs]
            strip = Strip(Segment(text, painter.style(pen)) for text, pen in runs)
            strip = strip.adjust_cell_length(width, painter.base)
            if self._cursor is not None and self._cursor[1] == y:
                strip = _with_cursor(strip, self._cursor[0], width)
            self._strips[y] = strip
        return strip


def _with_cursor(strip: Strip, column: int, width: int) -> Strip:
    """`strip` with the cell at `column` turned around."""
    cell = strip.crop(column, column + 1)
    reverse = not any(segment.style is not None and segment.style.reverse for segment in cell)
    turned = Strip(Segment(text, (style or Style()) + Style(reverse=reverse)) for text, style, _ in cell)
    return Strip.join((strip.crop(0, column), turned, strip.crop(min(column + 1, width), width)))
