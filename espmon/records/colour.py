"""Colour for log lines that a board prints without: green, yellow and red by level, as `idf.py monitor` does."""

from __future__ import annotations

import re
from types import MappingProxyType

RESET = b"\x1b[0m"

COLOURS = MappingProxyType({b"I": b"\x1b[0;32m", b"W": b"\x1b[0;33m", b"E": b"\x1b[1;31m"})
"""Level -> the escape sequence before the line. D and V stay plain."""

_HEADS = re.compile(rb"^([IWE]) \([\d:. -]+\)[^\r\n]*", re.MULTILINE)
_HEADER = re.compile(rb"([IWE]) \([\d:. -]+\)")


def colour_of(line: bytes) -> bytes | None:
    """The escape sequence for a line, None when it stays as it is (no log header, or coloured by the board)."""
    match = _HEADER.match(line)
    return COLOURS[match[1]] if match else None


class AutoColour:
    """Adds colour to a stream of lines and pieces of lines.

    A line that begins with a piece gets its colour with that piece and its reset at the line end, whenever that comes.
    """

    def __init__(self) -> None:
        self._open = False

    def piece(self, data: bytes) -> bytes:
        """The coloured form of a whole line, the begin of one, or the rest of one. Nothing else is changed."""
        body = data.rstrip(b"\r\n")
        end = data[len(body) :]
        colour = None if self._open else colour_of(body)
        if colour is None and not self._open:
            return data
        self._open = not end
        return (colour or b"") + body + (RESET + end if end else b"")

    def block(self, data: bytes) -> bytes | None:
        """The coloured form of whole lines at once; None when they must be taken one by one as pieces."""
        if self._open or not data.endswith(b"\n") or data.count(b"\r") != data.count(b"\r\n"):
            return None
        return _HEADS.sub(lambda line: COLOURS[line[1]] + line[0] + RESET, data)
