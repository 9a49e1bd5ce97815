"""Which lines are on the scroll, in order: all of them or the filtered ones, after the last clear.

The line that is still being received is the last one, under the id that it will have. It is not in the store.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from espmon.records.lines import LineBlock
from espmon.session.store import LogStore, Tail
from espmon.tui.log.history_scan import Scan


def _any(line: LineBlock) -> bool:
    return True


class LogView:
    """Maps positions on the scroll to line ids and back. Ids are stable, positions move when old lines go.

    Args:
        store: the log.
    """

    def __init__(self, store: LogStore) -> None:
        self.store = store
        self.base = 0
        """Lines before this one are cleared from the screen (they stay in the store)."""

        self._scan: Scan | None = None
        self._low = 0
        self._high = 0
        self.shows_tail: Callable[[LineBlock], bool] = _any
        """Whether the line that is still being received passes the filter as it stands."""

        self._looked_at: Tail | None = None
        self._passes = False
        self.tail: Tail | None = None
        """The line that is still being received, None when there is none or the filter hides it."""

        self.sync()

    @property
    def scan(self) -> Scan | None:
        """The filter's scan, None when every line is shown."""
        return self._scan

    def use(self, scan: Scan | None) -> None:
        """Show what `scan` found, or everything."""
        self._scan = scan
        self._looked_at = None
        self.sync()

    def clear(self) -> None:
        """Hide everything received so far."""
        self.base = len(self.store)
        self.sync()

    def unclear(self) -> None:
        """Show again what `clear` hid."""
        self.base = 0
        self.sync()

    def sync(self) -> None:
        """Take in what the store gained and lost since the last call."""
        # The tail first: a line that is finished in between is then in the store, and not shown twice.
        tail = self.store.tail
        first = max(self.base, self.store.first)
        if self._scan is None:
            self._low, self._high = first, max(first, len(self.store))
        else:
            self._scan.evict()
            ids = self._scan.ids
            self._low, self._high = bisect_left(ids, first), len(ids)
        if tail is not self._looked_at:
            self._looked_at, self._passes = tail, tail is not None and self.shows_tail(tail.block)
        newest = self._high - 1 if self._scan is None else self._scan.ids[-1] if self._high else -1
        self.tail = tail if tail is not None and self._passes and tail.line > newest else None

    def __len__(self) -> int:
        return self._high - self._low + (self.tail is not None)

    @property
    def finished(self) -> int:
        """Lines of the view but the one that is still being received."""
        return self._high - self._low

    def line(self, position: int) -> int:
        """Id of the line at `position`. Raises IndexError outside of the view."""
        if not 0 <= position < len(self):
            raise IndexError(position)
        if self.tail is not None and position == self.finished:
            return self.tail.line
        if self._scan is None:
            return self._low + position
        return self._scan.ids[self._low + position]

    def position(self, line: int) -> int:
        """Where line `line` stands, or where the next shown line after it does (len(view) past the end)."""
        if self._scan is None:
            return min(max(line - self._low, 0), len(self))
        at = bisect_left(self._scan.ids, line, self._low, self._high)
        return at - self._low

    def shows(self, line: int) -> bool:
        """Whether line `line` is in the view."""
        position = self.position(line)
        return position < len(self) and self.line(position) == line
