"""Which rows are on the screen. The place is held as (line id, row of that line), so that it survives filters, dropped
lines and changes of width; nothing here needs the height of any line that is not near the screen."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from espmon.tui.log.layout import Layout
from espmon.tui.log.log_view import LogView

Row = tuple[int, int, int | None]
"""(line, row of that line, line shown before it)."""


class Pager:
    """One window of `height` rows on a view.

    Args:
        view: the lines, in order.
        layout: how tall they are.
    """

    def __init__(self, view: LogView, layout: Layout) -> None:
        self.view = view
        self.layout = layout
        self.height = 0
        self.follow = True
        """The last line is at the bottom, and new ones push it up."""

        self.at_end = True
        """The last row of the last line is on the screen."""

        self.walked: int | None = None
        """The line walked to last: while the log holds still, it is seen which one that is."""

        self._top = (0, 0)
        self._seen = 0
        self._rows: list[Row] | None = None

    @property
    def unseen(self) -> int:
        """Lines of the view that came since following stopped."""
        return 0 if self.follow else max(0, self.view.finished - self.view.position(self._seen))

    def forget(self) -> None:
        """Lay out again when next asked."""
        self._rows = None

    def rows(self) -> list[Row]:
        """The rows on the screen, from the top; fewer than `height` only when there is no more."""
        if self._rows is None:
            self._rows = self._lay_out()
            if self._rows and not self.follow:
                self._top = self._rows[0][:2]
        return self._rows

    def _lay_out(self) -> list[Row]:
        count = len(self.view)
        if not count or not self.height:
            self.at_end = True
            return []
        if not self.follow:
            rows = self._downward(*self._top)
            if len(rows) == self.height:
                line, sub, _ = rows[-1]
                self.at_end = line == self.view.line(count - 1) and sub == self.layout.height(line) - 1
                return rows
        self.at_end = True
        return self._last_page()

    def _downward(self, line: int, skip: int) -> list[Row]:
        view = self.view
        position = view.position(line)
        lines = view.span(position, position + self.height)
        if not lines:
            return []
        before = view.line(position - 1) if position else None
        return self._stacked(lines, skip if lines[0] == line else 0, before)

    def _last_page(self) -> list[Row]:
        view, tall_of = self.view, self.layout.height
        count, total = len(view), 0
        lines = view.span(max(0, count - self.height - 1), count)  # with the one before them
        first = len(lines)
        while first > 0 and total < self.height:
            first -= 1
            total += tall_of(lines[first])
        return self._stacked(lines[first:], max(0, total - self.height), lines[first - 1] if first else None)

    def _stacked(self, lines: Sequence[int], skip: int, before: int | None) -> list[Row]:
        """The rows of these lines, as many as there is room for; `skip` of the first line's are above the page."""
        tall_of, height = self.layout.height, self.height
        rows: list[Row] = []
        for line in lines:
            tall = tall_of(line)
            low = min(skip, tall - 1)
            rows.extend([(line, sub, before) for sub in range(low, min(tall, low + height - len(rows)))])
            if len(rows) >= height:
                break
            skip, before = 0, line
        return rows

    @property
    def place(self) -> tuple[int, int] | None:
        """(line, row of that line) at the top, None while following: for `come_back`."""
        rows = [] if self.follow else self.rows()
        return rows[0][:2] if rows else None

    # -- moving -------------------------------------------------------------------------------------------------

    def freeze(self) -> None:
        """Stop following: what is looked at stays where it is."""
        if self.follow:
            rows = self.rows()
            self._top = rows[0][:2] if rows else (0, 0)
            self._seen = len(self.view.store)
            self.follow = False
            self._rows = None

    def tail(self) -> None:
        """To the last line, and follow."""
        self.follow = True
        self._rows = None

    def put(self, line: int, above: int = 0) -> None:
        """Line `line` at the top, or `above` rows further down."""
        self.freeze()
        self._top = self._moved(line, 0, -above) if len(self.view) else (line, 0)
        self._rows = None

    def come_back(self, place: tuple[int, int] | None) -> None:
        """To where `place` was read."""
        if place is None:
            self.tail()
        else:
            self.freeze()
            self._top, self._rows = place, None

    def move(self, delta: int) -> None:
        """By rows. Down to the very end follows again."""
        if not len(self.view) or (self.follow and delta >= 0):
            return
        if delta > 0:
            self.rows()
            if self.at_end:
                return self.tail()
        self.freeze()
        self._top = self._moved(*self._top, delta)
        self._rows = None
        self.rows()
        if delta > 0 and self.at_end:
            self.tail()
        return None

    def _moved(self, line: int, sub: int, delta: int) -> tuple[int, int]:
        view, tall_of = self.view, self.layout.height
        position = min(view.position(line), len(view) - 1)
        line = view.line(position)
        sub += delta
        while sub < 0 and position > 0:
            position -= 1
            line = view.line(position)
            sub += tall_of(line)
        while sub >= (tall := tall_of(line)) and position < len(view) - 1:
            sub -= tall
            position += 1
            line = view.line(position)
        return line, max(0, sub)

    # -- copying ------------------------------------------------------------------------------------------------

    def text(self, start: tuple[int, int] | None, end: tuple[int, int] | None, most: int) -> str | None:
        """The shown text between two places (row, character; -1 is a row's end), without colour and times; what is
        folded is in it.

        None for a place is the beginning or the end of the view. Of more than `most` rows, the first ones. Returns
        None when there is nothing.
        """
        view, folds = self.view, self.view.folds
        if not len(view):
            return None
        first, left = start or (view.line(0), 0)
        last, right = end or (view.line(len(view) - 1), -1)
        # Of a fold that was taken at its row, all of it: a place in its heading is none in its lines.
        left = 0 if folds.closed(first) else left
        right = -1 if folds.closed(last) else right
        texts: list[str] = []
        for row in islice(view.taken(first, last), most):
            text = self.layout.line(row).text
            texts.append(text[left if row == first else 0 : len(text) if row != last or right < 0 else right])
        return "\n".join(texts)
