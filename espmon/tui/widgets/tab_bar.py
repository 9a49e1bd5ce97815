"""The boards that are open, each with how it is doing and what nobody has seen of it yet. A click looks at one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.events import Click
from textual.message import Message

from espmon.tui.sanitise import visible
from espmon.tui.widgets.paced_row import PacedRow
from espmon.tui.widgets.row_parts import Part

MIN_NAME_CELLS = 4
"""Cells that a name keeps before the words beside it are given up."""


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab."""

    number: int
    """What its key is; 0 for all boards."""

    name: str
    colour: str
    """Of the board, by name or as `#rrggbb`."""

    state: str
    """How it is doing, in a word or two; "" where all is well."""

    state_style: str
    unread: str
    """Errors and crashes since it was looked at, in a few cells."""

    current: bool

    def parts(self, name_cells: int, *, words: bool) -> list[Part]:
        """As it is drawn, with so many cells for the name, and the words about its state where there is room."""
        name = visible(self.name)
        if cell_len(name) > name_cells:
            name = set_cell_size(name, max(0, name_cells - 1)).rstrip() + "…"
        # The current one is reversed: its colour is readable on the row's ground, and so the ground on it; also where
        # there are no colours.
        number, weight, gap = "$text-muted", "", ""
        if self.current:
            number, weight, gap = f"{self.colour} reverse", " bold reverse", f"{self.colour} reverse"
        parts = [(f" {self.number} ", number), (name, f"{self.colour}{weight}"), (" ", gap)]
        if self.state and words:
            parts += [(self.state, self.state_style), (" ", "")]
        if self.unread:
            parts += [(self.unread, "$error bold"), (" ", "")]
        return parts


class TabBar(PacedRow):
    """One row of tabs."""

    DEFAULT_CSS = """
    TabBar { background: $boost; color: $foreground; }
    """

    @dataclass
    class Chosen(Message):
        """A tab was clicked."""

        number: int

    _tabs: tuple[Tab, ...] = ()
    _spans: tuple[tuple[range, int], ...] = ()

    def show(self, tabs: Sequence[Tab]) -> None:
        """Show these tabs."""
        if (new := tuple(tabs)) != self._tabs:
            moved = [tab.current for tab in new] != [tab.current for tab in self._tabs]
            self._tabs = new
            if moved:
                self._draw_now()
            else:
                self.draw_soon()

    def draw(self) -> None:
        """Take the tabs that there are now."""
        self.set_parts([part for tab in self._tabs for part in tab.parts(cell_len(tab.name), words=True)])

    def render(self) -> Content:
        """All tabs: where they do not fit, names are cut first, then the words about their states go."""
        drawn = self._fitting()
        spans: list[tuple[range, int]] = []
        x = 0
        for tab, parts in zip(self._tabs, drawn, strict=True):
            cells = sum(cell_len(text) for text, _ in parts)
            spans.append((range(x, x + cells), tab.number))
            x += cells
        self._spans = tuple(spans)
        return Content.assemble(*(part for parts in drawn for part in parts))

    def _fitting(self) -> list[list[Part]]:
        longest = max((cell_len(tab.name) for tab in self._tabs), default=0)
        tries = [(cells, True) for cells in range(longest, MIN_NAME_CELLS - 1, -1)]
        tries += [(cells, False) for cells in range(longest, 0, -1)]
        drawn: list[list[Part]] = []
        for cells, words in tries:
            drawn = [tab.parts(cells, words=words or tab.current) for tab in self._tabs]
            if sum(cell_len(text) for parts in drawn for text, _ in parts) <= self.size.width:
                break
        return drawn

    def on_click(self, event: Click) -> None:
        """Look at the tab under the mouse."""
        event.stop()
        at = event.get_content_offset(self)
        for cells, number in self._spans:
            if at is not None and at.x in cells:
                self.post_message(self.Chosen(number))
