"""Rows selected with keys: from one row, which stays, to another one, which moves, wherever the screen is."""

from __future__ import annotations

from textual.geometry import Offset
from textual.selection import Selection

from espmon.tui.log.log_view import LogView

WHOLE = -1
"""As the end of a selection: the rest of the row."""


class RowSelection:
    """Extends what is selected in a log by whole rows.

    Args:
        view: the rows.
    """

    def __init__(self, view: LogView) -> None:
        self._view = view
        self._anchor = self._head = 0
        self._made: Selection | None = None

    @property
    def head(self) -> int:
        """The row that moves."""
        return self._head

    def extended(self, selection: Selection | None, here: int, step: int) -> Selection:
        """The selection with its moving end so many rows further; the first step of one row selects the row here.

        Args:
            selection: what is selected now, None for nothing; one made with the mouse goes on from its end.
            here: the row to begin with.
            step: rows, downward when positive.
        """
        view = self._view
        last = len(view) - 1
        if selection is None:
            self._anchor = self._head = here
            step = 0 if abs(step) == 1 else step
        elif selection != self._made:
            self._anchor = view.line(0) if selection.start is None else selection.start.y
            self._head = view.line(last) if selection.end is None else selection.end.y
        self._head = view.line(min(max(view.position(self._head) + step, 0), last))
        low, high = sorted((self._anchor, self._head))
        self._made = Selection(Offset(0, low), Offset(WHOLE, high))
        return self._made


def rows_selected(view: LogView, selection: Selection | None) -> int:
    """How many rows of the view are in it."""
    if selection is None or not len(view):
        return 0
    low = 0 if selection.start is None else view.position(selection.start.y)
    high = len(view) - 1 if selection.end is None else view.position(selection.end.y)
    return max(0, min(high, len(view) - 1) - low + 1)
