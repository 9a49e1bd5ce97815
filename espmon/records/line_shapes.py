"""Says of lines that there is nothing but text in them, mostly without a search.

A board prints few kinds of lines, and its lines of one kind differ in numbers. So the shape of a line, which is the
line without its dull bytes, is nearly always one that was searched before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum

from espmon.records.anchors import anchored

SHAPELESS = b"0123456789ABCDEF \t:()[]/-._,=;'\"%+aeioubdfhly"
"""Bytes that tell no line from another: numbers, also hexadecimal ones, punctuation, and letters that are in most
words. What is left of the strings that matter hardly occurs in other lines."""

MAX_SHAPES = 4096
"""Shapes of one kind that are remembered."""

CR = b"\r"

MAX_SHAPE_BYTES = 200
"""Bytes of the longest shape that is remembered."""

FORGET_AFTER = 1 << 16
"""Lines of unknown shape after which all shapes are forgotten: the board may print other lines by now."""


class PlainText(IntEnum):
    """What is known of whole lines."""

    NO = 0
    """One of the strings stands in them."""

    LINES = 1
    """None does."""

    EVEN = 2
    """None does, and each line ends with LF or CR LF and has no other CR."""


class LineNeedle(bytes):
    """A string whose lines have more in common than the string itself.

    Attributes:
        shape: what is in the shape of every such line: longer than what is left of the string alone.
    """

    shape: bytes

    def __new__(cls, literal: bytes, shape: bytes) -> LineNeedle:
        """The string, with that shape."""
        needle = super().__new__(cls, literal)
        needle.shape = shape
        return needle


class LineShapes:
    """Remembers shapes of plain lines.

    A byte string that stands in a line stands in the line's shape too, when its own dull bytes are taken out: what
    finds none of the shortened strings in the shape knows that the line holds none of the strings.

    Args:
        literals: what a line must not hold to be plain.
    """

    def __init__(self, literals: Iterable[bytes]) -> None:
        literals = list(literals)
        short = [
            literal.shape if isinstance(literal, LineNeedle) else literal.translate(None, SHAPELESS)
            for literal in literals
        ]
        self._exact = anchored(literals).search
        # A string of dull bytes alone may be in a line of any shape.
        self._short = (anchored(short) if all(short) else re.compile(b"")).search
        self._unknown = 0
        self.known: set[bytes] = set()
        """Shapes of plain lines without a CR but in their end."""

        self._ragged: set[bytes] = set()  # those of the other plain lines

    def plain(self, shape: bytes, line: bytes) -> bool:
        """True when a line holds none of the strings."""
        if shape in self._ragged:
            return True
        if self._short(shape) is not None:
            return self._exact(line) is None
        self._learn(shape)
        return True

    def all_plain(self, text: bytes) -> PlainText:
        """What is known of many whole lines: false when one of them holds one of the strings."""
        short = text.translate(None, SHAPELESS)
        shapes = short.split(b"\n")
        if self.known.issuperset(shapes):
            return PlainText.EVEN
        if self._short(short) is not None:  # a line of such a shape may hold one another time
            return PlainText.LINES if self._exact(text) is None else PlainText.NO
        even = True
        for shape in {*shapes} - self.known:
            even = even and CR not in shape[:-1]
            if shape not in self._ragged:
                self._learn(shape)
        return PlainText.EVEN if even else PlainText.LINES

    def _learn(self, shape: bytes) -> None:
        self._unknown += 1
        if self._unknown > FORGET_AFTER:
            self._unknown = 0
            self.known.clear()
            self._ragged.clear()
        shapes = self._ragged if CR in shape[:-1] else self.known
        if len(shapes) < MAX_SHAPES and len(shape) <= MAX_SHAPE_BYTES:
            shapes.add(shape)
