"""Reads SGR colour out of a line by hand: 16 colours, 256 colours, true colour, and the common attributes.

A pen is `(foreground, background, attributes)`. A colour is None (the terminal's own), 0 to 255 (palette) or
`(red, green, blue)`, and for the foreground what the screen itself means; attributes are the bits
below. Source: ECMA-48 section 8.3.117, ITU-T T.416 for colour.
"""

from __future__ import annotations

import re
from functools import lru_cache

from espmon.tui.log.meaning import Meaning

Colour = int | tuple[int, int, int] | None
Pen = tuple[Colour | Meaning, Colour, int]

PLAIN: Pen = (None, None, 0)
BOLD, DIM, ITALIC, UNDERLINE, REVERSE, STRIKE = 1, 2, 4, 8, 16, 32

_ON = {1: BOLD, 2: DIM, 3: ITALIC, 4: UNDERLINE, 7: REVERSE, 9: STRIKE}
_OFF = {22: BOLD | DIM, 23: ITALIC, 24: UNDERLINE, 27: REVERSE, 29: STRIKE}

SEQUENCE = re.compile("\x1b\\[([0-9;:]*)m")
MAX_PARAMETERS = 32
"""Most parameters of one sequence that are read; the rest cannot matter."""


def _extended(numbers: list[int], at: int) -> tuple[Colour, int]:
    """The colour after a 38 or 48 at `at`, and how many numbers it took."""
    if at + 2 < len(numbers) and numbers[at + 1] == 5:
        return min(numbers[at + 2], 255), 2
    if at + 4 < len(numbers) and numbers[at + 1] == 2:
        red, green, blue = (min(number, 255) for number in numbers[at + 2 : at + 5])
        return (red, green, blue), 4
    return None, len(numbers)


@lru_cache(maxsize=1024)
def apply(pen: Pen, parameters: str) -> Pen:
    """The pen after `ESC [ parameters m`."""
    if parameters in ("", "0"):
        return PLAIN
    colons = ":" in parameters
    if colons:
        # 38:2::r:g:b has an empty colour-space field that 38;2;r;g;b has not.
        parameters = parameters.replace(":2::", ":2:").replace(":", ";")
    numbers = [int(number[:4]) if number else 0 for number in parameters.split(";")[:MAX_PARAMETERS]]
    foreground, background, attributes = pen
    at = 0
    while at < len(numbers):
        number = numbers[at]
        if number == 0:
            foreground, background, attributes = PLAIN
        elif number in _ON:
            attributes |= _ON[number]
        elif number in _OFF:
            attributes &= ~_OFF[number]
        elif 30 <= number <= 37:
            foreground = number - 30
        elif number == 39:
            foreground = None
        elif 40 <= number <= 47:
            background = number - 40
        elif number == 49:
            background = None
        elif 90 <= number <= 97:
            foreground = number - 82
        elif 100 <= number <= 107:
            background = number - 92
        elif number in (38, 48):
            colour, used = _extended(numbers, at)
            at += used
            if number == 38:
                foreground = colour
            else:
                background = colour
        at += 1
    return foreground, background, attributes


def pen_of(sequences: bytes) -> Pen:
    """The pen after these sequences."""
    pen = PLAIN
    for match in SEQUENCE.finditer(sequences.decode("ascii", "replace")):
        pen = apply(pen, match[1])
    return pen


def split(text: str, pen: Pen = PLAIN) -> list[tuple[str, Pen]]:
    """`text` as runs of one pen each, the first with `pen`; the sequences are gone, anything else is as it is."""
    runs: list[tuple[str, Pen]] = []
    parts = SEQUENCE.split(text)
    # SEQUENCE has one group: text, parameters, text, parameters, ..., text
    if parts[0]:
        runs.append((parts[0], pen))
    for at in range(1, len(parts), 2):
        pen = apply(pen, parts[at])
        if parts[at + 1]:
            runs.append((parts[at + 1], pen))
    return runs
