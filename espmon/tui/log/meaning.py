"""What a colour on the screen says, and which parts of a log line say it.

An eye that looks for trouble finds it: information is in the foreground's colour with only its letter and its tag
coloured, warnings and errors are coloured as a whole, what is for debugging steps back.
"""

from __future__ import annotations

from enum import StrEnum

from espmon.records.columns import head_parts


class Meaning(StrEnum):
    """What is said by a colour; the theme says which colour it is."""

    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"
    DEBUG = "debug"
    VERBOSE = "verbose"
    TAG = "tag"
    TIME = "time"
    MARK = "mark"
    CRASH = "crash"
    MATCH = "match"
    CURRENT = "current"


LEVELS = {
    "E": Meaning.ERROR,
    "W": Meaning.WARNING,
    "I": Meaning.INFORMATION,
    "D": Meaning.DEBUG,
    "V": Meaning.VERBOSE,
}
"""Level -> what its colour says."""

BOARD_COLOURS: dict[str, frozenset[object]] = {
    "E": frozenset({None, 1, 9}),
    "W": frozenset({None, 3, 11}),
    "I": frozenset({None, 2, 10}),
    "D": frozenset({None, 2, 6, 14}),
    "V": frozenset({None, 6, 7, 8, 15}),
}
"""Level -> foreground colours of SGR in which boards print whole lines of it: they say nothing but the level."""

Part = tuple[int, int, Meaning | None]
"""(start, end, meaning) in characters; None is plain text."""


def parts_of(text: str, level: str | None = None) -> tuple[str, list[Part]] | None:
    """The level of a line, and its parts in order and without holes; None for a line that has no level.

    Args:
        text: the line as shown.
        level: the level that somebody else knows, where the line itself does not say it.
    """
    head = None if level is not None else head_parts(text.encode("utf-8", "replace"))
    if head is not None:
        level = head.level
    if level is None:
        return None
    end = len(text)
    if level != "I":
        return level, [(0, end, LEVELS[level])]
    if head is None:
        return level, [(0, end, None)]
    named = [(head.word, Meaning.INFORMATION), (head.time, Meaning.TIME), (head.tag, Meaning.TAG)]
    found: list[Part] = []
    at = 0
    for (low, high), meaning in sorted((span, meaning) for span, meaning in named if span is not None):
        # Bytes are characters up to here, or a part begins elsewhere: then it is left as it is.
        if low < at or not text[:high].isascii():
            continue
        # Brackets and blanks between the parts step back with the time; one run is one sequence on the wire.
        if meaning is Meaning.TIME:
            low = at
        elif low > at and found and found[-1][2] is Meaning.TIME:
            found[-1] = (found[-1][0], low, Meaning.TIME)
        elif low > at:
            found.append((at, low, Meaning.TIME))
        found.append((low, high, meaning))
        at = high
    if at < end:
        found.append((at, end, None))
    return level, found
