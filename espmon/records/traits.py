"""What else than plain characters is in a block of lines: it decides which short ways a search may take."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

EDITING_BYTES = re.compile(rb"[\x07\x08]|\x1b(?!\[[0-9;:]*m)")
"""What makes more of a line than its characters and their colours. A CR stands at the ends of lines only."""

INNER_SGR = re.compile(rb"\x1b(?<=[^\r\n]\x1b)\[[0-9;:]*m(?=[^\r\n\x1b])")
"""Colour in the middle of a line: only there can it split what the user searches for. Written so that the search for it
is a search for one byte."""

_NO_COLOUR = re.compile(rb"\x1b(?!\[[0-9;:]*m)")
"""A sequence that is no colour. It begins with one byte, which is found many times faster than one of several."""

USUAL_SGR = rb"\x1b\[[0-9](?:;[0-9][0-9]|[0-9])?m"
"""A colour as ESP-IDF, Zephyr and most others write it. Where there are only such ones, at most one at the beginning of
each line and at its end, a search knows from the few bytes before a place whether that is within a colour."""

LONG_LINE = 512
"""Bytes, with its end, from which on a line is a long one."""

_BEGINS = rb"(?<![^\r\n]\x1b)"
_ODD = re.compile(
    rb"\x1b(?!\[0m[\r\n]|%b\[0;3[0-9]m[^\x1b]|%b%b[^\x1b]|%b[\r\n])" % (_BEGINS, _BEGINS, USUAL_SGR[4:], USUAL_SGR[4:])
)
"""What is no usual colour, or stands in the middle: mostly there is neither, and one search says so for all three.
What ESP-IDF prints is tried first."""


class Traits(NamedTuple):
    """What may be in the lines of a block."""

    ascii: bool
    """Nothing but ASCII."""

    coloured: bool
    """There are escape sequences."""

    usual: bool
    """No escape sequences but `USUAL_SGR`, one at the beginning of a line and one at its end at most."""

    inner: bool
    """Colour in the middle of lines."""

    edits: bool
    """Something that moves over the row or erases."""

    whole: bool
    """Each line ends with one LF, and has no other."""

    long: bool
    """There are long lines."""


def edits(data: bytes) -> bool:
    """Whether there is anything in these lines that `EDITING_BYTES` finds; mostly known without a search."""
    if b"\x08" in data or b"\x07" in data:
        return True
    return _NO_COLOUR.search(data) is not None


def traits_of(data: bytes, lines: int) -> Traits:
    """The traits of so many lines."""
    coloured = b"\x1b" in data
    odd = coloured and _ODD.search(data) is not None
    return _shared(
        Traits(
            ascii=data.isascii(),
            coloured=coloured,
            usual=not odd,
            inner=odd and INNER_SGR.search(data) is not None,
            edits=edits(data) if odd else b"\x08" in data or b"\x07" in data,
            whole=data.count(b"\n") == lines and data.endswith(b"\n"),
            long=len(data) >= LONG_LINE and max(map(len, data.split(b"\n"))) >= LONG_LINE,
        )
    )


def joined_traits(parts: Iterable[Traits]) -> Traits:
    """The traits of lines that follow one another in several blocks."""
    plain, coloured, usual, inner, edited, whole, long = zip(*parts, strict=True)
    return _shared(Traits(all(plain), any(coloured), all(usual), any(inner), any(edited), all(whole), any(long)))


@cache
def _shared(traits: Traits) -> Traits:
    """One object for all blocks of a kind: there are at most 128 kinds."""
    return traits
