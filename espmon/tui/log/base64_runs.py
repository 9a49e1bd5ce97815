"""Runs of base64 lines: core dumps without their markers, certificates, files that a board prints as text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from espmon.records.lines import LineBlock

MIN_ROWS = 4
"""Fewest rows of a run: less is read as it stands."""

MIN_LONG_ROWS = 2
"""Fewest long ones among them; the rest may be short, as the end of each part of a core dump is."""

_ROW = re.compile(
    rb"(?:(?P<long>[A-Za-z0-9+/]{40,}+={0,2})|[A-Za-z0-9+/]{2,38}+={1,2}|(?:[A-Za-z0-9+/]{4}){4,9}+)[ \t]*+\r*+\n?"
)
_NO_HEX = re.compile(rb"[G-Zg-z+/]")
"""A row without it may be of a hex dump, or zeros in base64: it does not decide."""

Run = tuple[int, int]
"""Ids of its first line and of the line behind its last one."""


class Base64Runs:
    """Finds the runs in a log that is read once, in order. All methods run on the thread that reads it.

    Attributes:
        found: runs that nobody took yet; one that goes on is found again, longer.
    """

    def __init__(self) -> None:
        self.found: list[Run] = []
        self._begin = self._end = 0
        self._long = 0

    def read(self, block: LineBlock, first: int, low: int, high: int) -> None:
        """Look at the lines `low <= index < high` of a block whose first line has the id `first`."""
        if block.decoded:
            return
        levels = block.levels
        going_on = self._end == first + low and self._end > self._begin
        if not going_on and levels.find(bytes(min(MIN_ROWS, high - low)), low, high) < 0:
            return  # what has a level is none
        page = block.page
        data, starts, match = page.data, page.starts, _ROW.match
        for index in range(low, high):
            begin, end = starts[index], starts[index + 1]
            if levels[index] or end - begin < 4 or (row := match(data, begin, end)) is None or row.end() != end:
                self._finish()
                continue
            line = first + index
            if line != self._end:
                self._finish()
                self._begin = line
            self._end = line + 1
            self._long += row["long"] is not None and _NO_HEX.search(row["long"]) is not None
        self._tell()

    def take(self) -> Sequence[Run]:
        """What was found since the last time."""
        found, self.found = self.found, []
        return found

    def _finish(self) -> None:
        self._tell()
        self._begin = self._end = self._long = 0

    def _tell(self) -> None:
        rows = self._end - self._begin
        if rows >= MIN_ROWS and self._long >= MIN_LONG_ROWS:
            self.found.append((self._begin, self._end))
