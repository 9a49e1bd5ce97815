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
from espmon.records.sgr_state import sgr_state
from espmon.session.row_index import RowIndex

STORE_BYTES = 256 << 20
"""Default cap on the bytes of text kept in memory; the raw recording has everything."""


@dataclass(frozen=True, slots=True)
class LiveRow:
    """The row at the end of the log that still changes: what will overwrite its last line, or finish it, is to come."""

    row: int
    """Id of its first line: the one that it has once it is finished. That line may be still to come itself."""

    end: int
    """Id after the last of its lines that are in the store."""

    version: int
    """Stream offset behind its last byte: another version has other bytes."""

    unfinished: LineBlock | None
    """The line that is still being received, alone in its block; None when the row ends with a CR so far."""

    sgr: bytes = b""
    """The colour sequences that are in force behind the last line of the store."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A block, the ids of its lines, and the colour sequences that are in force where it begins."""

    first: int
    block: LineBlock
    sgr: bytes = b""

    @property
    def loaded(self) -> Segment:
        """The same with its lines in memory, for who looks at many of them; without their times."""
        page = self.block.page
        return self if page is self.block else Segment(self.first, page, self.sgr)


class LogStore:
    """Line blocks in the order received.

    Args:
        limit: bytes of text to keep; the oldest blocks go first.
        wall: turns the times of lines into wall time, for people.
        cr_overwrites: a line that a CR alone ends is one row with the next line, which overwrites it; else each line is
            a row.
    """

    def __init__(
        self, limit: int = STORE_BYTES, wall: Callable[[float], float] = float, *, cr_overwrites: bool = False
    ) -> None:
        self.wall = wall
        self.rows = RowIndex()
        """Which lines are one row."""

        self._limit = limit
        self._cr_overwrites = cr_overwrites
        self._segments: list[Segment] = []
        self._firsts: list[int] = []
        self._end = 0
        self._first = 0
        self._bytes = 0
        self._sgr = b""
        self._open_row = 0
        self._live: LiveRow | None = None

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
    def rows_end(self) -> int:
        """Id after the last line of a finished row."""
        return self._open_row

    @property
    def live(self) -> LiveRow | None:
        """The row that still changes, None when there is none."""
        live = self._live
        return live if live is not None and live.row == self._open_row else None

    @property
    def unfinished(self) -> LineBlock | None:
        """The line that is still being received, alone in its block; None when there is none."""
        live = self._live
        return live.unfinished if live is not None and live.end == self._end else None

    def grow(self, unfinished: LineBlock | None) -> bool:
        """Publish the line that is still being received. Only the session's thread calls this.

        Returns:
            Whether the row that still changes is another one than before, or has changed.
        """
        before = self.live
        if unfinished is not None:
            live = LiveRow(self._open_row, self._end, unfinished.offset + unfinished.length, unfinished, self._sgr)
        elif self._open_row < self._end:
            last = self._segments[-1].block
            live = LiveRow(self._open_row, self._end, last.offset + last.length, None, self._sgr)
        else:
            self._live = None
            return before is not None
        self._live = live
        return before is None or (live.row, live.version) != (before.row, before.version)

    def append(self, block: LineBlock) -> None:
        """Add lines at the end. Only the session's thread calls this."""
        if not len(block):
            return
        self._keep(block)
        if block.source == "text":
            self._sgr = sgr_state(self._sgr, block.data)
        open_row = self._join(block)
        self._end += len(block)
        self._open_row = self._end if open_row is None else open_row
        if self._bytes > self._limit:
            self._evict()

    def _keep(self, block: LineBlock) -> None:
        self._segments.append(Segment(self._end, block, self._sgr))
        self._firsts.append(self._end)
        self._bytes += self._cost(block)

    def _cost(self, block: LineBlock) -> int:
        """Bytes of memory that count for a block."""
        return block.length

    def _join(self, block: LineBlock) -> int | None:
        """Note which of the lines that are about to be added go on in a row; returns the row that stays open."""
        end, count = self._end, len(block)
        if self._open_row < end and block.source == "text":
            self.rows.join(end)
        overwritten = block.overwritten() if self._cr_overwrites else ()
        for index in overwritten:
            if index + 1 < count:
                self.rows.join(end + index + 1)
        return self.rows.start(end + count - 1) if overwritten and overwritten[-1] == count - 1 else None

    def _evict(self) -> None:
        drop = 0
        while self._bytes > self._limit * 0.9 and drop < len(self._segments) - 1:
            self._bytes -= self._cost(self._segments[drop].block)
            drop += 1
        segments, firsts = self._segments[drop:], self._firsts[drop:]
        # Readers hold the old lists or the new ones, never a list that changes under them.
        self._segments, self._firsts = segments, firsts
        self._first = segments[0].first
        self.rows.forget(self._first)

    def segment(self, line: int) -> Segment:
        """The segment that line `line` is in. Raises IndexError for a line not kept (any more)."""
        segments, firsts = self._segments, self._firsts
        index = bisect_right(firsts, line) - 1
        if index < 0 or index >= len(segments) or line >= segments[index].first + len(segments[index].block):
            raise IndexError(line)
        return segments[index]

    def segments(self, start: int = 0) -> list[Segment]:
        """The segments that hold line `start` and everything after it, oldest first."""
        segments, firsts = self._segments, self._firsts
        index = max(0, bisect_right(firsts, start) - 1)
        return segments[index:]

    def locate(self, line: int) -> tuple[LineBlock, int]:
        """The block of line `line` and its index there. Raises IndexError for a line not kept (any more)."""
        segment = self.segment(line)
        return segment.block, line - segment.first

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
