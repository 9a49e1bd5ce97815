"""Lines of the session's own between the board's lines: gaps, resets, where a payload stood, what was sent."""

from __future__ import annotations

from array import array
from typing import ClassVar

from espmon.records.lines import LineBlock


class MarkBlock(LineBlock):
    """One line of the session's own between the board's lines: a gap, a reset, where a payload stood."""

    __slots__ = ()

    source: ClassVar[str] = "mark"

    def __init__(self, text: str, offset: int, time: float | None) -> None:
        data = text.encode("utf-8", "backslashreplace") + b"\n"
        super().__init__(data, offset, array("I", [0, len(data)]), time=time)


class SentBlock(MarkBlock):
    """One line that was sent to the board, at the time when it was."""

    __slots__ = ()
