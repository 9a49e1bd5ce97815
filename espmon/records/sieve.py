"""Says of a short line that there is nothing but text in it, mostly without a search.

A board prints few kinds of lines, and its lines of one kind differ in their digits. So the shape of a line, which is
the line without its digits, is nearly always one that was searched before.
"""

from __future__ import annotations

from collections.abc import Iterable

from espmon.records.anchors import anchored

DIGITS = b"0123456789"
KEPT = 4096
"""Shapes that are remembered; when there are more, all are forgotten."""

LONGEST = 200
"""Bytes of the longest shape that is remembered."""


class Sieve:
    """Remembers shapes of plain lines.

    A byte string that stands in a line stands in the line's shape too, when its own digits are taken out: what finds
    none of the shortened strings in the shape knows that the line holds none of the strings.

    Args:
        literals: what a line must not hold to be plain.
    """

    def __init__(self, literals: Iterable[bytes]) -> None:
        self._search = anchored(literal.translate(None, DIGITS) or literal for literal in literals).search
        self._sure = all(literal.translate(None, DIGITS) for literal in literals)
        self.known: set[bytes] = set()
        """Shapes of plain lines."""

    def plain(self, shape: bytes) -> bool:
        """True when a line of this shape, without its LF, holds none of the strings, and a CR only at its end."""
        if not self._sure or self._search(shape) is not None or b"\r" in shape[:-1]:
            return False
        if len(shape) <= LONGEST:
            if len(self.known) >= KEPT:
                self.known.clear()
            self.known.add(shape)
        return True
