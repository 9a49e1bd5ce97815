"""The log: every received line, as blocks of columns, with one writer and any number of readers.

The session's thread appends; the screen's thread and the filter threads read. Appending publishes the new length last,
so a reader that took `len(store)` may use every index below it. Lines have stable ids: id = index since the session
began; when old blocks are dropped at the cap, `first` moves up and ids stay.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

from espmon.records.lines import Line, LineBlock

STORE_BYTES = 256 << 20
"""Default cap on the bytes of text kept in memory; the raw recording has everything."""


@dataclass(frozen=True, slots=True)
class Tail:
    """The line that is still being received. It is not in the store; when it is finished, it gets the id `line`."""

    line: int
    """The id that the line will have. A reader for whom the store is longer has a line that was finished meanwhile."""

    version: int
    """Stream offset behind its last byte: another version has other bytes."""

    block: LineBlock
    """The line as it stands, alone in its block: its bytes, and the time of the first one."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A block and the ids of its lines."""

    first: int
    block: LineBlock


class LogStore:
    """Line blocks in the order received.

    Args:
        limit: bytes of text to keep; the oldest blocks go first.
        wall: turns the times of lines into wall time, for people.
    """

    def __init__(self, limit: int = STORE_BYTES, wall: Callable[[float], float] = float) -> None:
        self.wall = wall
        self._limit = limit
        self._segments: list[Segment] = []
        self._firsts: list[int] = []
        self._end = 0
        self._first = 0
        self._bytes = 0
        self._tail: Tail | None = None

    def __len__(self) -> int:
        """Id after the newest line (ids start at 0 and never change)."""
        return self._end

    @property
    def first(self) -> int:
        """Id of the oldest line still kept."""
        return self._first

    @property
    def bytes(self) -> int:
        """Bytes of text kept."""
        return self._bytes

    @property
    def tail(self) -> Tail | None:
        """The line that is still being received, None when there is none."""
        tail = self._tail
        return tail if tail is not None and tail.line == self._end else None

    def grow(self, unfinished: LineBlock | None) -> bool:
        """Publish the line that is still being received. Only the session's thread calls this.

        Returns:
            Whether it is another one than before, or has grown.
        """
        before = self.tail
        if unfinished is None:
            self._tail = None
            return before is not None
        version = unfinished.offset + unfinished.length
        if before is not None and before.version == version and before.block.offset == unfinished.offset:
            return False
        self._tail = Tail(self._end, version, unfinished)
        return True

    def append(self, block: LineBlock) -> None:
        """Add lines at the end. Only the session's thread calls this."""
        if not len(block):
            return
        self._segments.append(Segment(self._end, block))
        self._firsts.append(self._end)
        self._bytes += block.length
        self._end += len(block)
        if self._bytes > self._limit:
            self._evict()

    def _evict(self) -> None:
        drop = 0
        while self._bytes > self._limit * 0.9 and drop < len(self._segments) - 1:
            self._bytes -= self._segments[drop].block.length
            drop += 1
        segments, firsts = self._segments[drop:], self._firsts[drop:]
        # Readers hold the old lists or the new ones, never a list that changes under them.
        self._segments, self._firsts = segments, firsts
        self._first = segments[0].first

    def segments(self, start: int = 0) -> list[Segment]:
        """The segments that hold line `start` and everything after it, oldest first."""
        segments, firsts = self._segments, self._firsts
        index = max(0, bisect_right(firsts, start) - 1)
        return segments[index:]

    def locate(self, line: int) -> tuple[LineBlock, int]:
        """The block of line `line` and its index there. Raises IndexError for a line not kept (any more)."""
        segments, firsts = self._segments, self._firsts
        index = bisect_right(firsts, line) - 1
        if index < 0 or index >= len(segments):
            raise IndexError(line)
        segment = segments[index]
        at = line - segment.first
        if not 0 <= at < len(segment.block):
            raise IndexError(line)
        return segment.block, at

    def record(self, line: int) -> Line:
        """Line `line` as a record."""
        block, index = self.locate(line)
        return block.record(index)

    def line_at(self, offset: int) -> int | None:
        """Id of the line that holds stream offset `offset`, or of the last line before it; None when there is none."""
        segments = self._segments
        low, high = 0, len(segments)
        while low < high:
            middle = (low + high) // 2
            if segments[middle].block.offset <= offset:
                low = middle + 1
            else:
                high = middle
        if not low:
            return None
        segment = segments[low - 1]
        index = bisect_right(segment.block.starts, offset - segment.block.offset) - 1
        return segment.first + min(index, len(segment.block) - 1)
