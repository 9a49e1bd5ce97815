"""The log's scrollbar, with a map on it: a click on a sign goes to what it stands for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from rich.color import Color
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment, Segments
from rich.style import Style
from textual.geometry import Region
from textual.message import Message
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.strip import Strip
from textual.widget import Widget

from espmon.tui.log.log_map import Cell
from espmon.tui.log.meaning import Meaning
from espmon.tui.log.page import filtered
from espmon.tui.widgets.paced_row import DRAW_SECONDS
from espmon.tui.widgets.unpainted import not_painted

MAP_SECONDS = 1.0
"""Shortest time between two looks of the map."""

GREY = Color.parse("#555555")
"""Where a theme has no colour for a part."""


def _no_cells() -> Sequence[Cell]:
    return ()


class SignedBar(ScrollBarRender):
    """A scrollbar with signs in some of its rows."""

    signs: Mapping[int, tuple[str, Style]] = MappingProxyType({})
    """Row -> sign and its style."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The bar, with what stands in its rows."""
        yield Segments(self.rows(options.height or console.height, options.max_width), new_lines=True)

    def rows(self, height: int, width: int) -> list[Segment]:
        """The same as one segment a row; rows that look alike may be one object."""
        style = self.style if isinstance(self.style, Style) else Style.parse(self.style)
        bar = self.render_bar(
            height, self.virtual_size, self.window_size, self.position, width,
            back_color=style.bgcolor or GREY, bar_color=style.color or GREY,
        )  # fmt: skip
        rows = [*bar.segments]
        for y, (sign, own) in self.signs.items():
            if y < len(rows):
                rows[y] = _signed(rows[y], y, sign, own)
        return rows


def _signed(segment: Segment, y: int, sign: str, style: Style) -> Segment:
    under = segment.style or Style()
    ground = under.color if under.reverse else under.bgcolor
    chosen = Style(color=style.color, bgcolor=ground, bold=True, meta={"@mouse.down": f"choose({y})"})
    return Segment(sign.ljust(len(segment.text)), chosen)


class MapBar(ScrollBar):
    """A vertical scrollbar whose cells may hold signs."""

    renderer: ClassVar[type[ScrollBarRender]] = SignedBar

    @dataclass
    class Chosen(Message):
        """The sign of this line was clicked."""

        line: int

    def __init__(self, thickness: int) -> None:
        super().__init__(vertical=True, name="vertical", thickness=thickness)
        self.look: Callable[[], Sequence[Cell]] = _no_cells
        """Makes the map."""

        self.colour: Callable[[Meaning], Style] = lambda meaning: Style()
        """The style of a meaning."""

        self.cells: Sequence[Cell] = ()
        self._paint: Callable[[Widget], bool] = not_painted
        self._looked = self._drawn = float("-inf")
        self._drawing = False
        self.waits = False
        """Whether there is something newer than what is drawn."""

    def on_mount(self) -> None:
        """The thumb moves several times a second: it goes straight to the terminal, where that can be done."""
        if (pictures := getattr(self.app, "pictures", None)) is not None:
            self._paint = pictures.paint_again

    def place(self, virtual: int, window: int, position: float, *, soon: bool = False) -> None:
        """Show where `window` rows of `virtual` are: from `position` on.

        Args:
            virtual: rows of the log.
            window: rows of the page.
            position: the first of these.
            soon: it moved by itself, at the end of a log that grows: a few times a second will do.
        """
        self.set_reactive(ScrollBar.window_virtual_size, virtual)
        self.set_reactive(ScrollBar.window_size, window)
        self.set_reactive(ScrollBar.position, position)
        wait = self._drawn + DRAW_SECONDS - time.monotonic() if soon else 0.0
        if wait <= 0:
            self._draw()
        elif not self._drawing:
            self._drawing = True
            # Not the widget's own timer: where a search has found something, nobody's turn is on this loop.
            asyncio.get_running_loop().call_later(wait, self.call_later, self._draw_late)

    def _draw_late(self) -> None:
        if self._drawing:
            self._draw()

    def _draw(self) -> None:
        self._drawing, self._drawn = False, time.monotonic()
        if not self._paint(self):
            self.refresh()

    def changed(self) -> None:
        """Something is elsewhere now: the map is made again, once a second at most."""
        if self.waits or not self.is_attached:
            return
        wait = self._looked + MAP_SECONDS - time.monotonic()
        if wait <= 0:
            self.look_again()
        else:
            self.waits = True
            self.set_timer(wait, self.look_again)

    def look_again(self) -> None:
        """Make the map, and draw it if it looks different."""
        self.waits = False
        self._looked = time.monotonic()
        cells = self.look()
        shown = [cell and cell[0] for cell in self.cells]
        self.cells = cells
        if shown != [cell and cell[0] for cell in cells]:
            self._draw()

    def render_lines(self, crop: Region) -> list[Strip]:
        """The rows, without the generic pass over each of them: most are alike, and have all their colours."""
        bar, size = self.render(), self.size
        if not isinstance(bar, SignedBar) or size != self.outer_size:
            return super().render_lines(crop)
        base, made = self.rich_style, dict[int, Strip]()
        rows = bar.rows(size.height, size.width)
        for row in rows:
            if id(row) not in made:
                style = base if row.style is None else base + row.style
                made[id(row)] = Strip([Segment(row.text, style)], size.width)
        strips = [made[id(row)] for row in rows[crop.y : crop.bottom]]
        if filters := self.app.get_line_filters():
            strips = filtered(strips, filters, self.background_colors[1])
        return strips if crop.width == size.width else [strip.crop(crop.x, crop.right) for strip in strips]

    def _render_bar(self, scrollbar_style: Style) -> RenderableType:
        bar = super()._render_bar(scrollbar_style)
        if isinstance(bar, SignedBar):
            bar.signs = {
                y: (cell[0].sign, self.colour(cell[0].meaning)) for y, cell in enumerate(self.cells) if cell is not None
            }
        return bar

    def action_choose(self, y: int) -> None:
        """The sign in row `y` was clicked."""
        if 0 <= y < len(self.cells) and (cell := self.cells[y]) is not None:
            self.post_message(self.Chosen(cell[1]))
