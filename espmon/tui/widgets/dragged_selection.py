"""A selection that the mouse drags over the edge of the log: it ends at what is seen, and the log scrolls on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.geometry import Offset
from textual.selection import Selection
from textual.timer import Timer

from espmon.tui.log.row_selection import WHOLE

if TYPE_CHECKING:
    from espmon.tui.widgets.log_scroll import LogScroll

SCROLL_SECONDS = 0.05
"""Time between two rows while the mouse is held beyond the edge."""


class DraggedSelection:
    """What the toolkit selects "from here on" when the mouse leaves the log, made into what was meant.

    Args:
        pane: the log.
    """

    def __init__(self, pane: LogScroll) -> None:
        self._pane = pane
        self._timer: Timer | None = None

    def stop(self) -> None:
        """The mouse button was let go, or the mouse is back in the log."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def updated(self, selection: Selection | None) -> None:
        """The log's selection is another one now."""
        if selection is None or (selection.start is None) == (selection.end is None):
            if self._timer is not None and self._beyond == 0:
                self.stop()
            return
        self._take(selection)
        if self._beyond and self._timer is None:
            self._timer = self._pane.set_interval(SCROLL_SECONDS, self._scroll)

    @property
    def _beyond(self) -> int:
        """Where the mouse is: -1 above the log, 1 below it, 0 beside or in it."""
        y, region = self._pane.app.mouse_position.y, self._pane.region
        return -1 if y < region.y else int(y >= region.bottom)

    def _take(self, selection: Selection) -> None:
        """Select up to the last row that is seen, or from the first one on."""
        rows = self._pane.pager.rows()
        if rows:
            first, last = Offset(0, rows[0][0]), Offset(WHOLE, rows[-1][0])
            start, end = selection.start or first, selection.end or last
            self._pane.screen.selections = {self._pane: Selection(start, end)}

    def _scroll(self) -> None:
        selection, step = self._pane.text_selection, self._beyond
        if selection is None or not step:
            self.stop()
            return
        self._pane.scroll_rows(step)
        self._take(Selection(selection.start, None) if step > 0 else Selection(None, selection.end))
