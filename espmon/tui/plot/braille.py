"""Curves in braille dots, two by four a cell."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

DOTS_ACROSS, DOTS_DOWN = 2, 4
_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_EMPTY = 0x2800

Run = tuple[str, int]
"""Characters, and the number of the curve they belong to; -1 where there is none."""


class Canvas:
    """Dots of several curves; where two share a cell, the later one colours it.

    Args:
        width: cells.
        height: cells.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width = max(1, width)
        self.height = max(1, height)
        self._bits = [bytearray(self.width) for _ in range(self.height)]
        self._curves = [[-1] * self.width for _ in range(self.height)]

    @property
    def across(self) -> int:
        """Dots in a row."""
        return self.width * DOTS_ACROSS

    @property
    def down(self) -> int:
        """Dots in a column."""
        return self.height * DOTS_DOWN

    def column(self, x: int, low: int, high: int, curve: int) -> None:
        """The dots of column `x` from `low` to `high`, counted from below; what lies outside is cut."""
        if not 0 <= x < self.across:
            return
        for dot in range(max(0, low), min(self.down - 1, high) + 1):
            y = self.down - 1 - dot
            row, column = y // DOTS_DOWN, x // DOTS_ACROSS
            self._bits[row][column] |= _BITS[x % DOTS_ACROSS][y % DOTS_DOWN]
            self._curves[row][column] = curve

    def rows(self) -> Iterator[list[Run]]:
        """The rows from above, as runs of one curve."""
        for bits, curves in zip(self._bits, self._curves, strict=True):
            cells = [(chr(_EMPTY + bit) if bit else " ", curve) for bit, curve in zip(bits, curves, strict=True)]
            yield [
                ("".join(character for character, _ in run), curve)
                for curve, run in groupby(cells, key=lambda cell: cell[1])
            ]
