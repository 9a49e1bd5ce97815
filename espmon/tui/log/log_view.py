"""Which rows are on the scroll, in order: all of them or the filtered ones, after the last clear.

A row is called by the id of its first line. The last one may be the row that still changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from espmon.session.store import LiveRow, LogStore
from espmon.tui.log.folds import Folds
from espmon.tui.log.history_scan import Scan


def _any(row: LiveRow) -> bool:
    return True


class LogView:
    """Maps positions on the scroll to rows and back. Ids are stable, positions move when old lines go.

    Args:
        store: the log.
    """

    def __init__(self, store: LogStore) -> None:
        self.store = store
        self.base = 0
        """Lines before this one are cleared from the screen (they stay in the store)."""

        self.folds = Folds(store)
        """Runs of lines that are one row, while no filter is in use."""

        self._scan: Scan | None = None
        self._low = 0
        self._high = 0
        self.shows_live: Callable[[LiveRow], bool] = _any
        """Whether the row that still changes passes the filter as it stands."""

        self._looked_at: LiveRow | None = None
        self._passes = False
        self.live: LiveRow | None = None
        """The row that still changes, None when there is none or the filter hides it."""

        self.sync()

    @property
    def scan(self) -> Scan | None:
        """The filter's scan, None when every line is shown."""
        return self._scan

    def use(self, scan: Scan | None) -> None:
        """Show what `scan` found, or everything."""
        self._scan = scan
        self.folds.off = scan is not None
        self._looked_at = None
        self.sync()

    def use_store(self, store: LogStore) -> None:
        """Show another log, of which nothing is folded."""
        self.store = store
        self.folds.use_store(store)
        self.unclear()

    def clear(self) -> None:
        """Hide everything received so far."""
        self.base = self.store.rows_end
        self.sync()

    def unclear(self) -> None:
        """Show again what `clear` hid."""
        self.base = 0
        self.sync()

    def sync(self) -> None:
        """Take in what the store gained and lost since the last call."""
        # The live row first: one that is finished in between is then among the others, and not shown twice.
        store = self.store
        live = store.live
        first = max(self.base, store.first)
        if self._scan is None:
            self._low, self._high = first, max(first, store.rows_end)
            self.folds.begin_at(first)
            newest = self._high - 1
        else:
            self._scan.evict()
            ids = self._scan.ids
            self._low, self._high = ids.before(first), len(ids)
            newest = ids[-1] if self._high else -1
        if live is not self._looked_at:
            self._looked_at, self._passes = live, live is not None and self.shows_live(live)
        self.live = live if live is not None and self._passes and live.row > newest else None

    def __len__(self) -> int:
        return self.finished + (self.live is not None)

    @property
    def finished(self) -> int:
        """Rows of the view but the one that still changes."""
        if self._scan is not None:
            return self._high - self._low
        rows = self.store.rows.count(self._low, self._high)
        return rows - self.folds.hidden(self._low, self._high) if self.folds else rows

    def line(self, position: int) -> int:
        """The row at `position`. Raises IndexError outside of the view."""
        if not 0 <= position < len(self):
            raise IndexError(position)
        if self.live is not None and position == self.finished:
            return self.live.row
        if self._scan is None:
            folds = self.folds
            return folds.line(self._low, position) if folds else self.store.rows.nth(self._low, position)
        return self._scan.ids[self._low + position]

    def span(self, first: int, stop: int) -> list[int]:
        """The rows at the positions from `first` up to `stop` (excluded), as far as there are any."""
        finished = self.finished
        positions = range(first, min(stop, finished))
        if not positions:
            lines = []
        elif self._scan is not None:
            lines = list(self._scan.ids[self._low + first : self._low + positions.stop])
        else:
            low, high = self.line(first), self.line(positions[-1])
            whole = high - low == len(positions) - 1  # nothing among them is folded, or more than one line
            lines = list(range(low, high + 1) if whole else map(self.line, positions))
        if self.live is not None and first <= finished < stop:
            lines.append(self.live.row)
        return lines

    def rows(self, first: int, last: int) -> Iterator[int]:
        """The rows from line `first` to line `last` (included), also those that are folded."""
        if self._scan is not None:
            position = self.position(first)
            while position < len(self) and (row := self.line(position)) <= last:
                yield row
                position += 1
            return
        row, stop = self.store.rows.start(max(first, self._low)), self._high
        while row < stop and row <= last:
            yield row
            row = self.store.rows.stop(row)
        if self.live is not None and row == self.live.row <= last:
            yield row

    def taken(self, first: int, last: int) -> Iterator[int]:
        """The rows that somebody takes who takes what is shown from line `first` to line `last` (included): with the
        row of a fold all that is folded in it, and nothing of one whose row stands above."""
        for row in self.rows(first, last):
            fold = self.folds.hidden_by(row)
            if fold is None or fold >= first:
                yield row
        for low, high in self.folds.behind(first, last):
            yield from self.rows(low, high - 1)

    def position(self, line: int) -> int:
        """Where the row of line `line` is; of one that is folded, where the fold's row is; of any other that is not
        shown, where the next shown row after it is (len(view) past the end)."""
        line = self.store.rows.start(line)
        if self._scan is None:
            folds = self.folds
            before = folds.position(self._low, line) if folds else self.store.rows.count(self._low, line)
            return min(before, len(self))
        return min(max(self._scan.ids.before(line), self._low), self._high) - self._low

    def reaches(self, line: int) -> bool:
        """Whether a walk stops at line `line`: it is in the view, or in a loop or a storm that opens for it. What is
        folded in a crash is that crash's, whose row is in the view.
        """
        if self.shows(line):
            return True
        return self._scan is None and line >= self._low and not self.folds.inside_crash(line)

    def apart(self, line: int) -> bool:
        """Whether lines are left out between line `line` and the one that is shown before it."""
        position = 0 if self._scan is None else self.position(line)
        return position > 0 and self.store.rows.stop(self.line(position - 1)) < self.store.rows.start(line)

    def shows(self, line: int) -> bool:
        """Whether the row of line `line` is in the view."""
        position = self.position(line)
        return position < len(self) and self.line(position) == self.store.rows.start(line)
