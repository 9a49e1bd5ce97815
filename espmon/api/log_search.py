"""Looking for an expression in what a board has said, from where the last match ended. Sans-IO.

The log is searched line by line, the unfinished line as it stands; no match spans two lines. Expressions are the
user's and may be slow: search beside the reading loop, not on it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from espmon.records.lines import LineBlock
from espmon.session.store import LogStore
from espmon.text import plain
from espmon.user_pattern import PatternTooSlow, UserPattern


class Position(NamedTuple):
    """A place in the log."""

    offset: int
    """Stream offset of a line's first byte."""

    at: int
    """Characters of its text that are passed."""


@dataclass(frozen=True, slots=True)
class Match:
    """Where an expression was found.

    Attributes:
        text: the whole line, without its end and without colour; of an unfinished line what had come of it.
        start: index in `text` of the first character that matched.
        end: index behind the last.
        groups: the groups of the expression, in order; None for one that took no part.
        named: the named groups.
        time: host seconds since the epoch when the line began.
        offset: stream offset of the line.
    """

    text: str
    start: int
    end: int
    groups: tuple[str | None, ...]
    named: dict[str, str | None]
    time: float | None
    offset: int

    @property
    def position(self) -> Position:
        """Behind the match: where the next search begins."""
        return Position(self.offset, self.end)

    def group(self, key: int | str = 0) -> str | None:
        """A group by number (0: all that matched) or name. Raises IndexError or KeyError when there is none such."""
        if isinstance(key, str):
            return self.named[key]
        return self.text[self.start : self.end] if key == 0 else self.groups[key - 1]

    def __getitem__(self, key: int | str) -> str | None:
        return self.group(key)


class LogSearch:
    """One search that goes on while the log grows; no finished line is looked at twice.

    Args:
        store: the log.
        pattern: what is looked for.
        start: where the search begins.
    """

    def __init__(self, store: LogStore, pattern: UserPattern, start: Position) -> None:
        self._store = store
        self._pattern = pattern
        self._next = start

    def look(self) -> Match | None:
        """Search what came since the last look, and the unfinished line. None when it is not there."""
        # The unfinished line first: one that is finished meanwhile is among the lines then.
        unfinished = self._store.unfinished
        for block, index in _lines(self._store, self._next.offset):
            if found := self._line(block, index):
                return found
            self._next = Position(block.line_offset(index + 1), 0)
        if unfinished is not None and unfinished.offset >= self._next.offset:
            return self._line(unfinished, 0)
        return None

    def _line(self, block: LineBlock, index: int) -> Match | None:
        offset = block.line_offset(index)
        text, passed = block.text(index), self._next.at if offset == self._next.offset else 0
        try:
            found = self._pattern.search(text[passed:])
        except PatternTooSlow:
            return None  # counted by the pattern, which is switched off when it happens too often
        if found is None:
            return None
        named: dict[str, str | None] = dict(found.groupdict())
        start, end = passed + found.start(), passed + found.end()
        return Match(text, start, end, tuple(found.groups()), named, block.host_time(index), offset)


def _lines(store: LogStore, offset: int) -> Iterator[tuple[LineBlock, int]]:
    """The board's own finished lines from the one that holds a stream offset on, as (block, index)."""
    first = store.line_at(offset)
    for segment in store.segments(first or 0):
        block = segment.block
        if block.source == "mark" or block.offset + block.length <= offset:
            continue
        begin = max(0, bisect_right(block.starts, offset - block.offset) - 1)
        for index in range(begin, len(block)):
            yield block, index


def shown_lines(store: LogStore, offset: int, limit: int) -> Sequence[str]:
    """What the board said from the line that holds a stream offset, made harmless: the latest `limit` lines."""
    unfinished = store.unfinished
    rows = deque((plain(block.text(index)) for block, index in _lines(store, offset)), maxlen=limit)
    if unfinished is not None and unfinished.offset >= _end(store) and unfinished.offset + unfinished.length > offset:
        rows.append(plain(unfinished.text(0)))
    return list(rows)


def _end(store: LogStore) -> int:
    """Stream offset behind the newest finished line."""
    block = store.segments(len(store))[-1].block if len(store) else None
    return 0 if block is None else block.offset + block.length
