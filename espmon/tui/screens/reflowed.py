"""Text that is laid out anew for each width."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content

from espmon.tui.screens.dialog import Line


class Reflowed(Line):
    """Shows what `make` returns for the cells that there are.

    Args:
        make: returns the text for a width in cells; 0 where that is not known yet.
    """

    def __init__(self, make: Callable[[int], Content], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._make = make
        self._cells = 0

    def on_mount(self) -> None:
        """Show it; the width is not known yet."""
        self.reflow()

    def on_resize(self) -> None:
        """Lay it out for another width."""
        if (cells := self.content_size.width) != self._cells:
            self._cells = cells
            self.reflow()

    def reflow(self) -> None:
        """Show what there is to show now."""
        self.show(self._make(self._cells))
