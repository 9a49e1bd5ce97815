"""What the board says from some moment on, line by line, for whoever waits for something in it."""

from __future__ import annotations

from typing import NamedTuple

from espmon.records.lines import LineBlock
from espmon.session.store import LogStore
from espmon.user_pattern import PatternTooSlow, UserPattern

MAX_BEHIND = 2_000
"""Lines that are looked at in one go; of more, the oldest are passed over."""


class HeardLine(NamedTuple):
    """One line, or as much of it as has come."""

    offset: int
    """Where it begins in the stream."""

    text: str


class HeardLines:
    """Follows a log from now on. May be used by one thread at a time, which need not be the session's.

    Args:
        store: the log.
        offset: stream offset from which on it is followed: of a line that began before, only the rest is heard.
    """

    def __init__(self, store: LogStore, offset: int) -> None:
        self._store = store
        self._since = offset
        self._line = len(store)
        self._tail = -1

    def take(self) -> list[HeardLine]:
        """The lines that have ended since the last call, and the one that is still being received if it has grown."""
        store, heard = self._store, []
        end, unfinished = len(store), store.unfinished
        first = max(self._line, end - MAX_BEHIND, store.first)
        for segment in store.segments(first) if end > first else ():
            if segment.block.source == "mark":
                continue
            for index in range(max(0, first - segment.first), min(len(segment.block), end - segment.first)):
                heard += self._heard(segment.block, index)
        self._line = end
        if unfinished is not None and (version := unfinished.offset + unfinished.length) != self._tail:
            self._tail = version
            heard += self._heard(unfinished, 0)
        return heard

    def _heard(self, block: LineBlock, index: int) -> list[HeardLine]:
        offset = block.line_offset(index)
        if offset >= self._since:
            return [HeardLine(offset, block.text(index))]
        rest = block.body(index)[self._since - offset :]
        return [HeardLine(offset, rest.decode("utf-8", "backslashreplace"))] if rest else []


def finds(pattern: UserPattern, text: str) -> bool:
    """Whether `text` has it; a line on which that takes too long has it not, and is counted by the pattern."""
    try:
        return pattern.search(text) is not None
    except PatternTooSlow:
        return False
