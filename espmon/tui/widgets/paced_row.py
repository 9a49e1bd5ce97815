"""A row that changes often and is drawn a few times a second."""

from __future__ import annotations

import time

from espmon.tui.widgets.text_row import TextRow

DRAW_SECONDS = 0.25
"""Shortest time between two drawings."""


class PacedRow(TextRow):
    """Draws at once after a rest, and then at most once in `DRAW_SECONDS`; the newest state is always drawn."""

    waits = False
    """Whether there is something newer than what is drawn."""

    _drawn = float("-inf")

    def draw(self) -> None:
        """Show what there is now. Subclasses fill it."""
        raise NotImplementedError

    def draw_soon(self) -> None:
        """Something has changed."""
        wait = self._drawn + DRAW_SECONDS - time.monotonic()
        if wait <= 0 or not self.is_attached:
            self._draw_now()
        elif not self.waits:
            self.waits = True
            self.set_timer(wait, self._draw_now)

    def _draw_now(self) -> None:
        self.waits, self._drawn = False, time.monotonic()
        self.draw()
