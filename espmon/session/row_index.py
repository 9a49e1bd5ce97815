"""Which lines of the log are one row of a terminal: a CR alone ends a line, and what follows overwrites it."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right


class RowIndex:
    """The lines that go on in the row of the line before them. One writer; any number of readers on other threads.

    A row is called by the id of its first line. Memory: 16 bytes a line that overwrites another one, nothing for
    the others.
    """

    def __init__(self) -> None:
        # The joined lines; how many rows begin before each of them, which tells the runs apart and finds the n-th
        # row; how many joined lines are not kept any more. Replaced together, else only added to.
        self._joined = array("Q"), array("Q"), 0

    def join(self, line: int) -> None:
        """Line `line`, the newest, goes on in the row of the line before it."""
        lines, ranks, gone = self._joined
        lines.append(line)
        ranks.append(line - gone - len(ranks))

    def forget(self, first: int) -> None:
        """The lines before `first` are not kept any more: it begins a row, or what is left of one."""
        lines, ranks, gone = self._joined
        drop = bisect_right(lines, first)
        if drop:
            self._joined = lines[drop:], ranks[drop:], gone + drop

    def _before(self, line: int) -> int:
        """Index of the first joined line from `line` on."""
        lines, ranks, _ = self._joined
        return bisect_left(lines, line, 0, len(ranks))

    def joined(self, low: int, high: int) -> array[int]:
        """The lines `low <= line < high` that go on in the row of the line before them."""
        return self._joined[0][self._before(low) : self._before(high)]

    def count(self, low: int, high: int) -> int:
        """Rows that the lines from `low` up to `high` (excluded) are in."""
        if high <= low:
            return 0
        return high - low - (self._before(high) - self._before(low + 1))

    def nth(self, low: int, position: int) -> int:
        """The row `position` rows after the one that line `low` is in."""
        _, ranks, gone = self._joined
        rank = low - gone - self._before(low + 1) + position
        return rank + gone + bisect_right(ranks, rank)

    def start(self, line: int) -> int:
        """The row that line `line` is in."""
        lines, ranks, _ = self._joined
        at = bisect_left(lines, line, 0, len(ranks))
        if at == len(ranks) or lines[at] != line:
            return line
        return lines[bisect_left(ranks, ranks[at])] - 1

    def stop(self, line: int) -> int:
        """Id after the last line of the row that line `line` is in."""
        lines, ranks, _ = self._joined
        at = bisect_right(lines, line, 0, len(ranks))
        if at == len(ranks) or lines[at] != line + 1:
            return line + 1
        return lines[bisect_right(ranks, ranks[at]) - 1] + 1
