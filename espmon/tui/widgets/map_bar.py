"""The log's scrollbar, with a map on it: a click on a sign goes to what it stands for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment, Segments
from rich.style import Style
from textual.message import Message
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.widget import Widget

from espmon.tui.log.log_map import Cell
from espmon.tui.log.meaning import Meaning
from espmon.tui.widgets.unpainted import not_painted

MAP_SECONDS = 1.0
"""Shortest time between two looks of the map: drawing it draws all rows beside it."""


def _no_cells() -> Sequence[Cell]:
    return ()


class SignedBar(ScrollBarRender):
    """A scrollbar with signs in some of its rows."""

    signs: Mapping[int, tuple[str, Style]] = MappingProxyType({})
    """Row -> sign and its style."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The bar, with what stands in its rows."""
        for bar in super().__rich_console__(console, options):
            if isinstance(bar, Segments):
                for y, (sign, style) in self.signs.items():
                    if y < len(bar.segments):
                        bar.segments[y] = _signed(bar.segments[y], y, sign, style)
            yield bar


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
        self._looked = float("-inf")
        self.waits = False
        """Whether there is something newer than what is drawn."""

    def on_mount(self) -> None:
        """The thumb moves several times a second: it goes straight to the terminal, where that can be done."""
        if (pictures := getattr(self.app, "pictures", None)) is not None:
            self._paint = pictures.paint_again

    def place(self, virtual: int, window: int, position: float) -> None:
        """Show where `window` rows of `virtual` are: from `position` on."""
        self.set_reactive(ScrollBar.window_virtual_size, virtual)
        self.set_reactive(ScrollBar.window_size, window)
        self.set_reactive(ScrollBar.position, position)
        self._draw()

    def _draw(self) -> None:
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
